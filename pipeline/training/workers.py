"""The workers that train one model together, by TensorFlow's `MultiWorkerMirroredStrategy`.

Each worker computes the gradients of its rows of every batch. They are summed by a ring, whose order is fixed, so that
all workers get the same bytes, the same from run to run.

Shapes: N workers.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from pipeline.core.errors import PipelineError


@dataclass(frozen=True)
class Workers:
    """All workers of a training, seen from one of them; by default the only one."""

    rank: int = 0
    """Number of this worker, from 0; worker 0, the chief, writes the files."""
    count: int = 1
    """Number of workers."""
    strategy: Any = None
    """The strategy that connects them; None for one worker."""
    compiled_sums: dict[Any, Any] = field(default_factory=dict)
    """A compiled sum for each type and shape, in order of first use, which is the same on all workers."""

    @property
    def is_chief(self) -> bool:
        """Whether this worker writes the files."""
        return self.rank == 0

    def sum_arrays(self, array: Any) -> Any:
        """Return the sum of the arrays of all workers, which have one shape; each worker waits for all others.

        Raises:
            PipelineError: a worker has ended.
        """
        if self.count == 1:
            return array
        tensor = tf.convert_to_tensor(array)
        key = (tensor.dtype, *tensor.shape)
        if key not in self.compiled_sums:
            self.compiled_sums[key] = tf.function(self._sum_tensors)
        try:
            return self.compiled_sums[key](tensor)
        except tf.errors.OpError as error:
            raise PipelineError(
                f"worker {self.rank + 1} of {self.count} has lost another worker; see how that one ended, "
                "then start all workers again to continue from the checkpoint"
            ) from error

    def _sum_tensors(self, tensor: Any) -> Any:
        def sum_here(here: Any) -> Any:
            context = tf.distribute.get_replica_context()
            # `identity` puts the tensor on the device of this worker, by which the strategy knows it.
            return context.all_reduce(tf.distribute.ReduceOp.SUM, tf.identity(here))

        return self.strategy.run(sum_here, args=(tensor,))

    def copy_variables(self, source: int, variables: Sequence[Any]) -> None:
        """Give variables of all workers the values that those of one worker have."""
        if self.count == 1:
            return
        for dtype in sorted({str(variable.dtype) for variable in variables}):
            group = [variable for variable in variables if str(variable.dtype) == dtype]
            flat = concat_flat(group)
            total = self.sum_arrays(flat if self.rank == source else tf.zeros_like(flat))
            for variable, value in zip(group, split_flat(total, group), strict=True):
                variable.assign(value)

    def copy_text(self, text: str) -> str:
        """Return the text of the chief."""
        if self.count == 1:
            return text
        data = np.frombuffer(text.encode(), np.uint8).astype(np.int32)
        size = int(self.sum_arrays(np.int32(len(data) if self.is_chief else 0)))
        padded = np.zeros(size, np.int32)
        if self.is_chief:
            padded[:] = data
        total: NDArray[np.int32] = np.asarray(self.sum_arrays(padded))
        return total.astype(np.uint8).tobytes().decode()

    def wait_for_all(self) -> None:
        """Return when all workers have called it."""
        self.sum_arrays(np.int32(0))

    def check_equal(self, value: str, remedy: str) -> None:
        """Compare a text of all workers.

        Raises:
            PipelineError: on every worker, if one has another.
        """
        expected = self.copy_text(value)
        num_different = int(self.sum_arrays(np.int32(value != expected)))
        if num_different:
            raise PipelineError(
                f"{num_different} of {self.count} workers would train something else than worker 1 does, "
                f"{expected!r} (here {value!r}); {remedy}"
            )

    def select_rows(self, num_rows: int) -> NDArray[np.int64]:
        """Return the rows of a batch that this worker reads; none where there are fewer rows than workers."""
        rows: NDArray[np.int64] = np.array_split(np.arange(num_rows), self.count)[self.rank]
        return rows


def concat_flat(arrays: Sequence[Any]) -> Any:
    """Return the numbers of arrays of one type, one after the other."""
    return tf.concat([tf.reshape(tf.convert_to_tensor(array), [-1]) for array in arrays], 0)


def split_flat(flat: Any, arrays: Sequence[Any]) -> list[Any]:
    """Return the numbers of `concat_flat` in the shapes of arrays."""
    parts = tf.split(flat, [math.prod(array.shape) for array in arrays])
    return [tf.reshape(part, array.shape) for part, array in zip(parts, arrays, strict=True)]


ALONE = Workers()
"""A training in one process."""


def connect_workers(rank: int, count: int) -> Workers:
    """Wait for all workers that `TF_CONFIG` names; call it before TensorFlow computes anything.

    Args:
        rank: number of this worker, from 0.
        count: number of workers.

    Raises:
        PipelineError: the address of this worker is in use, or belongs to another machine.
    """
    if count == 1:
        return ALONE
    # It warns of a function that is compiled for several shapes, which `compiled_sums` is for.
    tf.get_logger().setLevel("ERROR")
    options = tf.distribute.experimental.CommunicationOptions(
        implementation=tf.distribute.experimental.CommunicationImplementation.RING
    )
    try:
        strategy = tf.distribute.MultiWorkerMirroredStrategy(communication_options=options)
    except (tf.errors.OpError, RuntimeError) as error:
        raise PipelineError(
            f"TF_CONFIG: worker {rank + 1} of {count} cannot start ({error}); "
            "see that its address is of this machine and its port free"
        ) from error
    return Workers(rank, count, strategy)
