"""A time as a mixture of logistics on the grid: smooth where bins are steps, and sharp where it wants to be.

The logistics live on a stretched axis, u = log(1 + t / 30 ms), on which musical times are spread about evenly. A cell
has the mass between its edges; the first and last take all beyond them, so that the mass is one (a censored one).

Shapes: N notes, M components, 3 M outputs: weights (logits), means, log scales.

Source: Salimans et al., "PixelCNN++", ICLR 2017, section 2.1.
"""

import numpy as np
from numpy.typing import NDArray

from pipeline.models.numpy.layers import Floats
from pipeline.notes.quantize import GRID_SECONDS, GRID_SIZE

COMPONENTS = 8
OUTPUTS = 3 * COMPONENTS
BEND = 0.03
"""Time [s] below which the axis is about even, above which about logarithmic."""
EDGES = np.concatenate([[-1e4], np.log1p((np.arange(1, GRID_SIZE) - 0.5) * GRID_SECONDS / BEND), [1e4]])
"""[1002] edges of the cells on the stretched axis; the outermost stand for infinity."""
LOG_SCALES = (-7.0, 3.0)
"""Least and greatest log scale."""


def _split(outputs: Floats) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return log weights, means and scales, [..., M] each."""
    logits, means, scales = np.split(outputs.astype(np.float64), 3, axis=-1)
    logits = logits - logits.max(axis=-1, keepdims=True)
    return logits - np.log(np.exp(logits).sum(axis=-1, keepdims=True)), means, np.exp(np.clip(scales, *LOG_SCALES))


def _log_sigmoid(x: NDArray[np.float64]) -> NDArray[np.float64]:
    return -np.logaddexp(0, -x)


def _log_mass(low: NDArray[np.float64], high: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return log(sigmoid(high) - sigmoid(low)) without cancellation."""
    return _log_sigmoid(high) + _log_sigmoid(-low) + np.log(-np.expm1(low - high))


def log_masses(outputs: Floats, cells: NDArray[np.integer]) -> NDArray[np.float64]:
    """Return the log probability [...] of cells [...] under outputs [..., 3 M]."""
    weights, means, scales = _split(outputs)
    low, high = EDGES[cells][..., None], EDGES[cells + 1][..., None]
    parts = weights + _log_mass((low - means) / scales, (high - means) / scales)
    top = parts.max(axis=-1)
    return np.asarray(top + np.log(np.exp(parts - top[..., None]).sum(axis=-1)))


def bits(outputs: Floats, cells: NDArray[np.int16]) -> NDArray[np.float64]:
    """Return the bits [N] of the cells that came [N] under outputs [N, 3 M]."""
    return np.asarray(-log_masses(outputs, cells.astype(np.int64)) / np.log(2))


def masses(outputs: Floats) -> NDArray[np.float64]:
    """Return the probability [1001] of every cell under outputs [3 M]; sums to one."""
    weights, means, scales = _split(outputs)
    below = 0.5 * (1 + np.tanh((EDGES[:, None] - means) / scales / 2))
    return np.asarray(np.maximum(np.diff(below, axis=0), 0) @ np.exp(weights))
