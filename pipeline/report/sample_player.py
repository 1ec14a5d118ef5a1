"""Samples as the page's rolls and players read them: small numbers, one list a sample."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pipeline.notes.note import Notes
from pipeline.report.data import Sample

NOTES_SHOWN = 60_000
"""Of all samples together: what keeps the page small."""
LINKS = 1_000_000
"""Bytes of MIDI files that are embedded, of all samples together."""
CENTS = 100
"""A second in the units of the page."""
NAMES = ("C", "C♯", "D", "E♭", "E", "F", "F♯", "G", "A♭", "A", "B♭", "B")


@dataclass(frozen=True)
class Card:
    """A sample on the page."""

    key: str
    architecture: str
    number: int
    says: str
    """What a roll shows, for those who do not see it."""
    seconds: float
    length: str
    """The same as minutes and seconds."""
    link: str
    """The MIDI file itself as an address; empty where it is too large."""
    file: str
    """How the downloaded file is called."""


def cards(samples: Sequence[Sample], ranked: Sequence[str]) -> list[Card]:
    """Return what the template needs of each sample, those of one prompt together, the best architecture first."""

    def rank(place: int) -> tuple[int, int]:
        return samples[place].number, ranked.index(samples[place].architecture)

    order = sorted(range(len(samples)), key=rank)
    return [_card(samples[place], place, len(samples)) for place in order]


def _card(sample: Sample, place: int, of: int) -> Card:
    notes = shown(sample.notes, of)
    low, high = (_pitch(int(pitch)) for pitch in (notes["pitch"].min(), notes["pitch"].max()))
    more = (
        f"{len(notes):,} notes" if len(notes) == len(sample.notes) else f"{len(notes):,} of {len(sample.notes):,} notes"
    )
    length = clock(_seconds(notes))
    says = f"{more} in {length}, from {low} to {high}; the first {sample.prompt} were given"
    fits = len(sample.midi) <= LINKS // of
    link = f"data:audio/midi;base64,{base64.b64encode(sample.midi).decode()}" if fits else ""
    name = f"{sample.architecture}-{sample.number:02}.mid"
    return Card(f"s{place}", sample.architecture, sample.number, says, round(_seconds(notes), 2), length, link, name)


def shown(notes: Notes, of: int) -> Notes:
    """Return the first notes of a sample, as many as its share of the page allows."""
    return notes[: max(100, NOTES_SHOWN // of)]


def _seconds(notes: Notes) -> float:
    return float((notes["onset"] + notes["duration"]).max())


def clock(seconds: float) -> str:
    """Return a time as the players write it.

    >>> clock(65.9)
    '1:05'
    """
    return f"{int(seconds) // 60}:{int(seconds) % 60:02}"


def _pitch(pitch: int) -> str:
    return f"{NAMES[pitch % 12]}{pitch // 12 - 1}"


def data(samples: Sequence[Sample]) -> dict[str, dict[str, object]]:
    """Return the notes of all samples, for the script; `flat` says how."""
    return {
        f"s{place}": {"prompt": sample.prompt, "notes": flat(shown(sample.notes, len(samples)))}
        for place, sample in enumerate(samples)
    }


def flat(notes: Notes) -> list[int]:
    """Return notes as one list, four numbers each: step and duration in hundredths of a second, pitch, velocity."""
    onset = np.rint(notes["onset"] * CENTS).astype(int)
    held = np.maximum(np.rint(notes["duration"] * CENTS).astype(int), 1)
    columns = [np.diff(onset, prepend=0), held, notes["pitch"].astype(int), notes["velocity"].astype(int)]
    return [int(value) for value in np.stack(columns, axis=1).ravel()]
