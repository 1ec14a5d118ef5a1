"""Residual blocks in NumPy: the gated recurrence `mingru` and causal attention.

See `pipeline.models.numpy.layers` for the two forms of a layer, `forward` and `step`.

Shapes: B pieces or windows, T notes, M notes before them, D width of the input, U units, H heads of 32 units.
"""

from abc import ABC, abstractmethod
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from pipeline.config.schema import ATTENTION_HEAD_DIM
from pipeline.models.numpy.layers import (
    HALF,
    ONE,
    QUICK_GELU_SCALE,
    Float32Array,
    Weights,
    inverse_rms,
    quick_gelu,
    rms_norm,
    scaled_quick_gelu,
    sigmoid,
)

ATTENTION_SPAN = 128
"""Notes that attention sees, the one just read among them."""
QUERY_SCALE = np.float32(ATTENTION_HEAD_DIM**-0.5)


class _StepWeights(NamedTuple):
    """Weights of a block, multiplied for `step`."""

    inner_kernel: Float32Array
    inner_bias: Float32Array
    outer_kernel: Float32Array
    up_kernel: Float32Array
    up_bias: Float32Array
    down_kernel: Float32Array


class ResidualBlock(ABC):
    """Two residual parts: one that mixes notes over time, and two dense layers that read each note by itself."""

    def __init__(self, weights: Weights, name: str) -> None:
        prefix = f"{name}/"
        self.weights = {
            key.removeprefix(prefix): value
            for key, value in weights.items()
            if key.startswith(prefix)
        }
        self.units = self.weights["outer/kernel"].shape[0]

    @abstractmethod
    def initial_state(self, batch_size: int) -> Float32Array:
        """Return the state of `forward` before the first note."""

    @abstractmethod
    def mix_time(
        self, projected: Float32Array, state: Float32Array
    ) -> tuple[Float32Array, Float32Array]:
        """Mix notes over time: [B, T, 3 U] to [B, T, U] and the state after the last note."""

    @abstractmethod
    def initial_step_state(self) -> Any:
        """Return the state of `step` before the first note."""

    @abstractmethod
    def premultiply(self, kernel: Float32Array) -> Float32Array:
        """Return a kernel [..., 3 U] in the order and scale that `step_time` reads."""

    @abstractmethod
    def step_time(self, projected: Float32Array, state: Any) -> Float32Array:
        """Mix one note [3 U], which may be overwritten, with those before it; returns [U] and changes the state."""

    def forward(self, x: Float32Array, state: Float32Array) -> tuple[Float32Array, Float32Array]:
        """Read notes x [B, T, D]; returns outputs [B, T, D] and the state after the last note."""
        weights = self.weights
        projected = rms_norm(x, weights["norm1/scale"]) @ weights["inner/kernel"]
        mixed, state = self.mix_time(projected + weights["inner/bias"], state)
        x = x + mixed @ weights["outer/kernel"]
        up = rms_norm(x, weights["norm2/scale"]) @ weights["up/kernel"] + weights["up/bias"]
        return x + quick_gelu(up) @ weights["down/kernel"], state

    @cached_property
    def _step_weights(self) -> _StepWeights:
        weights = self.weights
        scaled_inner = weights["norm1/scale"][:, None] * weights["inner/kernel"]
        scaled_up = weights["norm2/scale"][:, None] * weights["up/kernel"]
        return _StepWeights(
            self.premultiply(scaled_inner).copy(),
            self.premultiply(weights["inner/bias"]).copy(),
            weights["outer/kernel"],
            scaled_up * QUICK_GELU_SCALE,
            weights["up/bias"] * QUICK_GELU_SCALE,
            weights["down/kernel"] / (2 * QUICK_GELU_SCALE),
        )

    def step(self, x: Float32Array, state: Any) -> Float32Array:
        """Read one note x [D] and change the state; returns the output [D]."""
        weights = self._step_weights
        projected = x.dot(weights.inner_kernel)
        projected *= inverse_rms(x)
        projected += weights.inner_bias
        out: Float32Array = self.step_time(projected, state).dot(weights.outer_kernel)
        out += x
        up = out.dot(weights.up_kernel)
        up *= inverse_rms(out)
        up += weights.up_bias
        out += scaled_quick_gelu(up).dot(weights.down_kernel)
        return out


class MinGRUBlock(ResidualBlock):
    """A gated linear recurrence; its state is a vector [B, U], or [U] in `step`.

    Only an elementwise product waits for the note before, so that training is a few large matrix products.

    Source: the gates of minGRU (Feng et al. 2024), in the block of Griffin (De et al. 2024).
    """

    def initial_state(self, batch_size: int) -> Float32Array:
        """Return the state [B, U] before the first note."""
        return np.zeros((batch_size, self.units), np.float32)

    def mix_time(
        self, projected: Float32Array, state: Float32Array
    ) -> tuple[Float32Array, Float32Array]:
        """Run the recurrence over decay, input and output gate [B, T, 3 U]."""
        decay, inputs, gate = np.split(projected, 3, axis=-1)
        decay = sigmoid(decay)
        inputs = (1 - decay) * inputs
        states = np.empty_like(inputs)
        for t in range(projected.shape[1]):
            state = decay[:, t] * state + inputs[:, t]
            states[:, t] = state
        return states * gate * sigmoid(gate), state

    def initial_step_state(self) -> Float32Array:
        """Return the state [U] before the first note."""
        return np.zeros(self.units, np.float32)

    def premultiply(self, kernel: Float32Array) -> Float32Array:
        """Return decay and output gate, both halved, then the input."""
        decay, inputs, gate = np.split(kernel, 3, axis=-1)
        return np.concatenate([decay * HALF, gate * HALF, inputs], axis=-1)

    def step_time(self, projected: Float32Array, state: Float32Array) -> Float32Array:
        """Run the recurrence for one note."""
        u = self.units
        gates = np.tanh(projected[: 2 * u])
        gates += ONE
        decay, out, inputs = gates[:u], gates[u:], projected[2 * u :]
        decay *= HALF
        # state = decay * state + (1 - decay) * inputs
        state -= inputs
        state *= decay
        state += inputs
        # (1 + tanh(gate / 2)) * gate / 2 = gate * sigmoid(gate)
        out *= projected[u : 2 * u]
        out *= state
        return out


