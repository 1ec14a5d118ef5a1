"""Samples as the piano rolls and players of the page read them: small numbers, one list a sample."""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from pipeline.notes.note import Notes
from pipeline.notes.theory import DISPLAY_NAMES, pitch_name
from pipeline.report.data import Sample
from pipeline.report.note_lists import pack_notes

MAX_NOTES = 60_000
"""Of all samples together: what keeps the page small."""
MAX_MIDI_BYTES = 1_000_000
"""Bytes of MIDI files that are embedded, of all samples together."""
PITCH_MARGIN = 2
"""Semitones above and below all notes of a piano roll."""


@dataclass(frozen=True)
class SamplePlayer:
    """A sample on the page."""

    sample_id: str
    architecture: str
    color: str
    """Name of the color of its architecture in the style sheet."""
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


def make_sample_players(
    samples: Sequence[Sample], by_bits: Sequence[str], colors: Mapping[str, str]
) -> list[SamplePlayer]:
    """Return what the template needs of each sample, those of one prompt together, the best architecture first."""
    players = []
    for index, sample in enumerate(samples):
        color = colors[sample.architecture]
        players.append(_make_sample_player(sample, index, len(samples), color))
    return sorted(players, key=lambda player: (player.number, by_bits.index(player.architecture)))


def _make_sample_player(sample: Sample, index: int, num_samples: int, color: str) -> SamplePlayer:
    notes = truncate_notes(sample.notes, num_samples)
    low, high = (
        pitch_name(int(pitch), DISPLAY_NAMES)
        for pitch in (notes["pitch"].min(), notes["pitch"].max())
    )
    count = f"{len(notes):,}"
    if len(notes) < len(sample.notes):
        count += f" of {len(sample.notes):,}"
    duration = get_end(notes)
    length = format_time(duration)
    download_url = ""
    if len(sample.midi_bytes) <= MAX_MIDI_BYTES // num_samples:
        download_url = f"data:audio/midi;base64,{base64.b64encode(sample.midi_bytes).decode()}"
    return SamplePlayer(
        sample_id=f"s{index}",
        architecture=sample.architecture,
        color=color,
        number=sample.number,
        alt_text=f"{count} notes in {length}, from {low} to {high}; the first {sample.prompt_length} were given",
        duration=round(duration, 2),
        duration_text=length,
        download_url=download_url,
        file_name=f"{sample.architecture}-{sample.number:02}.mid",
    )


def truncate_notes(notes: Notes, num_samples: int) -> Notes:
    """Return the first notes of a sample, as many as its share of the page allows."""
    return notes[: max(100, MAX_NOTES // num_samples)]


def format_time(seconds: float) -> str:
    """Return a time as the players write it.

    >>> format_time(65.9)
    '1:05'
    """
    minutes, seconds = divmod(int(seconds), 60)
    return f"{minutes}:{seconds:02}"


def pack_samples(samples: Sequence[Sample]) -> dict[str, dict[str, object]]:
    """Return the notes of all samples for the script, as `pack_notes` writes them, and the axes of all rolls."""
    packed: dict[str, object] = {}
    shown = [truncate_notes(sample.notes, len(samples)) for sample in samples]
    for index, (sample, notes) in enumerate(zip(samples, shown, strict=True)):
        packed[f"s{index}"] = {"prompt": sample.prompt_length, "notes": pack_notes(notes)}
    return {"axes": make_roll_axes(shown) if shown else {}, "players": packed}


def make_roll_axes(pieces: Sequence[Notes]) -> dict[str, object]:
    """Return the range of pitches and of seconds that all rolls of the page share, and the octaves in it by name."""
    pitches = np.concatenate([notes["pitch"] for notes in pieces])
    low, high = int(pitches.min()) - PITCH_MARGIN, int(pitches.max()) + PITCH_MARGIN
    octaves = range(12 * -(-low // 12), high + 1, 12)
    return {
        "low": low,
        "high": high,
        "seconds": round(max(get_end(notes) for notes in pieces), 2),
        "octaves": {pitch_name(pitch, DISPLAY_NAMES): pitch for pitch in octaves},
    }


def get_end(notes: Notes) -> float:
    """Return when the last note ends [s]."""
    return float((notes["onset"] + notes["duration"]).max())
