"""A note to come, and what such notes come from: the words that a player and an improviser share.

Shapes: N notes.
"""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

import numpy as np

from pipeline.notes.quantize import DURATION, GRID_SIZE, PITCH, STEP, VELOCITY, QuantizedNotes


class PendingNote(NamedTuple):
    """A note to come: onset in cells since the player began, duration in cells, pitch, velocity."""

    onset: int
    duration: int
    pitch: int
    velocity: int


def to_quantized(notes: Sequence[PendingNote]) -> QuantizedNotes:
    """Return notes in order of time as codes [N, 4]; the first step is 0."""
    table = np.array(notes, dtype=np.int64).reshape(-1, 4)
    codes = np.empty((len(table), 4), np.int16)
    codes[:, STEP] = np.clip(np.diff(table[:, 0], prepend=table[:1, 0]), 0, GRID_SIZE - 1)
    codes[:, DURATION] = np.clip(table[:, 1], 0, GRID_SIZE - 1)
    codes[:, PITCH], codes[:, VELOCITY] = table[:, 2], table[:, 3]
    return codes


def from_quantized(quantized: QuantizedNotes) -> list[PendingNote]:
    """Return codes [N, 4] as notes in order of time, the last of them at cell 0."""
    onsets = np.cumsum(quantized[:, STEP], dtype=int)
    rest = quantized[:, [DURATION, PITCH, VELOCITY]]
    return [
        PendingNote(onset, *others)
        for onset, others in zip((onsets - onsets[-1:]).tolist(), rest.tolist(), strict=True)
    ]


class NoteSource(Protocol):
    """Where notes come from. One thread calls it; what may be set by others is set whole, so that no lock is needed."""

    @property
    def tempo(self) -> float:
        """Music time per clock time."""

    @property
    def done(self) -> bool:
        """Whether no note will come any more."""

    def peek(self, floor: int) -> PendingNote | None:
        """Return the next note without playing it, or None while there is none; up to cell `floor` all is decided."""

    def commit(self) -> None:
        """Play the note that was proposed last."""

    def note_on(self, cell: int, pitch: int, velocity: int) -> bool:
        """Hear a person strike a key; return whether that silences what plays."""

    def note_off(self, cell: int, pitch: int) -> None:
        """Hear a person let go of a key."""

    def end_turn(self) -> None:
        """Drop what a person played and what answers it: nothing comes until the person plays again."""

    def cut_at(self, cell: int) -> None:
        """Know that all notes ended at a cell, and that those to come do not."""
