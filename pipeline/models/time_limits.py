"""The longest step and duration that a model generates: those that 99.9 % of its training notes do not exceed.

A model gives every time a probability, so that now and then it draws a silence or a held note as its music never has.

Shapes: N notes, 1001 cells of the time grid.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.notes.quantize import DURATION, GRID_SIZE, STEP, QuantizedNotes

QUANTILE = 0.999
"""Share of the training notes that is within the limits."""


@dataclass(frozen=True)
class TimeLimits:
    """The longest times that are generated [cells]."""

    max_step: int
    max_duration: int

    def include(self, notes: QuantizedNotes) -> "TimeLimits":
        """Return limits that the notes of a prompt [N, 5] keep too; the step of its first note does not count."""
        return TimeLimits(
            max_step=int(notes[1:, STEP].max(initial=self.max_step)),
            max_duration=int(notes[:, DURATION].max(initial=self.max_duration)),
        )


NO_TIME_LIMITS = TimeLimits(GRID_SIZE - 1, GRID_SIZE - 1)
"""Limits that forbid no time of the grid."""


def measure_time_limits(pieces: Iterable[QuantizedNotes]) -> TimeLimits:
    """Return the limits of training pieces [N, 5], which are read one after the other."""
    steps = np.zeros(GRID_SIZE, np.int64)
    durations = np.zeros(GRID_SIZE, np.int64)
    for piece in pieces:
        steps += np.bincount(piece[1:, STEP], minlength=GRID_SIZE)
        durations += np.bincount(piece[:, DURATION], minlength=GRID_SIZE)
    return TimeLimits(_find_quantile(steps), _find_quantile(durations))


def _find_quantile(counts: NDArray[np.int64]) -> int:
    """Return the first cell up to which the share `QUANTILE` of the counts [1001] lies; the last if there are none."""
    if not counts.any():
        return GRID_SIZE - 1
    return int(counts.cumsum().searchsorted(QUANTILE * counts.sum()))
