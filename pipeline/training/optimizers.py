"""The optimizers of training: Adam as in the tutorial, and Muon for hidden matrices with Adam for all other weights.

Both are those of Keras; the learning rate is given with each step.
"""

import re
from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from pipeline.notes import quantize

MUON_LAYERS = ("inner", "outer", "up", "down", "chain", "dense", "lstm_cell")
"""Layers with kernels between hidden vectors; a kernel that reads the scalar input is left out."""
MUON_LR_RATIO = 2.0
"""Learning rate of Muon, as a multiple of that of Adam."""
ADAM_BETAS = (0.9, 0.99)
"""Betas of Adam beside Muon."""


class Optimizer:
    """An optimizer of Keras for a list of weights."""

    def __init__(
        self, weights: Sequence[Any], optimizer: keras.optimizers.Optimizer, lr_ratio: float = 1.0
    ) -> None:
        """Build the optimizer.

        Args:
            weights: variables of a model.
            optimizer: an optimizer that is not built yet.
            lr_ratio: its learning rate, as a multiple of that given with each step.
        """
        self.weights = weights
        self.optimizer = optimizer
        self.lr_ratio = lr_ratio
        optimizer.build(weights)
        self.variables = list(optimizer.variables)
        """Its state, for checkpoints."""

    def apply(self, gradients: Sequence[Any], learning_rate: Any) -> None:
        """Update the weights with a learning rate (a scalar)."""
        self.optimizer.learning_rate.assign(learning_rate * self.lr_ratio)
        dense = [tf.convert_to_tensor(gradient) for gradient in gradients]
        self.optimizer.apply(dense, self.weights)


def make_adam(weights: Sequence[Any], clip_norm: float) -> Optimizer:
    """Return Adam (Kingma and Ba 2015), with gradients clipped to a norm of all weights together."""
    return Optimizer(weights, keras.optimizers.Adam(global_clipnorm=clip_norm))


def make_muon(weights: Sequence[Any], clip_norm: float) -> Optimizer:
    """Return Muon for hidden matrices and Adam for all other weights, with clipped gradients.

    Source: Jordan et al. 2024, "Muon: an optimizer for hidden layers in neural networks".
    """
    other_paths = [re.escape(weight.path) for weight in weights if not is_hidden(weight)]
    muon = keras.optimizers.Muon(
        adam_beta_1=ADAM_BETAS[0],
        adam_beta_2=ADAM_BETAS[1],
        adam_weight_decay=0.0,
        adam_lr_ratio=1 / MUON_LR_RATIO,
        epsilon=1e-8,
        weight_decay=None,
        rms_rate=None,
        global_clipnorm=clip_norm,
        exclude_layers=[f"^{path}$" for path in other_paths],
    )
    return Optimizer(weights, muon, MUON_LR_RATIO)


def is_hidden(weight: Any) -> bool:
    """Whether a weight is a matrix between hidden vectors, which Muon updates."""
    is_named = any(f"/{name}/" in f"/{weight.path}" for name in MUON_LAYERS)
    is_matrix = len(weight.shape) == 2
    return is_named and is_matrix and weight.shape[0] > len(quantize.SCALAR_FEATURES)
