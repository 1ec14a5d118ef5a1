"""From one number to a probability: how far notes fall from what a regression head says.

Shapes: N notes, 1001 cells of the time grid.
"""

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from pipeline.notes.quantize import GRID_SECONDS, GRID_SIZE

MIN_PROB = 1e-12
"""Least probability of a cell: a narrow density rounds to zero far from its center, and bits must stay finite."""
GRID_EDGES = np.concatenate([[-np.inf], (np.arange(1, GRID_SIZE) - 0.5) * GRID_SECONDS, [np.inf]])
"""Edges of the cells [s]; the first and last cell take all beyond them."""


@dataclass(frozen=True)
class ResidualNoise:
    """How far notes fall from what a regression head says: one scale for all notes."""

    family: Literal["laplace", "gaussian"]
    scale: float
    """Laplace: mean absolute deviation [s]; Gaussian: standard deviation [s]."""

    def cdf(self, deviation: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the share of notes that fall below a deviation [s]."""
        z = deviation / self.scale
        if self.family == "laplace":
            tail = 0.5 * np.exp(-np.abs(z))
            return np.where(z < 0, tail, 1 - tail)
        return 0.5 * (1 + _erf(z / math.sqrt(2)))

    def grid_probs(self, mean: float) -> NDArray[np.float64]:
        """Return the probability [1001] of every cell, spread around a mean [s]; sums to one."""
        if self.family == "gaussian":
            return np.diff(self.cdf(GRID_EDGES - mean))
        below = GRID_EDGES - mean
        np.abs(below, out=below)
        below *= -1 / self.scale
        np.exp(below, out=below)
        below *= 0.5
        above = below[GRID_EDGES.searchsorted(mean) :]
        np.subtract(1, above, out=above)
        return below[1:] - below[:-1]


def _erf(x: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(np.frompyfunc(math.erf, 1, 1)(x), np.float64)


def grid_bits(
    mean: NDArray[np.float64], cells: NDArray[np.int16], noise: ResidualNoise
) -> NDArray[np.float64]:
    """Return the bits [N] of the cells that came, the density around `mean` [N] [s] integrated over each cell."""
    mass = noise.cdf(GRID_EDGES[cells.astype(int) + 1] - mean) - noise.cdf(GRID_EDGES[cells] - mean)
    return np.asarray(-np.log2(np.maximum(mass, MIN_PROB)))


def fit_noise(mean: NDArray[np.float64], cells: NDArray[np.int16]) -> ResidualNoise:
    """Find the Laplace or Gaussian of one scale under which the cells that came cost the fewest bits.

    A regression head gives no probability of its own; this one is chosen in its favor, on training notes.

    Args:
        mean: what the head said [N] [s].
        cells: what came [N].
    """
    tried: list[tuple[float, ResidualNoise]] = []
    for family in ("laplace", "gaussian"):
        scales = np.geomspace(1e-3, 10.0, 25)
        for _ in range(3):  # each round looks ten times closer around the best so far
            bits = [
                float(grid_bits(mean, cells, ResidualNoise(family, float(s))).mean())
                for s in scales
            ]
            best = int(np.argmin(bits))
            tried.append((bits[best], ResidualNoise(family, float(scales[best]))))
            scales = np.geomspace(
                scales[max(best - 1, 0)], scales[min(best + 1, len(scales) - 1)], 9
            )
    return min(tried, key=lambda pair: pair[0])[1]
