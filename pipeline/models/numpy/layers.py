"""Recurrent layers in numpy, with explicit state: the twins of those in `nn`, which tests hold equal.

Shapes: B pieces or windows side by side, T notes, D width of the input, U units.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from pipeline.config.recipes import HEAD

Floats = NDArray[np.float32]
Weights = Mapping[str, Floats]
LstmState = tuple[Floats, Floats]
"""Hidden and cell vector [B, U]."""
SPAN = 128
"""Notes that attention sees, the one just read among them."""


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


class Residual(ABC):
    """A residual block: what mixes notes, by its kind, then two dense layers that see each note by itself."""

    def __init__(self, weights: Weights, name: str) -> None:
        self.of = {key.removeprefix(f"{name}/"): value for key, value in weights.items() if key.startswith(f"{name}/")}
        self.units = self.of["outer/kernel"].shape[0]

    @abstractmethod
    def start(self, batch: int) -> Floats:
        """Return the state before the first note."""

    @abstractmethod
    def mix(self, inner: Floats, state: Floats) -> tuple[Floats, Floats]:
        """Return what notes [B, T, U] hear of those before them, from inner [B, T, 3 U], and the state after."""

    def read(self, x: Floats, state: Floats) -> tuple[Floats, Floats]:
        """Read notes x [B, T, D]; returns outputs [B, T, D] and the state after the last note."""
        of = self.of
        mixed, state = self.mix(rms_norm(x, of["norm1/scale"]) @ of["inner/kernel"] + of["inner/bias"], state)
        x = x + mixed @ of["outer/kernel"]
        up = gelu(rms_norm(x, of["norm2/scale"]) @ of["up/kernel"] + of["up/bias"])
        return x + up @ of["down/kernel"], state


class Gated(Residual):
    """A gated linear recurrence; its state is a vector [B, U].

    Only an elementwise product waits for the note before, so that training is a few large matrix products. The gates
    of minGRU (Feng et al. 2024), in the block of Griffin (De et al. 2024).
    """

    def start(self, batch: int) -> Floats:
        """Return the state [B, U] before the first note."""
        return np.zeros((batch, self.units), np.float32)

    def mix(self, inner: Floats, state: Floats) -> tuple[Floats, Floats]:
        """Run the recurrence over inner [B, T, 3 U]: what to keep, what is new, what to tell."""
        keep, new, gate = np.split(inner, 3, axis=-1)
        keep = sigmoid(keep)
        new = (1 - keep) * new
        states = np.empty_like(new)
        for t in range(inner.shape[1]):
            state = keep[:, t] * state + new[:, t]
            states[:, t] = state
        return states * gate * sigmoid(gate), state


class Attention(Residual):
    """Causal attention in heads over the last `SPAN` notes; its state is their keys and values [B, M, 2 U].

    M grows from 0 at the first note to `SPAN` - 1: there is nothing to mask but what lies beyond the span.

    Source: Vaswani et al. 2017; keys and values kept from segment to segment as by Dai et al. 2019, with a bias learned
    for each head and distance as by Shaw et al. 2018 and Raffel et al. 2020, here one for every distance.
    """

    def __init__(self, weights: Weights, name: str) -> None:
        super().__init__(weights, name)
        never = np.full((self.units // HEAD, 1), -np.inf, np.float32)
        self.bias = np.concatenate([self.of["distance"], never], axis=1)

    def start(self, batch: int) -> Floats:
        """Return the state [B, 0, 2 U] before the first note."""
        return np.zeros((batch, 0, 2 * self.units), np.float32)

    def mix(self, inner: Floats, state: Floats) -> tuple[Floats, Floats]:
        """Attend: inner [B, T, 3 U] are queries, keys and values; `SPAN` notes at a time, which bounds memory."""
        out = np.empty((*inner.shape[:2], self.units), np.float32)
        for begin in range(0, inner.shape[1], SPAN):
            part = inner[:, begin : begin + SPAN]
            known = np.concatenate([state, part[..., self.units :]], axis=1)
            out[:, begin : begin + SPAN] = self._attend(part[..., : self.units], known)
            state = known[:, 1 - SPAN :]
        return out, state

    def _attend(self, queries: Floats, known: Floats) -> Floats:
        """Return what queries [B, T, U] find in known [B, M + T, 2 U], whose last T are their own notes."""
        keys, values = (_heads(part) for part in np.split(known, 2, axis=-1))
        scores = _heads(queries * np.float32(HEAD**-0.5)) @ keys.swapaxes(-1, -2)
        scores += self._bias(queries.shape[1], known.shape[1])
        scores = np.exp(scores - scores.max(axis=-1, keepdims=True))
        scores /= scores.sum(axis=-1, keepdims=True)
        return np.reshape((scores @ values).swapaxes(1, 2), queries.shape)

    def _bias(self, count: int, known: int) -> Floats:
        """Return what is added to the scores [U / HEAD, count, known] of known notes, the last `count` of which ask."""
        away = np.arange(known - count, known)[:, None] - np.arange(known)
        return self.bias[:, np.where((away < 0) | (away >= SPAN), SPAN, away)]


def _heads(x: Floats) -> Floats:
    """Return [B, U / HEAD, T, HEAD] of [B, T, U]."""
    return x.reshape(*x.shape[:2], -1, HEAD).swapaxes(1, 2)
