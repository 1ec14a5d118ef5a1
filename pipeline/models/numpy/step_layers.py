"""Recurrent layers in numpy that read one note: the twins of those in `layers`, as fast as numpy can.

At this size a call of numpy costs as much as its sums. So weights are folded once, for a note to take few calls: scales
of norms go into the kernels behind them, and sigmoids become parts of one tanh, as sigmoid(2 x) = (1 + tanh(x)) / 2.

The state is explicit; a note changes it in place, so who wants to come back to it takes a deep copy.

Shapes: D width, U units.
"""

import math
from abc import ABC, abstractmethod
from typing import Any, Protocol

import numpy as np

from pipeline.config.schema import ATTENTION_HEAD_DIM
from pipeline.models.numpy.layers import ATTENTION_SPAN, Float32Array, Weights

HALF, ONE = np.float32(0.5), np.float32(1)
BIAS_INPUT = np.ones(1, np.float32)
"""What a bias is multiplied by."""
QUICK_GELU_SCALE = 1.702 / 2
"""What the input of a quick gelu is scaled by: gelu(x) = y (1 + tanh(y)) / 1.702 at y = x 1.702 / 2."""


def inverse_rms(x: Float32Array) -> float:
    """Return 1 / the root mean square of x [D], as `layers.rms_norm`."""
    return 1 / math.sqrt(float(x.dot(x)) / len(x) + 1e-6)


def scaled_quick_gelu(y: Float32Array) -> Float32Array:
    """Return 1.702 times the gelu of x, from y = `QUICK` x."""
    out: Float32Array = np.tanh(y)
    out += ONE
    out *= y
    return out


class Layer(Protocol):
    """What reads a note."""

    def initial_state(self) -> Any:
        """Return the state before the first note."""
        ...

    def step(self, x: Float32Array, state: Any) -> Float32Array:
        """Read a note x [D] and change the state; returns the output."""
        ...


class LSTM:
    """The twin of `layers.Lstm`: one product with the input, the output before and 1, side by side."""

    def __init__(self, weights: Weights, name: str) -> None:
        parts = [weights[f"{name}/{part}"] for part in ("kernel", "recurrent_kernel", "bias")]
        told, forget, new, out = np.split(np.vstack(parts), 4, axis=1)
        self.kernel = np.concatenate([told * HALF, forget * HALF, out * HALF, new], axis=1)
        self.units = told.shape[1]

    def initial_state(self) -> list[Float32Array]:
        """Return the output and the cell vector [U] before the first note."""
        return [np.zeros(self.units, np.float32), np.zeros(self.units, np.float32)]

    def step(self, x: Float32Array, state: list[Float32Array]) -> Float32Array:
        """Read a note x [D] and change the state; returns the output [U]."""
        u, (h, c) = self.units, state
        z = np.tanh(np.concatenate((x, h, BIAS_INPUT)).dot(self.kernel))
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


class ResidualBlock(ABC):
    """The twin of `layers.Residual`."""

    def __init__(self, weights: Weights, name: str) -> None:
        of = {
            key.removeprefix(f"{name}/"): value
            for key, value in weights.items()
            if key.startswith(f"{name}/")
        }
        self.units = of["outer/kernel"].shape[0]
        folded = self.premultiply(
            np.vstack([of["norm1/scale"][:, None] * of["inner/kernel"], of["inner/bias"]])
        )
        self.inner_kernel, self.inner_bias = folded[:-1].copy(), folded[-1].copy()
        self.outer_kernel = of["outer/kernel"]
        self.up_kernel = of["norm2/scale"][:, None] * of["up/kernel"] * np.float32(QUICK_GELU_SCALE)
        self.up_bias = of["up/bias"] * np.float32(QUICK_GELU_SCALE)
        self.down_kernel = of["down/kernel"] / np.float32(2 * QUICK_GELU_SCALE)

    @abstractmethod
    def initial_state(self) -> Any:
        """Return the state before the first note."""

    @abstractmethod
    def premultiply(self, kernel: Float32Array) -> Float32Array:
        """Return weights [D + 1, 3 U] as `mix` wants what they make."""

    @abstractmethod
    def mix_time(self, projected: Float32Array, state: Any) -> Float32Array:
        """Return what a note hears of those before it [U], from inner [3 U], which it may spoil; changes the state."""

    def step(self, x: Float32Array, state: Any) -> Float32Array:
        """Read a note x [D] and change the state; returns the output [D]."""
        inner = x.dot(self.inner_kernel)
        inner *= inverse_rms(x)
        inner += self.inner_bias
        out: Float32Array = self.mix_time(inner, state).dot(self.outer_kernel)
        out += x
        up = out.dot(self.up_kernel)
        up *= inverse_rms(out)
        up += self.up_bias
        out += scaled_quick_gelu(up).dot(self.down_kernel)
        return out


