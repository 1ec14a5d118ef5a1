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

from pipeline.config.recipes import HEAD
from pipeline.models.numpy.layers import SPAN, Floats, Weights

HALF, ONE = np.float32(0.5), np.float32(1)
LAST = np.ones(1, np.float32)
"""What a bias is multiplied by."""
QUICK = 1.702 / 2
"""What the input of a quick gelu is scaled by: gelu(x) = y (1 + tanh(y)) / 1.702 at y = x 1.702 / 2."""


def over_rms(x: Floats) -> float:
    """Return 1 / the root mean square of x [D], as `layers.rms_norm`."""
    return 1 / math.sqrt(float(x.dot(x)) / len(x) + 1e-6)


def gelu(y: Floats) -> Floats:
    """Return 1.702 times the gelu of x, from y = `QUICK` x."""
    out: Floats = np.tanh(y)
    out += ONE
    out *= y
    return out


class Layer(Protocol):
    """What reads a note."""

    def start(self) -> Any:
        """Return the state before the first note."""
        ...

    def read(self, x: Floats, state: Any) -> Floats:
        """Read a note x [D] and change the state; returns the output."""
        ...


class Lstm:
    """The twin of `layers.Lstm`: one product with the input, the output before and 1, side by side."""

    def __init__(self, weights: Weights, name: str) -> None:
        parts = [weights[f"{name}/{part}"] for part in ("kernel", "recurrent_kernel", "bias")]
        told, forget, new, out = np.split(np.vstack(parts), 4, axis=1)
        self.kernel = np.concatenate([told * HALF, forget * HALF, out * HALF, new], axis=1)
        self.units = told.shape[1]

    def start(self) -> list[Floats]:
        """Return the output and the cell vector [U] before the first note."""
        return [np.zeros(self.units, np.float32), np.zeros(self.units, np.float32)]

    def read(self, x: Floats, state: list[Floats]) -> Floats:
        """Read a note x [D] and change the state; returns the output [U]."""
        u, (h, c) = self.units, state
        z = np.tanh(np.concatenate((x, h, LAST)).dot(self.kernel))
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


class Residual(ABC):
    """The twin of `layers.Residual`."""

    def __init__(self, weights: Weights, name: str) -> None:
        of = {key.removeprefix(f"{name}/"): value for key, value in weights.items() if key.startswith(f"{name}/")}
        self.units = of["outer/kernel"].shape[0]
        folded = self.fold(np.vstack([of["norm1/scale"][:, None] * of["inner/kernel"], of["inner/bias"]]))
        self.inner, self.bias = folded[:-1].copy(), folded[-1].copy()
        self.outer = of["outer/kernel"]
        self.up = of["norm2/scale"][:, None] * of["up/kernel"] * np.float32(QUICK)
        self.up_bias = of["up/bias"] * np.float32(QUICK)
        self.down = of["down/kernel"] / np.float32(2 * QUICK)

    @abstractmethod
    def start(self) -> Any:
        """Return the state before the first note."""

    @abstractmethod
    def fold(self, inner: Floats) -> Floats:
        """Return weights [D + 1, 3 U] as `mix` wants what they make."""

    @abstractmethod
    def mix(self, inner: Floats, state: Any) -> Floats:
        """Return what a note hears of those before it [U], from inner [3 U], which it may spoil; changes the state."""

    def read(self, x: Floats, state: Any) -> Floats:
        """Read a note x [D] and change the state; returns the output [D]."""
        inner = x.dot(self.inner)
        inner *= over_rms(x)
        inner += self.bias
        out: Floats = self.mix(inner, state).dot(self.outer)
        out += x
        up = out.dot(self.up)
        up *= over_rms(out)
        up += self.up_bias
        out += gelu(up).dot(self.down)
        return out


class Gated(Residual):
    """The twin of `layers.Gated`."""

    def start(self) -> Floats:
        """Return the state [U] before the first note."""
        return np.zeros(self.units, np.float32)

    def fold(self, inner: Floats) -> Floats:
        """Return what to keep and what to tell, halved, then what is new."""
        keep, new, gate = np.split(inner, 3, axis=1)
        return np.concatenate([keep * HALF, gate * HALF, new], axis=1)

    def mix(self, inner: Floats, state: Floats) -> Floats:
        """Run the recurrence."""
        u = self.units
        both = np.tanh(inner[: 2 * u])
        both += ONE
        keep, told, new = both[:u], both[u:], inner[2 * u :]
        keep *= HALF
        state -= new
        state *= keep
        state += new
        told *= inner[u : 2 * u]
        told *= state
        return told


class Attention(Residual):
    """The twin of `layers.Attention`, which keeps keys and values in a ring: the note after the last takes its place.

    The bias of a place in the ring is that of its distance from the note just read, so a slice of one long table.
    """

    def __init__(self, weights: Weights, name: str) -> None:
        super().__init__(weights, name)
        self.heads = self.units // HEAD
        away = -np.arange(2 * SPAN) % SPAN
        self.distance = np.ascontiguousarray(weights[f"{name}/distance"][:, away])

    def start(self) -> list[Any]:
        """Return keys and values [U / HEAD, SPAN, HEAD], and the count of notes read."""
        ring = (self.heads, SPAN, HEAD)
        return [np.zeros(ring, np.float32), np.zeros(ring, np.float32), 0]

    def fold(self, inner: Floats) -> Floats:
        """Return queries as short as their product with keys must be, then keys and values."""
        u = self.units
        return np.concatenate([inner[:, :u] * np.float32(HEAD**-0.5), inner[:, u:]], axis=1)

    def mix(self, inner: Floats, state: list[Any]) -> Floats:
        """Attend to the last notes, this one among them."""
        keys, values, count = state
        query, key, value = inner.reshape(3, self.heads, HEAD)
        place, known = count % SPAN, min(count + 1, SPAN)
        keys[:, place], values[:, place] = key, value
        state[2] = count + 1
        scores = np.matmul(keys[:, :known], query[:, :, None])[:, :, 0]
        scores += self.distance[:, SPAN - place : SPAN - place + known]
        scores -= scores.max(axis=1, keepdims=True)
        np.exp(scores, out=scores)
        scores /= scores.sum(axis=1, keepdims=True)
        found: Floats = np.matmul(scores[:, None], values[:, :known]).ravel()
        return found
