"""One training step of several workers: each reads its rows of the batch and updates its share of the weights.

Shapes: B rows of the batch, T notes, P numbers of all weights.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from pipeline.dataset.segments import Segment
from pipeline.training.optimizers import Optimizer
from pipeline.training.workers import Workers, concat_flat, split_flat


class BatchPart(NamedTuple):
    """The rows of a batch that one worker reads, as tensors."""

    notes: Any
    """int32 [B, T + 1, 4], as of a `Segment`."""
    active: Any
    """[B, T + 1, 128]."""
    mask: Any
    """[B, T]."""
    num_targets: Any
    """Targets of all rows of the batch; the loss is a mean over them."""
    place: Any
    """[2] the first of the rows in the batch, and the number of all rows of the batch."""
    hints: Any = None
    """int32 [B, T, 5], as of a `Segment`; None without `recall`."""


def select_part(batch: Segment, workers: Workers) -> BatchPart:
    """Return the rows of a batch that this worker reads.

    A worker for which there is none reads the last row without targets, since all must take part in the sum.
    """
    num_rows = len(batch.notes)
    rows = workers.select_rows(num_rows)
    mask = batch.mask[rows]
    if not len(rows):
        rows = np.array([num_rows - 1])
        mask = np.zeros_like(batch.mask[rows])
    hints = None if batch.hints is None else tf.constant(batch.hints[rows].astype(np.int32))
    return BatchPart(
        notes=tf.constant(batch.notes[rows].astype(np.int32)),
        active=tf.constant(batch.active[rows]),
        mask=tf.constant(mask),
        num_targets=tf.constant(batch.mask.sum()),
        place=tf.constant([int(rows[0]), num_rows]),
        hints=hints,
    )


class ParallelStep:
    """Gradients of the rows of this worker, their sum over all workers, and the update of the weights."""

    def __init__(
        self,
        workers: Workers,
        optimizer: Optimizer,
        compute_gradients: Callable[..., tuple[Any, Sequence[Any], Any]],
    ) -> None:
        """Compile the parts between which workers wait for each other.

        Args:
            workers: all workers; the optimizer has a share of the weights for each.
            optimizer: of all weights.
            compute_gradients: returns the loss, the gradients and the state of a batch, see `Trainer`.
        """
        self.workers = workers
        self.optimizer = optimizer
        self.compute_gradients = compute_gradients
        self.compiled_gradients = tf.function(self._pack_gradients, reduce_retracing=True)
        self.compiled_update = tf.function(self._update_share)
        self.compiled_assign = tf.function(self._assign_weights)

    def run(self, part: BatchPart, state: Any, learning_rate: Any) -> tuple[Any, Any]:
        """Update the weights on one batch; returns the weighted loss of all rows and the state of the own rows."""
        packed, after = self.compiled_gradients(part, state)
        total = self.workers.sum_arrays(packed)
        updated = self.compiled_update(total, learning_rate)
        self.compiled_assign(self.workers.sum_arrays(updated))
        return total[-1], after

    def _pack_gradients(self, part: BatchPart, state: Any) -> tuple[Any, Any]:
        """Return the gradients of all weights and the loss as one array [P + 1], and the state."""
        loss, gradients, after = self.compute_gradients(part, state)
        return concat_flat([*gradients, loss]), after

    def _update_share(self, packed: Any, learning_rate: Any) -> Any:
        """Update the own share of the weights; returns it [P], with zeros for the weights of other shares."""
        self.optimizer.apply(
            split_flat(packed[:-1], self.optimizer.weights), learning_rate, self.workers.rank
        )
        own = set(self.optimizer.shares[self.workers.rank])
        weights = self.optimizer.weights
        return concat_flat(
            [
                weight.value if index in own else tf.zeros(weight.shape)
                for index, weight in enumerate(weights)
            ]
        )

    def _assign_weights(self, flat: Any) -> None:
        for weight, value in zip(
            self.optimizer.weights, split_flat(flat, self.optimizer.weights), strict=True
        ):
            weight.assign(value)
