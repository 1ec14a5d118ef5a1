"""Recurrent layers in NumPy, with explicit state.

Each layer has two forms, which tests hold equal to each other and to Keras:

    forward    reads many notes of many pieces; returns the state after the last note and leaves the given one as it is
    step       reads one note, as fast as NumPy can; changes the state in place (to keep a state, copy it deeply)

For arrays of this size a call of NumPy costs as much as its arithmetic. So `step` has its own weights, made once: the
scales of norms are multiplied into the kernels after them, and sigmoids become part of one tanh, since
sigmoid(2 x) = (1 + tanh(x)) / 2.

Shapes: B pieces or windows, T notes, D width of the input, U units.
"""

import math
from collections.abc import Mapping
from functools import cached_property
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

Float32Array = NDArray[np.float32]
Weights = Mapping[str, Float32Array]
LSTMState = tuple[Float32Array, Float32Array]
"""Hidden and cell vector [B, U]."""
HALF, ONE = np.float32(0.5), np.float32(1)
BIAS_INPUT = np.ones(1, np.float32)
"""The input that a bias is multiplied by."""
QUICK_GELU_SCALE = np.float32(1.702 / 2)
"""Scale of the input of `scaled_quick_gelu`."""


class Layer(Protocol):
    """A recurrent layer."""

    def initial_state(self, batch_size: int) -> Any:
        """Return the state of `forward` before the first note."""
        ...

    def forward(self, x: Float32Array, state: Any) -> tuple[Float32Array, Any]:
        """Read notes x [B, T, D]; returns the outputs and the state after the last note."""
        ...

    def initial_step_state(self) -> Any:
        """Return the state of `step` before the first note."""
        ...

    def step(self, x: Float32Array, state: Any) -> Float32Array:
        """Read one note x [D] and change the state; returns the output."""
        ...


def sigmoid(x: Float32Array) -> Float32Array:
    """Return 1 / (1 + exp(-x)), by tanh, which cannot overflow."""
    return HALF * np.tanh(HALF * x) + HALF


def quick_gelu(x: Float32Array) -> Float32Array:
    """Return x sigmoid(1.702 x), the quick form of the Gaussian error linear unit (Hendrycks and Gimpel 2016)."""
    return x * sigmoid(np.float32(1.702) * x)


def scaled_quick_gelu(scaled: Float32Array) -> Float32Array:
    """Return 1.702 quick_gelu(x) of one vector, from `scaled` = x 1.702 / 2."""
    out: Float32Array = np.tanh(scaled)
    out += ONE
    out *= scaled
    return out


def rms_norm(x: Float32Array, scale: Float32Array) -> Float32Array:
    """Scale vectors [..., D] to a root mean square of one, then by `scale` [D] (Zhang and Sennrich 2019)."""
    mean_square = np.mean(np.square(x), axis=-1, keepdims=True)
    return x / np.sqrt(mean_square + np.float32(1e-6)) * scale


def inverse_rms(x: Float32Array) -> float:
    """Return 1 / the root mean square of one vector [D], as `rms_norm` has it."""
    return 1 / math.sqrt(float(x.dot(x)) / len(x) + 1e-6)


class LSTM:
    """One LSTM layer, gates in the order of Keras: input, forget, cell, output.

    Source: Hochreiter and Schmidhuber 1997, with the forget gate of Gers et al. 2000.
    """

    def __init__(self, weights: Weights, name: str) -> None:
        self.kernel = weights[f"{name}/kernel"]
        self.recurrent_kernel = weights[f"{name}/recurrent_kernel"]
        self.bias = weights[f"{name}/bias"]
        self.units = self.recurrent_kernel.shape[0]

    def initial_state(self, batch_size: int) -> LSTMState:
        """Return hidden and cell vector [B, U] before the first note."""
        zeros = np.zeros((batch_size, self.units), np.float32)
        return zeros, zeros

    def forward(self, x: Float32Array, state: LSTMState) -> tuple[Float32Array, LSTMState]:
        """Read notes x [B, T, D]; returns outputs [B, T, U] and the state after the last note."""
        h, c = state
        u = self.units
        # One product for all notes: only the recurrent part has to wait for the note before.
        projected = x @ self.kernel + self.bias
        out = np.empty((*x.shape[:2], u), np.float32)
        for t in range(x.shape[1]):
            z = projected[:, t] + h @ self.recurrent_kernel
            gates = sigmoid(z)
            c = gates[:, u : 2 * u] * c + gates[:, :u] * np.tanh(z[:, 2 * u : 3 * u])
            h = gates[:, 3 * u :] * np.tanh(c)
            out[:, t] = h
        return out, (h, c)

    @cached_property
    def _step_kernel(self) -> Float32Array:
        """The kernel [D + U + 1, 4 U] of x, h and 1 side by side; gates input, forget, output come first, halved."""
        kernel = np.vstack([self.kernel, self.recurrent_kernel, self.bias])
        input_gate, forget_gate, cell, output_gate = np.split(kernel, 4, axis=1)
        gates = np.concatenate([input_gate, forget_gate, output_gate], axis=1) * HALF
        return np.concatenate([gates, cell], axis=1)

    def initial_step_state(self) -> list[Float32Array]:
        """Return hidden and cell vector [U] before the first note."""
        return [np.zeros(self.units, np.float32), np.zeros(self.units, np.float32)]

    def step(self, x: Float32Array, state: list[Float32Array]) -> Float32Array:
        """Read one note x [D] and change the state; returns the output [U], which is the state's own array."""
        u = self.units
        h, c = state
        z = np.tanh(np.concatenate((x, h, BIAS_INPUT)).dot(self._step_kernel))
        gates = z[: 3 * u]
        gates *= HALF
        gates += HALF
        new = z[3 * u :]
        new *= gates[:u]
        c *= gates[u : 2 * u]
        c += new
        np.tanh(c, out=h)
        h *= gates[2 * u :]
        return h