class MinGRUBlock(ResidualBlock):
    """The twin of `layers.Gated`."""

    def initial_state(self) -> Float32Array:
        """Return the state [U] before the first note."""
        return np.zeros(self.units, np.float32)

    def premultiply(self, kernel: Float32Array) -> Float32Array:
        """Return what to keep and what to tell, halved, then what is new."""
        keep, new, gate = np.split(kernel, 3, axis=1)
        return np.concatenate([keep * HALF, gate * HALF, new], axis=1)

    def mix_time(self, projected: Float32Array, state: Float32Array) -> Float32Array:
        """Run the recurrence."""
        u = self.units
        both = np.tanh(projected[: 2 * u])
        both += ONE
        keep, told, new = both[:u], both[u:], projected[2 * u :]
        keep *= HALF
        state -= new
        state *= keep
        state += new
        told *= projected[u : 2 * u]
        told *= state
        return told


class AttentionBlock(ResidualBlock):
    """The twin of `layers.Attention`, which keeps keys and values in a ring: the note after the last takes its place.

    The bias of a place in the ring is that of its distance from the note just read, so a slice of one long table.
    """

    def __init__(self, weights: Weights, name: str) -> None:
        super().__init__(weights, name)
        self.num_heads = self.units // ATTENTION_HEAD_DIM
        away = -np.arange(2 * ATTENTION_SPAN) % ATTENTION_SPAN
        self.distance_bias = np.ascontiguousarray(weights[f"{name}/distance"][:, away])

    def initial_state(self) -> list[Any]:
        """Return keys and values [U / HEAD, SPAN, HEAD], and the count of notes read."""
        ring = (self.num_heads, ATTENTION_SPAN, ATTENTION_HEAD_DIM)
        return [np.zeros(ring, np.float32), np.zeros(ring, np.float32), 0]

    def premultiply(self, kernel: Float32Array) -> Float32Array:
        """Return queries as short as their product with keys must be, then keys and values."""
        u = self.units
        return np.concatenate(
            [kernel[:, :u] * np.float32(ATTENTION_HEAD_DIM**-0.5), kernel[:, u:]], axis=1
        )

    def mix_time(self, projected: Float32Array, state: list[Any]) -> Float32Array:
        """Attend to the last notes, this one among them."""
        keys, values, count = state
        query, key, value = projected.reshape(3, self.num_heads, ATTENTION_HEAD_DIM)
        place, known = count % ATTENTION_SPAN, min(count + 1, ATTENTION_SPAN)
        keys[:, place], values[:, place] = key, value
        state[2] = count + 1
        scores = np.matmul(keys[:, :known], query[:, :, None])[:, :, 0]
        scores += self.distance_bias[:, ATTENTION_SPAN - place : ATTENTION_SPAN - place + known]
        scores -= scores.max(axis=1, keepdims=True)
        np.exp(scores, out=scores)
        scores /= scores.sum(axis=1, keepdims=True)
        found: Float32Array = np.matmul(scores[:, None], values[:, :known]).ravel()
        return found
