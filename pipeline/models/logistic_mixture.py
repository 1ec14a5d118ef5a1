"""A time as a mixture of logistics on the grid: smooth where bins are steps, and sharp where it wants to be.

The logistics live on a stretched axis, u = log(1 + t / 30 ms), on which musical times are spread about evenly. A cell
has the mass between its edges; the first and last take all beyond them, so that the mass is one (a censored one).

Shapes: N notes, M components, 3 M outputs: weights (logits), means, log scales.

Source: Salimans et al., "PixelCNN++", ICLR 2017, section 2.1.
"""

import numpy as np
from numpy.typing import NDArray

from pipeline.models.numpy.layers import Float32Array
from pipeline.notes.quantize import GRID_SECONDS, GRID_SIZE

NUM_COMPONENTS = 8
NUM_OUTPUTS = 3 * NUM_COMPONENTS
LOG_AXIS_SCALE = 0.03
"""Time [s] below which the axis is about even, above which about logarithmic."""
GRID_EDGES = np.concatenate(
    [[-1e4], np.log1p((np.arange(1, GRID_SIZE) - 0.5) * GRID_SECONDS / LOG_AXIS_SCALE), [1e4]]
)
"""[1002] edges of the cells on the stretched axis; the outermost stand for infinity."""
LOG_SCALE_RANGE = (-7.0, 3.0)
"""Least and greatest log scale."""


def _split_parameters(
    outputs: Float32Array,
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return log weights, means and scales, [..., M] each."""
    logits, means, scales = np.split(outputs.astype(np.float64), 3, axis=-1)
    logits = logits - logits.max(axis=-1, keepdims=True)
    return (
        logits - np.log(np.exp(logits).sum(axis=-1, keepdims=True)),
        means,
        np.exp(np.clip(scales, *LOG_SCALE_RANGE)),
    )


def _log_sigmoid(x: NDArray[np.float64]) -> NDArray[np.float64]:
    return -np.logaddexp(0, -x)


def _log_sigmoid_difference(
    low: NDArray[np.float64], high: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return log(sigmoid(high) - sigmoid(low)) without cancellation."""
    return _log_sigmoid(high) + _log_sigmoid(-low) + np.log(-np.expm1(low - high))


def grid_log_probs(outputs: Float32Array, cells: NDArray[np.integer]) -> NDArray[np.float64]:
    """Return the log probability [...] of cells [...] under outputs [..., 3 M]."""
    weights, means, scales = _split_parameters(outputs)
    low, high = GRID_EDGES[cells][..., None], GRID_EDGES[cells + 1][..., None]
    parts = weights + _log_sigmoid_difference((low - means) / scales, (high - means) / scales)
    top = parts.max(axis=-1)
    return np.asarray(top + np.log(np.exp(parts - top[..., None]).sum(axis=-1)))


def grid_bits(outputs: Float32Array, cells: NDArray[np.int16]) -> NDArray[np.float64]:
    """Return the bits [N] of the cells that came [N] under outputs [N, 3 M]."""
    return np.asarray(-grid_log_probs(outputs, cells.astype(np.int64)) / np.log(2))


def grid_probs(outputs: Float32Array) -> NDArray[np.float64]:
    """Return the probability [1001] of every cell under outputs [3 M]; sums to one."""
    weights, means, scales = _split_parameters(outputs)
    below = 0.5 * (1 + np.tanh((GRID_EDGES[:, None] - means) / scales / 2))
    return np.asarray(np.maximum(np.diff(below, axis=0), 0) @ np.exp(weights))
