"""What a model says of the next note: probabilities on the grid, bits of the note that came, a note drawn.

Every kind of head answers the same two calls, so that scoring and playing need not know which it is:

    bits(hidden, codes)   how surprised it was, per head
    draw(hidden, choose)  the next note, each part chosen from its distribution

Shapes: N notes, H width of the hidden vector, 128 pitches, 1001 cells of the time grid.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from pipeline.encoding import CELL, CELLS, COLUMN, HEADS, PITCH, VELOCITY, Codes
from pipeline.network import Floats

FLOOR = 1e-12
"""Least probability of a cell: a narrow density rounds to zero far from its centre, and bits must stay finite."""
EDGES = np.concatenate([[-np.inf], (np.arange(1, CELLS) - 0.5) * CELL, [np.inf]])
"""Edges of the cells [s]; the first and last cell take all beyond them."""

Masses = NDArray[np.float64]
"""Probabilities that sum to one along the last axis."""
Choose = Callable[[str, Masses], int]
"""Takes the name of a head and its masses, returns the index chosen."""


@dataclass(frozen=True)
class Spread:
    """How far notes fall from what a regression head says: one scale for all notes."""

    family: Literal["laplace", "gaussian"]
    scale: float
    """Laplace: mean absolute deviation [s]; Gaussian: standard deviation [s]."""

    def cumulative(self, seconds: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the share of notes that fall below a deviation [s]."""
        z = seconds / self.scale
        if self.family == "laplace":
            tail = 0.5 * np.exp(-np.abs(z))
            return np.where(z < 0, tail, 1 - tail)
        return 0.5 * (1 + _erf(z / math.sqrt(2)))


def _erf(x: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(np.frompyfunc(math.erf, 1, 1)(x), np.float64)


def cell_bits(mean: NDArray[np.float64], cells: NDArray[np.int16], spread: Spread) -> NDArray[np.float64]:
    """Return the bits [N] of the cells that came, the density around `mean` [N] [s] integrated over each cell."""
    mass = spread.cumulative(EDGES[cells.astype(int) + 1] - mean) - spread.cumulative(EDGES[cells] - mean)
    return np.asarray(-np.log2(np.maximum(mass, FLOOR)))


def fit_spread(mean: NDArray[np.float64], cells: NDArray[np.int16]) -> Spread:
    """Find the Laplace or Gaussian of one scale under which the cells that came cost the fewest bits.

    A regression head gives no probability of its own; this one is chosen in its favour, on training notes.

    Args:
        mean: what the head said [N] [s].
        cells: what came [N].
    """
    tried: list[tuple[float, Spread]] = []
    for family in ("laplace", "gaussian"):
        scales = np.geomspace(1e-3, 10.0, 25)
        for _ in range(3):  # each round looks ten times closer around the best so far
            bits = [float(cell_bits(mean, cells, Spread(family, float(s))).mean()) for s in scales]
            best = int(np.argmin(bits))
            tried.append((bits[best], Spread(family, float(scales[best]))))
            scales = np.geomspace(scales[max(best - 1, 0)], scales[min(best + 1, len(scales) - 1)], 9)
    return min(tried, key=lambda pair: pair[0])[1]


def softmax(logits: Floats) -> Masses:
    """Return exp(logits), scaled to sum to one along the last axis."""
    shifted = np.asarray(logits, np.float64)
    shifted = np.exp(shifted - shifted.max(axis=-1, keepdims=True))
    return np.asarray(shifted / shifted.sum(axis=-1, keepdims=True))


class RegressionHeads:
    """Pitch as 128 logits; step and duration as one number each, with a spread fitted on training notes."""

    def __init__(self, weights: Mapping[str, Floats], spread: Mapping[str, Spread]) -> None:
        self.weights = {name: (weights[f"{name}/kernel"], weights[f"{name}/bias"]) for name in HEADS}
        self.spread = dict(spread)

    def outputs(self, hidden: Floats) -> dict[str, Floats]:
        """Return pitch logits [N, 128], step [N, 1] and duration [N, 1] in seconds, as Keras does."""
        return {name: hidden @ kernel + bias for name, (kernel, bias) in self.weights.items()}

    def fit(self, hidden: Floats, codes: Codes) -> None:
        """Fit the spread of both times on training notes, hidden [N, H] before each of codes [N, 4]."""
        out = self.outputs(hidden)
        for name in ("step", "duration"):
            self.spread[name] = fit_spread(out[name][:, 0].astype(np.float64), codes[:, COLUMN[name]])

    def bits(self, hidden: Floats, codes: Codes) -> NDArray[np.float64]:
        """Return the bits [N, 3] of the notes that came, columns as `HEADS`."""
        out = self.outputs(hidden)
        pitch = softmax(out["pitch"])[np.arange(len(codes)), codes[:, PITCH]]
        times = [
            cell_bits(out[name][:, 0].astype(np.float64), codes[:, COLUMN[name]], self.spread[name])
            for name in ("step", "duration")
        ]
        return np.stack([-np.log2(np.maximum(pitch, FLOOR)), *times], axis=1)

    def masses(self, hidden: Floats) -> dict[str, Masses]:
        """Return the distribution of each part of the next note, hidden [H]: 128 pitches, 1001 cells twice."""
        out = self.outputs(hidden)
        times = {
            name: np.diff(self.spread[name].cumulative(EDGES - float(out[name][0]))) for name in ("step", "duration")
        }
        return {"pitch": softmax(out["pitch"]), **times}

    def draw(self, hidden: Floats, choose: Choose, velocity: int) -> Codes:
        """Draw the next note.

        Args:
            hidden: [H], after the note before.
            choose: picks an index from the masses of a head.
            velocity: given to the note, since these heads say nothing of it.

        Returns:
            Codes [4].
        """
        code = np.empty(4, np.int16)
        for name, mass in self.masses(hidden).items():
            code[COLUMN[name]] = choose(name, mass)
        code[VELOCITY] = velocity
        return code
