"""Recurrent layers in numpy, with explicit state: the twins of those in `nn`, which tests hold equal.

Shapes: B pieces or windows side by side, T notes, D width of the input, U units.
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Weights = Mapping[str, Floats]
LstmState = tuple[Floats, Floats]
"""Hidden and cell vector [B, U]."""


def sigmoid(x: Floats) -> Floats:
    """Return 1 / (1 + exp(-x)) by tanh, which cannot overflow."""
    return np.asarray(np.float32(0.5) * np.tanh(np.float32(0.5) * x) + np.float32(0.5))


def gelu(x: Floats) -> Floats:
    """Return x sigmoid(1.702 x), the quick form of the Gaussian error linear unit (Hendrycks and Gimpel 2016)."""
    return np.asarray(x * sigmoid(np.float32(1.702) * x))


def rms_norm(x: Floats, scale: Floats) -> Floats:
    """Scale vectors [..., D] to a root mean square of one, then by `scale` [D] (Zhang and Sennrich 2019)."""
    mean = np.mean(np.square(x), axis=-1, keepdims=True)
    return np.asarray(x / np.sqrt(mean + np.float32(1e-6)) * scale)


class Lstm:
    """One LSTM layer, gates in the order of Keras: input, forget, cell, output.

    Source: Hochreiter and Schmidhuber 1997, with the forget gate of Gers et al. 2000.
    """

    def __init__(self, weights: Weights, name: str) -> None:
        self.kernel = weights[f"{name}/kernel"]
        self.recurrent = weights[f"{name}/recurrent_kernel"]
        self.bias = weights[f"{name}/bias"]
        self.units = self.recurrent.shape[0]

    def start(self, batch: int) -> LstmState:
        """Return the state before the first note."""
        return np.zeros((batch, self.units), np.float32), np.zeros((batch, self.units), np.float32)

    def read(self, x: Floats, state: LstmState) -> tuple[Floats, LstmState]:
        """Read notes x [B, T, D]; returns outputs [B, T, U] and the state after the last note."""
        h, c = state
        u = self.units
        # One product for all notes: only the recurrent part has to wait for the note before.
        projected = x @ self.kernel + self.bias
        out = np.empty((*x.shape[:2], u), np.float32)
        for t in range(x.shape[1]):
            z = projected[:, t] + h @ self.recurrent
            gates = sigmoid(z)
            c = gates[:, u : 2 * u] * c + gates[:, :u] * np.tanh(z[:, 2 * u : 3 * u])
            h = gates[:, 3 * u :] * np.tanh(c)
            out[:, t] = h
        return out, (h, c)


class Gated:
    """A residual block: a gated linear recurrence, then two dense layers.

    Only an elementwise product waits for the note before, so that training is a few large matrix products. The gates
    of minGRU (Feng et al. 2024), in the block of Griffin (De et al. 2024).
    """

    def __init__(self, weights: Weights, name: str) -> None:
        self.of = {key.removeprefix(f"{name}/"): value for key, value in weights.items() if key.startswith(f"{name}/")}
        self.units = self.of["outer/kernel"].shape[0]

    def start(self, batch: int) -> Floats:
        """Return the state [B, U] before the first note."""
        return np.zeros((batch, self.units), np.float32)

    def read(self, x: Floats, state: Floats) -> tuple[Floats, Floats]:
        """Read notes x [B, T, D]; returns outputs [B, T, D] and the state [B, U] after the last note."""
        of = self.of
        inner = rms_norm(x, of["norm1/scale"]) @ of["inner/kernel"] + of["inner/bias"]
        keep, new, gate = np.split(inner, 3, axis=-1)
        keep = sigmoid(keep)
        new = (1 - keep) * new
        states = np.empty_like(new)
        for t in range(x.shape[1]):
            state = keep[:, t] * state + new[:, t]
            states[:, t] = state
        x = x + (states * gate * sigmoid(gate)) @ of["outer/kernel"]
        up = gelu(rms_norm(x, of["norm2/scale"]) @ of["up/kernel"] + of["up/bias"])
        return x + up @ of["down/kernel"], state