class AttentionBlock(ResidualBlock):
    """Causal attention over the last `ATTENTION_SPAN` notes; its state is their keys and values [B, M, 2 U].

    M grows from 0 at the first note to `ATTENTION_SPAN` - 1, so only notes beyond the span are masked. In `step`, keys
    and values stand in a ring: a note takes the place of the one that leaves the span.

    Source: Vaswani et al. 2017; keys and values kept from segment to segment as by Dai et al. 2019, with a bias learned
    for each head and distance as by Shaw et al. 2018 and Raffel et al. 2020, here one for every distance.
    """

    def __init__(self, weights: Weights, name: str) -> None:
        super().__init__(weights, name)
        self.num_heads = self.units // ATTENTION_HEAD_DIM
        mask = np.full((self.num_heads, 1), -np.inf, np.float32)
        self.distance_bias = np.concatenate([self.weights["distance"], mask], axis=1)

    def initial_state(self, batch_size: int) -> Float32Array:
        """Return the state [B, 0, 2 U] before the first note."""
        return np.zeros((batch_size, 0, 2 * self.units), np.float32)

    def mix_time(
        self, projected: Float32Array, state: Float32Array
    ) -> tuple[Float32Array, Float32Array]:
        """Attend by queries to keys and values [B, T, 3 U], `ATTENTION_SPAN` notes at a time to bound memory."""
        out = np.empty((*projected.shape[:2], self.units), np.float32)
        for begin in range(0, projected.shape[1], ATTENTION_SPAN):
            part = projected[:, begin : begin + ATTENTION_SPAN]
            queries, new = part[..., : self.units], part[..., self.units :]
            keys_values = np.concatenate([state, new], axis=1)
            out[:, begin : begin + ATTENTION_SPAN] = self._attend(queries, keys_values)
            state = keys_values[:, 1 - ATTENTION_SPAN :]
        return out, state

    def _attend(self, queries: Float32Array, keys_values: Float32Array) -> Float32Array:
        """Return the attention [B, T, U] of queries [B, T, U] to [B, M + T, 2 U], whose last T are their own notes."""
        keys, values = np.split(keys_values, 2, axis=-1)
        scores = _split_heads(queries * QUERY_SCALE) @ _split_heads(keys).swapaxes(-1, -2)
        scores += self._gather_distance_bias(queries.shape[1], keys_values.shape[1])
        scores = np.exp(scores - scores.max(axis=-1, keepdims=True))
        scores /= scores.sum(axis=-1, keepdims=True)
        return np.reshape((scores @ _split_heads(values)).swapaxes(1, 2), queries.shape)

    def _gather_distance_bias(self, num_queries: int, num_keys: int) -> Float32Array:
        """Return the bias of the scores [H, num_queries, num_keys]; the queries are of the last notes."""
        distance = np.arange(num_keys - num_queries, num_keys)[:, None] - np.arange(num_keys)
        outside = (distance < 0) | (distance >= ATTENTION_SPAN)
        return self.distance_bias[:, np.where(outside, ATTENTION_SPAN, distance)]

    @cached_property
    def _ring_bias(self) -> Float32Array:
        """[H, 2 SPAN]; a slice of it is the bias of each place of the ring, by its distance from the note just read."""
        distance = -np.arange(2 * ATTENTION_SPAN) % ATTENTION_SPAN
        return np.ascontiguousarray(self.distance_bias[:, distance])

    def initial_step_state(self) -> list[Any]:
        """Return keys and values [H, SPAN, 32], and the number of notes read."""
        ring = (self.num_heads, ATTENTION_SPAN, ATTENTION_HEAD_DIM)
        return [np.zeros(ring, np.float32), np.zeros(ring, np.float32), 0]

    def premultiply(self, kernel: Float32Array) -> Float32Array:
        """Return queries with the scale of their product with keys, then keys and values."""
        queries, keys_values = kernel[..., : self.units], kernel[..., self.units :]
        return np.concatenate([queries * QUERY_SCALE, keys_values], axis=-1)

    def step_time(self, projected: Float32Array, state: list[Any]) -> Float32Array:
        """Attend from one note to the last notes, this one among them."""
        keys, values, count = state
        query, key, value = projected.reshape(3, self.num_heads, ATTENTION_HEAD_DIM)
        place = count % ATTENTION_SPAN
        num_keys = min(count + 1, ATTENTION_SPAN)
        keys[:, place] = key
        values[:, place] = value
        state[2] = count + 1
        scores = np.matmul(keys[:, :num_keys], query[:, :, None])[:, :, 0]
        first = ATTENTION_SPAN - place
        scores += self._ring_bias[:, first : first + num_keys]
        scores -= scores.max(axis=1, keepdims=True)
        np.exp(scores, out=scores)
        scores /= scores.sum(axis=1, keepdims=True)
        out: Float32Array = np.matmul(scores[:, None], values[:, :num_keys]).ravel()
        return out


def _split_heads(x: Float32Array) -> Float32Array:
    """Return [B, H, T, 32] of [B, T, U]."""
    return x.reshape(*x.shape[:2], -1, ATTENTION_HEAD_DIM).swapaxes(1, 2)
