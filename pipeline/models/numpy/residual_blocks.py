"""Residual blocks in NumPy: the gated recurrence `mingru` and causal attention.

See `pipeline.models.numpy.layers` for the two forms of a layer, `forward` and `step`.

Shapes: B pieces or windows, T notes, M notes before them, D width of the input, U units, H heads of 32 units, S notes of
the span of attention.
"""

from abc import ABC, abstractmethod
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipeline.config.model_rules import ATTENTION_HEAD_DIM
from pipeline.models.numpy.causal_conv import CausalConv
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

QUERY_CHUNK = 128
"""Queries of a piece that `forward` computes at a time, to bound memory."""
QUERY_SCALE = np.float32(ATTENTION_HEAD_DIM**-0.5)


class _StepWeights(NamedTuple):
    """Weights of a block, multiplied for `step`."""

    inner_kernel: Float32Array
    inner_bias: Float32Array
    conv: CausalConv | None
    outer_kernel: Float32Array
    up_kernel: Float32Array
    up_bias: Float32Array
    down_kernel: Float32Array


class ResidualBlock(ABC):
    """Two residual parts: one that mixes notes over time, and two dense layers that read each note by itself.

    With a convolution before the mixing, the state is that of the convolution and that of the mixing.
    """

    step_order: NDArray[np.intp]
    """[3 U] channels of the projection in the order that `step_time` reads."""
    step_scale: Float32Array
    """[3 U] factors of the channels in that order."""

    def __init__(self, weights: Weights, name: str) -> None:
        prefix = f"{name}/"
        self.weights = {
            key.removeprefix(prefix): value
            for key, value in weights.items()
            if key.startswith(prefix)
        }
        self.units = self.weights["outer/kernel"].shape[0]
        has_conv = "conv/kernel" in self.weights
        self.conv = CausalConv(self.weights["conv/kernel"]) if has_conv else None

    @abstractmethod
    def initial_mixing_state(self, batch_size: int) -> Float32Array:
        """Return the state of `mix_time` before the first note."""

    @abstractmethod
    def mix_time(
        self, projected: Float32Array, state: Float32Array
    ) -> tuple[Float32Array, Float32Array]:
        """Mix notes over time: [B, T, 3 U] to [B, T, U] and the state after the last note."""

    @abstractmethod
    def initial_mixing_step_state(self) -> Any:
        """Return the state of `step_time` before the first note."""

    @abstractmethod
    def step_time(self, projected: Float32Array, state: Any) -> Float32Array:
        """Mix one note [3 U], which may be overwritten, with those before it; returns [U] and changes the state."""

    def initial_state(self, batch_size: int) -> Any:
        """Return the state of `forward` before the first note."""
        mixing = self.initial_mixing_state(batch_size)
        return (self.conv.initial_state(batch_size), mixing) if self.conv else mixing

    def initial_step_state(self) -> Any:
        """Return the state of `step` before the first note."""
        mixing = self.initial_mixing_step_state()
        return (self.conv.initial_step_state(), mixing) if self.conv else mixing

    def forward(self, x: Float32Array, state: Any) -> tuple[Float32Array, Any]:
        """Read notes x [B, T, D]; returns outputs [B, T, D] and the state after the last note."""
        weights = self.weights
        projected = rms_norm(x, weights["norm1/scale"]) @ weights["inner/kernel"]
        mixed, state = self._mix_notes(projected + weights["inner/bias"], state)
        x = x + mixed @ weights["outer/kernel"]
        up = rms_norm(x, weights["norm2/scale"]) @ weights["up/kernel"] + weights["up/bias"]
        return x + quick_gelu(up) @ weights["down/kernel"], state

    def _mix_notes(self, projected: Float32Array, state: Any) -> tuple[Float32Array, Any]:
        """Apply the convolution, if there is one, and mix notes over time."""
        if self.conv is None:
            return self.mix_time(projected, state)
        projected, history = self.conv.forward(projected, state[0])
        mixed, mixing_state = self.mix_time(projected, state[1])
        return mixed, (history, mixing_state)

    def premultiply(self, kernel: Float32Array) -> Float32Array:
        """Return a kernel [..., 3 U] in the order and scale that `step_time` reads."""
        return self._reorder(kernel) * self.step_scale

    def _reorder(self, kernel: Float32Array) -> Float32Array:
        return np.take(kernel, self.step_order, axis=-1)

    @cached_property
    def _step_weights(self) -> _StepWeights:
        weights = self.weights
        scaled_inner = weights["norm1/scale"][:, None] * weights["inner/kernel"]
        scaled_up = weights["norm2/scale"][:, None] * weights["up/kernel"]
        # The scale belongs after the last linear layer before the mixing.
        arrange = self._reorder if self.conv else self.premultiply
        return _StepWeights(
            arrange(scaled_inner),
            arrange(weights["inner/bias"]),
            CausalConv(self.premultiply(self.conv.kernel)) if self.conv else None,
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
        if weights.conv:
            history, state = state
            projected = weights.conv.step(projected, history)
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

    def __init__(self, weights: Weights, name: str) -> None:
        super().__init__(weights, name)
        # Decay and output gate, both halved, then the input.
        decay, inputs, gate = np.split(np.arange(3 * self.units), 3)
        self.step_order = np.concatenate([decay, gate, inputs])
        self.step_scale = np.repeat(np.array([0.5, 0.5, 1], np.float32), self.units)

    def initial_mixing_state(self, batch_size: int) -> Float32Array:
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

    def initial_mixing_step_state(self) -> Float32Array:
        """Return the state [U] before the first note."""
        return np.zeros(self.units, np.float32)

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
    """Causal attention over the last S notes; its state is their keys and values [B, M, 2 U].

    M grows from 0 at the first note to S - 1, so only notes beyond the span are masked. In `step`, keys
    and values stand in a ring: a note takes the place of the one that leaves the span.

    Source: Vaswani et al. 2017; keys and values kept from segment to segment as by Dai et al. 2019, with a bias learned
    for each head and distance as by Shaw et al. 2018 and Raffel et al. 2020, here one for every distance.
    """

    def __init__(self, weights: Weights, name: str) -> None:
        super().__init__(weights, name)
        self.num_heads, self.span = self.weights["distance"].shape
        self.step_order = np.arange(3 * self.units)
        # Queries have the scale of their product with keys.
        self.step_scale = np.repeat(np.array([QUERY_SCALE, 1, 1], np.float32), self.units)
        mask = np.full((self.num_heads, 1), -np.inf, np.float32)
        self.distance_bias = np.concatenate([self.weights["distance"], mask], axis=1)
        self._ones = np.ones(self.span, np.float32)

    def initial_mixing_state(self, batch_size: int) -> Float32Array:
        """Return the state [B, 0, 2 U] before the first note."""
        return np.zeros((batch_size, 0, 2 * self.units), np.float32)

    def mix_time(
        self, projected: Float32Array, state: Float32Array
    ) -> tuple[Float32Array, Float32Array]:
        """Attend by queries to keys and values [B, T, 3 U], `QUERY_CHUNK` notes at a time."""
        out = np.empty((*projected.shape[:2], self.units), np.float32)
        for begin in range(0, projected.shape[1], QUERY_CHUNK):
            part = projected[:, begin : begin + QUERY_CHUNK]
            queries, new = part[..., : self.units], part[..., self.units :]
            keys_values = np.concatenate([state, new], axis=1)
            out[:, begin : begin + QUERY_CHUNK] = self._attend(queries, keys_values)
            state = keys_values[:, 1 - self.span :]
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
        outside = (distance < 0) | (distance >= self.span)
        return self.distance_bias[:, np.where(outside, self.span, distance)]

    @cached_property
    def _ring_bias(self) -> Float32Array:
        """[H, 2 S]; a slice of it is the bias of each place of the ring, by its distance from the note just read."""
        distance = -np.arange(2 * self.span) % self.span
        return np.ascontiguousarray(self.distance_bias[:, distance])

    def initial_mixing_step_state(self) -> list[Any]:
        """Return keys [H, 32, S], values [H, S, 32], and the number of notes read."""
        heads, span = self.num_heads, self.span
        keys = np.zeros((heads, ATTENTION_HEAD_DIM, span), np.float32)
        return [keys, np.zeros((heads, span, ATTENTION_HEAD_DIM), np.float32), 0]

    def step_time(self, projected: Float32Array, state: list[Any]) -> Float32Array:
        """Attend from one note to the last notes, this one among them."""
        keys, values, count = state
        query, key, value = projected.reshape(3, self.num_heads, ATTENTION_HEAD_DIM)
        place = count % self.span
        num_keys = min(count + 1, self.span)
        keys[:, :, place] = key
        values[:, place] = value
        state[2] = count + 1
        scores = np.matmul(query[:, None], keys[:, :, :num_keys])[:, 0]
        first = self.span - place
        scores += self._ring_bias[:, first : first + num_keys]
        scores -= np.maximum.reduce(scores, axis=1, keepdims=True)
        np.exp(scores, out=scores)
        out: Float32Array = np.matmul(scores[:, None], values[:, :num_keys])[:, 0]
        # After the product fewer numbers are divided than before it.
        out /= scores.dot(self._ones[:num_keys])[:, None]
        return out.ravel()


def _split_heads(x: Float32Array) -> Float32Array:
    """Return [B, H, T, 32] of [B, T, U]."""
    return x.reshape(*x.shape[:2], -1, ATTENTION_HEAD_DIM).swapaxes(1, 2)
