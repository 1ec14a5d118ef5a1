"""Samples as the page's rolls and players read them: small numbers, one list a sample."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pipeline.notes.note import Notes
from pipeline.notes.theory import DISPLAY_NAMES, pitch_name
from pipeline.report.data import Sample

MAX_NOTES = 60_000
"""Of all samples together: what keeps the page small."""
MAX_MIDI_BYTES = 1_000_000
"""Bytes of MIDI files that are embedded, of all samples together."""
TICKS_PER_SECOND = 100
"""A second in the units of the page."""


@dataclass(frozen=True)
class SamplePlayer:
    """A sample on the page."""

    sample_id: str
    architecture: str
    number: int
    alt_text: str
    """What a roll shows, for those who do not see it."""
    duration: float
    duration_text: str
    """The same as minutes and seconds."""
    download_url: str
    """The MIDI file itself as an address; empty where it is too large."""
    file_name: str
    """How the downloaded file is called."""


def make_sample_players(samples: Sequence[Sample], by_bits: Sequence[str]) -> list[SamplePlayer]:
    """Return what the template needs of each sample, those of one prompt together, the best architecture first."""

    def rank_sample(index: int) -> tuple[int, int]:
        return samples[index].number, by_bits.index(samples[index].architecture)

    order = sorted(range(len(samples)), key=rank_sample)
    return [_make_sample_player(samples[place], place, len(samples)) for place in order]


def _make_sample_player(sample: Sample, index: int, num_samples: int) -> SamplePlayer:
    notes = truncate_notes(sample.notes, num_samples)
    low, high = (
        _format_pitch(int(pitch)) for pitch in (notes["pitch"].min(), notes["pitch"].max())
    )
    more = (
        f"{len(notes):,} notes"
        if len(notes) == len(sample.notes)
        else f"{len(notes):,} of {len(sample.notes):,} notes"
    )
    length = format_time(_compute_duration(notes))
    says = f"{more} in {length}, from {low} to {high}; the first {sample.prompt_length} were given"
    fits = len(sample.midi_bytes) <= MAX_MIDI_BYTES // num_samples
    link = f"data:audio/midi;base64,{base64.b64encode(sample.midi_bytes).decode()}" if fits else ""
    name = f"{sample.architecture}-{sample.number:02}.mid"
    return SamplePlayer(
        f"s{index}",
        sample.architecture,
        sample.number,
        says,
        round(_compute_duration(notes), 2),
        length,
        link,
        name,
    )


def truncate_notes(notes: Notes, num_samples: int) -> Notes:
    """Return the first notes of a sample, as many as its share of the page allows."""
    return notes[: max(100, MAX_NOTES // num_samples)]


def _compute_duration(notes: Notes) -> float:
    return float((notes["onset"] + notes["duration"]).max())


def format_time(seconds: float) -> str:
    """Return a time as the players write it.

    >>> clock(65.9)
    '1:05'
    """
    return f"{int(seconds) // 60}:{int(seconds) % 60:02}"


def _format_pitch(pitch: int) -> str:
    return pitch_name(pitch, DISPLAY_NAMES)


def pack_samples(samples: Sequence[Sample]) -> dict[str, dict[str, object]]:
    """Return the notes of all samples, for the script; `flat` says how."""
    return {
        f"s{place}": {
            "prompt": sample.prompt_length,
            "notes": pack_notes(truncate_notes(sample.notes, len(samples))),
        }
        for place, sample in enumerate(samples)
    }


def pack_notes(notes: Notes) -> list[int]:
    """Return notes as one list, four numbers each: step and duration in hundredths of a second, pitch, velocity."""
    onset = np.rint(notes["onset"] * TICKS_PER_SECOND).astype(int)
    held = np.maximum(np.rint(notes["duration"] * TICKS_PER_SECOND).astype(int), 1)
    columns = [
        np.diff(onset, prepend=0),
        held,
        notes["pitch"].astype(int),
        notes["velocity"].astype(int),
    ]
    return [int(value) for value in np.stack(columns, axis=1).ravel()]
