"""A causal depthwise convolution in NumPy: each channel is a weighted sum of its last K values.

See `pipeline.models.numpy.layers` for the two forms of a layer, `forward` and `step`.

Shapes: B pieces or windows, T notes, K size of the kernel, C channels.
"""

from typing import Any

import numpy as np

from pipeline.models.numpy.layers import Float32Array


class CausalConv:
    """The convolution; its state is the values of the K - 1 notes before, zero before the first note.

    Source: the local convolution before attention of Primer (So et al. 2021).
    """

    def __init__(self, kernel: Float32Array) -> None:
        """Take a kernel [K, C], whose last row is for the note just read."""
        self.kernel = kernel
        self._ones = np.ones(len(kernel), np.float32)

    def initial_state(self, batch_size: int) -> Float32Array:
        """Return the state [B, K - 1, C] before the first note."""
        size, channels = self.kernel.shape
        return np.zeros((batch_size, size - 1, channels), np.float32)

    def forward(self, x: Float32Array, state: Float32Array) -> tuple[Float32Array, Float32Array]:
        """Read notes x [B, T, C]; returns outputs [B, T, C] and the state after the last note."""
        num_notes = x.shape[1]
        extended = np.concatenate([state, x], axis=1)
        out = np.zeros_like(x)
        for offset, weights in enumerate(self.kernel):
            out += extended[:, offset : offset + num_notes] * weights
        return out, extended[:, num_notes:]

    def initial_step_state(self) -> list[Any]:
        """Return the state of `step` before the first note: the last values twice in a ring [2 K, C], and a place in it."""
        return [np.zeros((2 * len(self.kernel), self.kernel.shape[1]), np.float32), 0]

    def step(self, x: Float32Array, state: list[Any]) -> Float32Array:
        """Read one note x [C] and change the state; returns the output [C]."""
        ring, place = state
        size = len(self.kernel)
        # With each value at two places, the last K values, oldest first, always lie side by side.
        ring[place] = x
        ring[place + size] = x
        state[1] = (place + 1) % size
        recent = ring[place + 1 : place + 1 + size]
        out: Float32Array = self._ones.dot(recent * self.kernel)
        return out
