"""Optimizers: Adam as in the tutorial, and Muon for the matrices between hidden layers with Adam for the rest.

Shapes: R rows and C columns of a matrix.
"""

import math
from collections.abc import Sequence
from typing import Any, Protocol

import keras
import tensorflow as tf

from pipeline.notes import quantize

MUON_LAYERS = ("inner", "outer", "up", "down", "chain", "dense", "lstm_cell")
"""Layers with kernels between hidden vectors; a kernel that reads the scalar input is left out."""
MUON_LR_RATIO = 2.0
"""Learning rate of Muon, as a multiple of that of Adam."""
MOMENTUM = 0.95
ADAM_BETAS = (0.9, 0.99)
"""Betas of Adam beside Muon."""
NEWTON_SCHULZ_STEPS = 5


class Optimizer(Protocol):
    """What training asks of an optimizer."""

    variables: list[Any]
    """Its state, for checkpoints."""

    def apply(self, gradients: Sequence[Any], learning_rate: Any) -> None:
        """Update the weights."""
        ...


class Adam:
    """Adam with a constant rate (Kingma and Ba 2015), gradients clipped to a norm of all weights together."""

    def __init__(self, weights: Sequence[Any], learning_rate: float, clip_norm: float) -> None:
        self.weights = weights
        self.keras_optimizer = keras.optimizers.Adam(learning_rate, global_clipnorm=clip_norm)
        self.keras_optimizer.build(weights)
        self.variables = list(self.keras_optimizer.variables)

    def apply(self, gradients: Sequence[Any], learning_rate: Any) -> None:
        """Update the weights; the learning rate is the constant one, not the argument."""
        self.keras_optimizer.apply(gradients, self.weights)


class Muon:
    """Momentum made orthogonal for hidden matrices, Adam for all other weights.

    Source: Jordan et al. 2024, "Muon: an optimizer for hidden layers in neural networks".
    """

    def __init__(self, weights: Sequence[Any], clip_norm: float) -> None:
        self.weights, self.clip_norm = weights, clip_norm
        self.is_hidden = [_is_hidden(weight) for weight in weights]
        self.first_moments = [tf.Variable(tf.zeros_like(w)) for w in weights]
        self.second_moments = [tf.Variable(tf.zeros_like(w)) for w in weights]
        self.steps = tf.Variable(0.0)
        self.variables = [*self.first_moments, *self.second_moments, self.steps]

    def apply(self, gradients: Sequence[Any], learning_rate: Any) -> None:
        """Update the weights with a learning rate (a scalar)."""
        dense = [tf.convert_to_tensor(gradient) for gradient in gradients]
        clipped, _ = tf.clip_by_global_norm(dense, self.clip_norm)
        self.steps.assign_add(1.0)
        moments = zip(self.first_moments, self.second_moments, strict=True)
        rows = zip(self.weights, self.is_hidden, moments, dense, clipped, strict=True)
        for weight, is_hidden, (first, second), gradient, clipped_gradient in rows:
            if is_hidden:
                first.assign(MOMENTUM * first + gradient)
                update = _orthogonalize(gradient + MOMENTUM * first)
                weight.assign_sub(learning_rate * MUON_LR_RATIO * update)
            else:
                self._apply_adam(weight, first, second, clipped_gradient, learning_rate)

    def _apply_adam(
        self, weight: Any, first_moment: Any, second_moment: Any, gradient: Any, learning_rate: Any
    ) -> None:
        one, two = ADAM_BETAS
        first_moment.assign(one * first_moment + (1 - one) * gradient)
        second_moment.assign(two * second_moment + (1 - two) * tf.square(gradient))
        scale = tf.sqrt(1 - two**self.steps) / (1 - one**self.steps)
        weight.assign_sub(learning_rate * scale * first_moment / (tf.sqrt(second_moment) + 1e-8))


def _is_hidden(weight: Any) -> bool:
    """Whether a weight is a matrix between hidden vectors."""
    named = any(f"/{name}/" in f"/{weight.path}" for name in MUON_LAYERS)
    return named and len(weight.shape) == 2 and weight.shape[0] > len(quantize.SCALAR_FEATURES)


def _orthogonalize(matrix: Any) -> Any:
    """Return about the nearest matrix [R, C] whose singular values are one.

    A wide matrix is treated as square blocks side by side; if C is no multiple of R, as one matrix, scaled by
    sqrt(C / R).
    """
    rows, columns = matrix.shape
    if columns > rows and columns % rows == 0:
        return tf.concat(
            [_run_newton_schulz(part) for part in tf.split(matrix, columns // rows, 1)], 1
        )
    return math.sqrt(max(1.0, columns / rows)) * _run_newton_schulz(matrix)


def _run_newton_schulz(matrix: Any) -> Any:
    """Move the singular values of a matrix [R, C] toward one, by a polynomial."""
    tall = matrix.shape[0] > matrix.shape[1]
    x = tf.transpose(matrix) if tall else matrix
    x /= tf.norm(x) + 1e-7
    for _ in range(NEWTON_SCHULZ_STEPS):
        square = tf.matmul(x, x, transpose_b=True)
        x = 3.4445 * x + tf.matmul(-4.7750 * square + 2.0315 * tf.matmul(square, square), x)
    return tf.transpose(x) if tall else x
