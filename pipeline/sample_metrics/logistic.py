"""Logistic regression of two classes, small enough for a few hundred passages.

Shapes: K rows, F features.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

PENALTY = 1.0
"""Weight of half the squared norm of the weights, beside the sum of the loss of all rows."""
MAX_STEPS = 50
"""Of Newton's method; it takes about ten."""
TOLERANCE = 1e-9
"""Largest change of a weight at which it stops."""

Float64Array = NDArray[np.float64]
BoolArray = NDArray[np.bool_]


class LogisticModel(NamedTuple):
    """A trained classifier."""

    mean: Float64Array
    """[F] of the features in training."""
    scale: Float64Array
    """[F] their standard deviation, 1 where it is 0."""
    weights: Float64Array
    """[F + 1] of the standardized features, then the bias."""

    def compute_scores(self, values: Float64Array) -> Float64Array:
        """Return the log-odds [K] of the second class for features [K, F]."""
        standardized = _standardize(values, self.mean, self.scale)
        return np.asarray(standardized @ self.weights)


def fit_logistic(
    values: Float64Array, is_second: BoolArray, penalty: float = PENALTY
) -> LogisticModel:
    """Fit the class of rows to their standardized features; the bias is not penalized.

    Newton's method, with half the step where a whole one makes the loss larger.

    Args:
        values: features [K, F].
        is_second: class [K] of each row.
        penalty: more makes the weights smaller.

    Source: iteratively reweighted least squares with a ridge penalty, le Cessie and van Houwelingen, "Ridge estimators
    in logistic regression", Applied Statistics 41, 1992.
    """
    mean, scale = values.mean(axis=0), values.std(axis=0)
    scale = np.where(scale > 0, scale, 1.0)
    inputs = _standardize(values, mean, scale)
    penalties = np.append(np.full(values.shape[1], penalty), 0.0)
    weights = np.zeros(len(penalties))
    for _ in range(MAX_STEPS):
        step = _compute_newton_step(inputs, is_second, weights, penalties)
        loss = _compute_loss(inputs, is_second, weights, penalties)
        while _compute_loss(inputs, is_second, weights - step, penalties) > loss + TOLERANCE:
            step = step / 2
        weights = weights - step
        if np.abs(step).max() < TOLERANCE:
            break
    return LogisticModel(mean, scale, weights)


def _standardize(values: Float64Array, mean: Float64Array, scale: Float64Array) -> Float64Array:
    """Return standardized features, and a column of ones [K, F + 1]."""
    return np.column_stack([(values - mean) / scale, np.ones(len(values))])


def _compute_loss(
    inputs: Float64Array, is_second: BoolArray, weights: Float64Array, penalties: Float64Array
) -> float:
    """Return the penalized negative log-likelihood [nats]."""
    scores = inputs @ weights
    losses = np.logaddexp(0, np.where(is_second, -scores, scores))
    return float(losses.sum() + penalties @ weights**2 / 2)


def _compute_newton_step(
    inputs: Float64Array, is_second: BoolArray, weights: Float64Array, penalties: Float64Array
) -> Float64Array:
    """Return the step of Newton's method [F + 1], to be subtracted."""
    probs = 1 / (1 + np.exp(-np.clip(inputs @ weights, -500, 500)))
    gradient = inputs.T @ (probs - is_second) + penalties * weights
    curvature = (inputs * (probs * (1 - probs))[:, None]).T @ inputs + np.diag(penalties)
    return np.asarray(np.linalg.solve(curvature, gradient))
