"""Recurrent layers in numpy, with explicit state: the twins of those in `nn`, which tests hold equal.

Shapes: B pieces or windows side by side, T notes, D width of the input, U units.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from pipeline.config.schema import ATTENTION_HEAD_DIM

Float32Array = NDArray[np.float32]
Weights = Mapping[str, Float32Array]
LSTMState = tuple[Float32Array, Float32Array]
"""Hidden and cell vector [B, U]."""
ATTENTION_SPAN = 128
"""Notes that attention sees, the one just read among them."""


def sigmoid(x: Float32Array) -> Float32Array:
    """Return 1 / (1 + exp(-x)) by tanh, which cannot overflow."""
    return np.asarray(np.float32(0.5) * np.tanh(np.float32(0.5) * x) + np.float32(0.5))


def quick_gelu(x: Float32Array) -> Float32Array:
    """Return x sigmoid(1.702 x), the quick form of the Gaussian error linear unit (Hendrycks and Gimpel 2016)."""
    return np.asarray(x * sigmoid(np.float32(1.702) * x))


def rms_norm(x: Float32Array, scale: Float32Array) -> Float32Array:
    """Scale vectors [..., D] to a root mean square of one, then by `scale` [D] (Zhang and Sennrich 2019)."""
    mean = np.mean(np.square(x), axis=-1, keepdims=True)
    return np.asarray(x / np.sqrt(mean + np.float32(1e-6)) * scale)


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
        """Return the state before the first note."""
        return np.zeros((batch_size, self.units), np.float32), np.zeros(
            (batch_size, self.units), np.float32
        )

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


class ResidualBlock(ABC):
    """A residual block: what mixes notes, by its kind, then two dense layers that see each note by itself."""

    def __init__(self, weights: Weights, name: str) -> None:
        self.weights = {
            key.removeprefix(f"{name}/"): value
            for key, value in weights.items()
            if key.startswith(f"{name}/")
        }
        self.units = self.weights["outer/kernel"].shape[0]

    @abstractmethod
    def initial_state(self, batch_size: int) -> Float32Array:
        """Return the state before the first note."""

    @abstractmethod
    def mix_time(
        self, projected: Float32Array, state: Float32Array
    ) -> tuple[Float32Array, Float32Array]:
        """Return what notes [B, T, U] hear of those before them, from inner [B, T, 3 U], and the state after."""

    def forward(self, x: Float32Array, state: Float32Array) -> tuple[Float32Array, Float32Array]:
        """Read notes x [B, T, D]; returns outputs [B, T, D] and the state after the last note."""
        of = self.weights
        mixed, state = self.mix_time(
            rms_norm(x, of["norm1/scale"]) @ of["inner/kernel"] + of["inner/bias"], state
        )
        x = x + mixed @ of["outer/kernel"]
        up = quick_gelu(rms_norm(x, of["norm2/scale"]) @ of["up/kernel"] + of["up/bias"])
        return x + up @ of["down/kernel"], state


class MinGRUBlock(ResidualBlock):
    """A gated linear recurrence; its state is a vector [B, U].

    Only an elementwise product waits for the note before, so that training is a few large matrix products. The gates
    of minGRU (Feng et al. 2024), in the block of Griffin (De et al. 2024).
    """

    def initial_state(self, batch_size: int) -> Float32Array:
        """Return the state [B, U] before the first note."""
        return np.zeros((batch_size, self.units), np.float32)

    def mix_time(
        self, projected: Float32Array, state: Float32Array
    ) -> tuple[Float32Array, Float32Array]:
        """Run the recurrence over inner [B, T, 3 U]: what to keep, what is new, what to tell."""
        keep, new, gate = np.split(projected, 3, axis=-1)
        keep = sigmoid(keep)
        new = (1 - keep) * new
        states = np.empty_like(new)
        for t in range(projected.shape[1]):
            state = keep[:, t] * state + new[:, t]
            states[:, t] = state
        return states * gate * sigmoid(gate), state


class AttentionBlock(ResidualBlock):
    """Causal attention in heads over the last `SPAN` notes; its state is their keys and values [B, M, 2 U].

    M grows from 0 at the first note to `SPAN` - 1: there is nothing to mask but what lies beyond the span.

    Source: Vaswani et al. 2017; keys and values kept from segment to segment as by Dai et al. 2019, with a bias learned
    for each head and distance as by Shaw et al. 2018 and Raffel et al. 2020, here one for every distance.
    """

    def __init__(self, weights: Weights, name: str) -> None:
        super().__init__(weights, name)
        never = np.full((self.units // ATTENTION_HEAD_DIM, 1), -np.inf, np.float32)
        self.distance_bias = np.concatenate([self.weights["distance"], never], axis=1)

    def initial_state(self, batch_size: int) -> Float32Array:
        """Return the state [B, 0, 2 U] before the first note."""
        return np.zeros((batch_size, 0, 2 * self.units), np.float32)

    def mix_time(
        self, projected: Float32Array, state: Float32Array
    ) -> tuple[Float32Array, Float32Array]:
        """Attend: inner [B, T, 3 U] are queries, keys and values; `SPAN` notes at a time, which bounds memory."""
        out = np.empty((*projected.shape[:2], self.units), np.float32)
        for begin in range(0, projected.shape[1], ATTENTION_SPAN):
            part = projected[:, begin : begin + ATTENTION_SPAN]
            known = np.concatenate([state, part[..., self.units :]], axis=1)
            out[:, begin : begin + ATTENTION_SPAN] = self._compute_attention(
                part[..., : self.units], known
            )
            state = known[:, 1 - ATTENTION_SPAN :]
        return out, state

    def _compute_attention(self, queries: Float32Array, keys_values: Float32Array) -> Float32Array:
        """Return what queries [B, T, U] find in known [B, M + T, 2 U], whose last T are their own notes."""
        keys, values = (_split_heads(part) for part in np.split(keys_values, 2, axis=-1))
        scores = _split_heads(queries * np.float32(ATTENTION_HEAD_DIM**-0.5)) @ keys.swapaxes(
            -1, -2
        )
        scores += self._gather_distance_bias(queries.shape[1], keys_values.shape[1])
        scores = np.exp(scores - scores.max(axis=-1, keepdims=True))
        scores /= scores.sum(axis=-1, keepdims=True)
        return np.reshape((scores @ values).swapaxes(1, 2), queries.shape)

    def _gather_distance_bias(self, num_queries: int, num_keys: int) -> Float32Array:
        """Return what is added to the scores [U / HEAD, count, known] of known notes, the last `count` of which ask."""
        away = np.arange(num_keys - num_queries, num_keys)[:, None] - np.arange(num_keys)
        return self.distance_bias[
            :, np.where((away < 0) | (away >= ATTENTION_SPAN), ATTENTION_SPAN, away)
        ]


def _split_heads(x: Float32Array) -> Float32Array:
    """Return [B, U / HEAD, T, HEAD] of [B, T, U]."""
    return x.reshape(*x.shape[:2], -1, ATTENTION_HEAD_DIM).swapaxes(1, 2)
