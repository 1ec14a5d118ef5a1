"""A causal depthwise convolution in NumPy: each channel is a weighted sum of its last K values.

See `pipeline.models.numpy.layers` for the two forms of a layer, `forward` and `step`.

Shapes: B pieces or windows, T notes, K size of the kernel, C channels.
"""

import numpy as np

from pipeline.models.numpy.layers import Float32Array


class CausalConv:
    """The convolution; its state is the values of the K - 1 notes before, zero before the first note.

    Source: the local convolution before attention of Primer (So et al. 2021).
    """

    def __init__(self, kernel: Float32Array) -> None:
        """Take a kernel [K, C], whose last row is for the note just read."""
        self.kernel = kernel

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

    def initial_step_state(self) -> Float32Array:
        """Return the state [K, C] of `step` before the first note: the last K values, oldest first."""
        return np.zeros(self.kernel.shape, np.float32)

    def step(self, x: Float32Array, state: Float32Array) -> Float32Array:
        """Read one note x [C] and change the state; returns the output [C]."""
        state[:-1] = state[1:]
        state[-1] = x
        out: Float32Array = np.add.reduce(state * self.kernel, axis=0)
        return out
