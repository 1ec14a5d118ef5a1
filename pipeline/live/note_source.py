"""A note that is to be played, and the interface of a source of notes: what player and improviser share.

Shapes: N notes.
"""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

import numpy as np

from pipeline.notes.note import PEDAL_UP
from pipeline.notes.quantize import (
    DURATION,
    FEATURES,
    GRID_SIZE,
    PEDAL,
    PITCH,
    STEP,
    VELOCITY,
    QuantizedNotes,
    add_pedal_column,
)


class PendingNote(NamedTuple):
    """A note to be played: onset in cells since the player started, duration in cells, pitch, velocity, pedal."""

    onset: int
    duration: int
    pitch: int
    velocity: int
    pedal: int = PEDAL_UP
    """0 up, 1 held, 2 pressed."""


def to_quantized(notes: Sequence[PendingNote]) -> QuantizedNotes:
    """Return notes in order of time as quantized notes [N, 5]; the first step is 0."""
    table = np.array(notes, dtype=np.int64).reshape(-1, len(PendingNote._fields))
    onsets = table[:, 0]
    quantized = np.empty((len(table), len(FEATURES)), np.int16)
    quantized[:, STEP] = np.clip(np.diff(onsets, prepend=onsets[:1]), 0, GRID_SIZE - 1)
    quantized[:, DURATION] = np.clip(table[:, 1], 0, GRID_SIZE - 1)
    quantized[:, PITCH] = table[:, 2]
    quantized[:, VELOCITY] = table[:, 3]
    quantized[:, PEDAL] = table[:, 4]
    return quantized


def from_quantized(quantized: QuantizedNotes) -> list[PendingNote]:
    """Return quantized notes [N, 5], or [N, 4] without a pedal, as notes in order of time, the last of them at cell 0."""
    onsets = np.cumsum(quantized[:, STEP], dtype=int)
    onsets -= onsets[-1:]
    others = add_pedal_column(quantized)[:, [DURATION, PITCH, VELOCITY, PEDAL]]
    table = np.column_stack([onsets, others])
    return [PendingNote(*row) for row in table.tolist()]


class NoteSource(Protocol):
    """A source of notes. One thread calls it; other threads only replace whole attributes, so it needs no lock."""

    @property
    def tempo(self) -> float:
        """Music time per clock time."""

    @property
    def done(self) -> bool:
        """Whether there are no more notes."""

    def peek(self, floor: int) -> PendingNote | None:
        """Return the next note without playing it, or None if there is none now; no note may come before cell `floor`."""

    def commit(self) -> None:
        """Play the note that `peek` returned last."""

    def note_on(self, cell: int, pitch: int, velocity: int, pedal: int) -> bool:
        """Start a note of a person, with the state of their pedal; return whether it silences the notes that are on."""

    def note_off(self, cell: int, pitch: int, key_up: int) -> None:
        """End a note of a person whose key came up at cell `key_up`; the pedal may have held it since."""

    def end_turn(self) -> None:
        """Drop the phrase of a person and the response to it."""

    def cut_at(self, cell: int) -> None:
        """Learn that all notes ended at a cell, and that later ones were not played."""
