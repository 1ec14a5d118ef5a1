"""The optimizers of training: Adam as in the tutorial, and Muon for hidden matrices with Adam for all other weights.

Both are those of Keras; the learning rate is given with each step.
"""

import math
import re
from collections.abc import Callable, Sequence
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
MUON_COST_RATIO = 4
"""Rows of a matrix at which a number costs Muon as much as Adam, about; Muon multiplies matrices of as many rows."""


class Optimizer:
    """An optimizer of Keras for a list of weights, in shares that are updated apart.

    Workers that train one model together update one share each, since an update of Muon costs about as much as the
    gradients of a small batch.
    """

    def __init__(
        self,
        weights: Sequence[Any],
        make_optimizer: Callable[[Sequence[Any]], keras.optimizers.Optimizer],
        clip_norm: float,
        lr_ratio: float = 1.0,
        num_shares: int = 1,
    ) -> None:
        """Build the optimizers.

        Args:
            weights: variables of a model.
            make_optimizer: returns an optimizer that is not built yet for some of them.
            clip_norm: largest norm of the gradient of all weights together.
            lr_ratio: its learning rate, as a multiple of that given with each step.
            num_shares: number of shares.
        """
        self.weights = weights
        self.clip_norm = clip_norm
        self.lr_ratio = lr_ratio
        self.shares = split_weights(weights, num_shares)
        """Numbers of the weights of each share."""
        self.optimizers = []
        for share in self.shares:
            share_weights = [weights[index] for index in share]
            optimizer = make_optimizer(share_weights)
            optimizer.build(share_weights)
            self.optimizers.append(optimizer)

    @property
    def variables(self) -> list[Any]:
        """The state of all shares, for checkpoints."""
        return [variable for optimizer in self.optimizers for variable in optimizer.variables]

    def apply(self, gradients: Sequence[Any], learning_rate: Any, share: int = 0) -> None:
        """Update the weights of a share.

        Args:
            gradients: of all weights.
            learning_rate: a scalar.
            share: number of the share.
        """
        dense = [tf.convert_to_tensor(gradient) for gradient in gradients]
        clipped, _ = tf.clip_by_global_norm(dense, self.clip_norm)
        optimizer, indices = self.optimizers[share], self.shares[share]
        optimizer.learning_rate.assign(learning_rate * self.lr_ratio)
        optimizer.apply(
            [clipped[index] for index in indices], [self.weights[index] for index in indices]
        )


def make_adam(weights: Sequence[Any], clip_norm: float, num_shares: int = 1) -> Optimizer:
    """Return Adam (Kingma and Ba 2015), with gradients clipped to a norm of all weights together."""
    return Optimizer(weights, lambda _: keras.optimizers.Adam(), clip_norm, num_shares=num_shares)


def make_muon(weights: Sequence[Any], clip_norm: float, num_shares: int = 1) -> Optimizer:
    """Return Muon for hidden matrices and Adam for all other weights, with clipped gradients.

    Source: Jordan et al. 2024, "Muon: an optimizer for hidden layers in neural networks".
    """
    return Optimizer(weights, _make_muon, clip_norm, MUON_LR_RATIO, num_shares)


def _make_muon(weights: Sequence[Any]) -> keras.optimizers.Optimizer:
    other_paths = [re.escape(weight.path) for weight in weights if not is_hidden(weight)]
    return keras.optimizers.Muon(
        adam_beta_1=ADAM_BETAS[0],
        adam_beta_2=ADAM_BETAS[1],
        adam_weight_decay=0.0,
        adam_lr_ratio=1 / MUON_LR_RATIO,
        epsilon=1e-8,
        weight_decay=None,
        rms_rate=None,
        exclude_layers=[f"^{path}$" for path in other_paths],
    )


def split_weights(weights: Sequence[Any], num_shares: int) -> list[list[int]]:
    """Return the numbers of the weights of each share; shares cost about the same to update, the largest first."""
    costs = [estimate_update_cost(weight) for weight in weights]
    shares: list[list[int]] = [[] for _ in range(num_shares)]
    totals = [0] * num_shares
    for index in sorted(range(len(weights)), key=lambda index: -costs[index]):
        lightest = totals.index(min(totals))
        shares[lightest].append(index)
        totals[lightest] += costs[index]
    return [sorted(share) for share in shares]


def estimate_update_cost(weight: Any) -> int:
    """Return the cost of an update, in updates of one number by Adam."""
    size = math.prod(weight.shape)
    return size * min(weight.shape) // MUON_COST_RATIO if is_hidden(weight) else size


def is_hidden(weight: Any) -> bool:
    """Whether a weight is a matrix between hidden vectors, which Muon updates."""
    is_named = any(f"/{name}/" in f"/{weight.path}" for name in MUON_LAYERS)
    is_matrix = len(weight.shape) == 2
    return is_named and is_matrix and weight.shape[0] > len(quantize.SCALAR_FEATURES)
