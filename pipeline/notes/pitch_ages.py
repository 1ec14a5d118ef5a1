"""How long ago each pitch was last struck, in cells of the time grid.

Shapes: B pieces side by side, T notes, 128 pitches.
"""

import numpy as np
from numpy.typing import NDArray

from pipeline.notes.note import NUM_PITCHES
from pipeline.notes.quantize import PITCH, STEP, QuantizedNotes

MAX_AGE = 20_000
"""Cells, 200 s; a pitch that was not struck for as long counts as never struck."""
DECAY_CELLS = (50.0, 250.0, 1500.0)
"""Cells in which each feature falls to 1/e."""

PitchAges = NDArray[np.integer]
"""[B, 128] cells since each pitch was struck, at the onset of the last note; 0 for the pitch of that note."""


def no_pitch_ages(batch_size: int) -> PitchAges:
    """Return the state [B, 128] before the first note: nothing was struck."""
    return np.full((batch_size, NUM_PITCHES), MAX_AGE, np.int16)


def advance_ages(ages: PitchAges, step: NDArray[np.int16]) -> PitchAges:
    """Return the ages [B, 128] after steps [B] of cells."""
    older: PitchAges = np.minimum(ages + step[:, None], MAX_AGE)
    return older


def ages_after_each(notes: QuantizedNotes, ages: PitchAges) -> PitchAges:
    """Return the ages [B, T, 128] at the onset of each of the notes [B, T, 5], that note included.

    Args:
        notes: [B, T, 5].
        ages: [B, 128] after the note before the first.
    """
    after_each = np.empty((*notes.shape[:2], NUM_PITCHES), np.int16)
    rows = np.arange(len(notes))
    for t in range(notes.shape[1]):
        ages = advance_ages(ages, notes[:, t, STEP])
        ages[rows, notes[:, t, PITCH]] = 0
        after_each[:, t] = ages
    return after_each


class StrikeTimes:
    """When each pitch was struck last, for one piece in play: two calls of NumPy a note."""

    def __init__(self) -> None:
        self.now = 0
        """Onset of the last note [cells]."""
        self.struck = np.full(NUM_PITCHES, -MAX_AGE)
        """[128] onset of the last note of each pitch [cells]."""

    def add_note(self, step: int, pitch: int) -> PitchAges:
        """Read the next note; returns the ages [128] at its onset, that note included, some of them above `MAX_AGE`."""
        self.now += step
        self.struck[pitch] = self.now
        return self.now - self.struck


def _make_age_table() -> NDArray[np.float32]:
    ages = np.arange(MAX_AGE + 1)[:, None]
    table = np.exp(ages / -np.array(DECAY_CELLS)).astype(np.float32)
    table[MAX_AGE] = 0
    return table


AGE_TABLE = _make_age_table()
"""[20001, 3] features of one pitch, by its age; the last row is of all ages from `MAX_AGE` on."""
