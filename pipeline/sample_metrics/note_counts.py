"""Counts of pitches and times over many pieces, in memory that does not depend on the number of notes.

Shapes: N notes of a piece.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.notes.note import NUM_PITCHES
from pipeline.notes.quantize import DURATION, GRID_SIZE, PITCH, STEP, QuantizedNotes

Shares = NDArray[np.float64]
"""[K] shares that sum to 1."""


@dataclass(frozen=True)
class NoteCounts:
    """How many notes have each pitch, step and duration."""

    pitches: NDArray[np.int64]
    """[128] notes of each pitch."""
    times: Mapping[int, NDArray[np.int64]]
    """[1001] notes of each cell of the time grid, by column: `STEP` and `DURATION`."""

    def compute_pitch_shares(self) -> Shares:
        """Return the share of notes of each pitch [128]."""
        return np.asarray(self.pitches / self.pitches.sum())

    def compute_pitch_class_shares(self) -> Shares:
        """Return the share of notes of each pitch class [12], C first."""
        classes = np.zeros(12, np.int64)
        np.add.at(classes, np.arange(NUM_PITCHES) % 12, self.pitches)
        return np.asarray(classes / classes.sum())

    def compute_time_shares(self, column: int) -> Shares:
        """Return the share of notes [1001] in each cell of a column of time, `STEP` or `DURATION`."""
        cells = self.times[column]
        return np.asarray(cells / cells.sum())

    def compute_binned_time_shares(self, column: int, edges: NDArray[np.int64]) -> Shares:
        """Return the share of notes [B] in bins of a column of time.

        Args:
            column: `STEP` or `DURATION`.
            edges: [B + 1] first cell of each bin, from 0, and the size of the grid.
        """
        bins = np.add.reduceat(self.times[column], edges[:-1])
        return np.asarray(bins / bins.sum())


def count_notes(pieces: Iterable[QuantizedNotes]) -> NoteCounts:
    """Count the notes of pieces [N, 5] each, read once, one after the other."""
    pitches = np.zeros(NUM_PITCHES, np.int64)
    times = {column: np.zeros(GRID_SIZE, np.int64) for column in (STEP, DURATION)}
    for piece in pieces:
        pitches += np.bincount(piece[:, PITCH], minlength=NUM_PITCHES)
        for column, counts in times.items():
            counts += np.bincount(piece[:, column], minlength=GRID_SIZE)
    return NoteCounts(pitches, times)
