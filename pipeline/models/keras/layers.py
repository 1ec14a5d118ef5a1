"""Layers that Keras lacks. Their twins in numpy are in `pipeline.models.numpy.layers` and `pipeline.models.numpy.network`.

Shapes: B pieces or windows side by side, T notes, D width, U units.
"""

import math
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from pipeline.notes.active_notes import DECAY_CELLS, NUM_FEATURES
from pipeline.notes.note import NUM_PITCHES
from pipeline.notes.quantize import (
    DURATION,
    NUM_TIME_TOKENS,
    NUM_VELOCITY_TOKENS,
    PITCH,
    STEP,
    VELOCITY,
)

MAX_MEMORY = 200.0
"""Notes that the slowest unit of a gated recurrence remembers at first."""


def make_normal_init(stddev: float) -> keras.initializers.Initializer:
    """Return an initializer of normal numbers, by the seed that training set."""
    return keras.initializers.RandomNormal(stddev=stddev)


class Dense(keras.layers.Layer):
    """A dense layer over the last axis of [..., D], as one matrix product."""

    def __init__(
        self, units: int, name: str, init_scale: float = 1.0, use_bias: bool = True
    ) -> None:
        super().__init__(name=name)
        self.units, self.init_scale, self.use_bias = units, init_scale, use_bias

    def build(self, shape: Any) -> None:
        """Make the weights: normal, of spread scale / sqrt(D)."""
        width = shape[-1]
        spread = make_normal_init(self.init_scale / math.sqrt(width))
        self.kernel = self.add_weight(name="kernel", shape=(width, self.units), initializer=spread)
        if self.use_bias:
            self.bias = self.add_weight(name="bias", shape=(self.units,), initializer="zeros")

    def call(self, x: Any) -> Any:
        """Return [..., units]."""
        flat = tf.matmul(tf.reshape(x, [-1, x.shape[-1]]), self.kernel)
        if self.use_bias:
            flat = tf.nn.bias_add(flat, self.bias)
        return tf.reshape(flat, tf.concat([tf.shape(x)[:-1], [self.units]], 0))


class RMSNorm(keras.layers.Layer):
    """Scale vectors to a root mean square of one (Zhang and Sennrich 2019)."""

    def build(self, shape: Any) -> None:
        """Make the scale [D]."""
        self.scale = self.add_weight(name="scale", shape=(shape[-1],), initializer="ones")

    def call(self, x: Any) -> Any:
        """Return [..., D]."""
        return (
            x * tf.math.rsqrt(tf.reduce_mean(tf.square(x), -1, keepdims=True) + 1e-6) * self.scale
        )


def quick_gelu(x: Any) -> Any:
    """Return x sigmoid(1.702 x)."""
    return x * tf.sigmoid(1.702 * x)


@tf.custom_gradient
def run_linear_recurrence(decay: Any, inputs: Any, initial: Any) -> Any:
    """Return h_t = keep_t h_(t-1) + new_t for all t of [B, T, U], from first [B, U].

    Unrolled, with the gradient written out: several times as fast on a CPU as a loop that TensorFlow differentiates.
    """
    keeps, news, state, states = tf.unstack(decay, axis=1), tf.unstack(inputs, axis=1), initial, []
    for k, n in zip(keeps, news, strict=True):
        state = k * state + n
        states.append(state)
    out = tf.stack(states, axis=1)

    def compute_gradient(upstream: Any) -> tuple[Any, Any, Any]:
        ups = tf.unstack(upstream, axis=1)
        back = [ups[-1]]
        for t in range(len(ups) - 2, -1, -1):
            back.append(ups[t] + keeps[t + 1] * back[-1])
        total = tf.stack(back[::-1], axis=1)
        before = tf.concat([initial[:, None], out[:, :-1]], axis=1)
        return total * before, total, keeps[0] * back[-1]

    return out, compute_gradient


class ResidualBlock(keras.layers.Layer):
    """A residual block: what mixes notes, by kind, then two dense layers; see `pipeline.models.numpy.layers.Residual`."""

    def __init__(self, units: int, width: int, name: str) -> None:
        super().__init__(name=name)
        self.units = units
        self.norm1, self.norm2 = RMSNorm(name="norm1"), RMSNorm(name="norm2")
        self.inner = Dense(3 * units, "inner")
        self.outer = Dense(width, "outer", 0.5, use_bias=False)
        self.up = Dense(2 * width, "up")
        self.down = Dense(width, "down", 0.5, use_bias=False)

    def build(self, shape: Any) -> None:
        """Make the weights."""
        width = shape[-1]
        for layer in (self.norm1, self.norm2, self.inner, self.up):
            layer.build((None, width))
        self.outer.build((None, self.units))
        self.down.build((None, 2 * width))

    def initial_state(self, batch_size: int) -> Any:
        """Return the state before the first note."""
        raise NotImplementedError

    def mix_time(self, projected: Any, state: Any) -> tuple[Any, Any]:
        """Return what notes [B, T, U] hear of those before them, from inner [B, T, 3 U], and the state after."""
        raise NotImplementedError

    def call(self, x: Any, state: Any) -> tuple[Any, Any]:
        """Read x [B, T, D]; returns outputs [B, T, D] and the state after."""
        mixed, state = self.mix_time(self.inner(self.norm1(x)), state)
        x = x + self.outer(mixed)
        return x + self.down(quick_gelu(self.up(self.norm2(x)))), state


class MinGRUBlock(ResidualBlock):
    """A gated linear recurrence; see `pipeline.models.numpy.layers.Gated`."""

    def build(self, shape: Any) -> None:
        """Make the weights; at first the units remember from one note to about `LONGEST`, spread evenly by order."""
        super().build(shape)
        bias = np.zeros(3 * self.units, np.float32)
        bias[: self.units] = np.linspace(0, math.log(MAX_MEMORY), self.units)
        self.inner.bias.assign(bias)

    def initial_state(self, batch_size: int) -> Any:
        """Return the state [B, U] before the first note."""
        return tf.zeros([batch_size, self.units])

    def mix_time(self, projected: Any, state: Any) -> tuple[Any, Any]:
        """Run the recurrence over inner [B, T, 3 U] from state [B, U]."""
        keep, new, gate = tf.split(projected, 3, -1)
        keep = tf.sigmoid(keep)
        states = run_linear_recurrence(keep, (1 - keep) * new, state)
        return states * tf.nn.silu(gate), states[:, -1]


def compute_active_features(active: Any) -> Any:
    """Return features [..., 256] of what is left of sounding keys [..., 128]."""
    cells = tf.cast(active, tf.float32)
    sounds = tf.cast(active > 0, tf.float32)
    return tf.concat([sounds, tf.exp(cells / -DECAY_CELLS) * sounds], -1)


class NoteEmbedding(keras.layers.Layer):
    """The embedding input: a vector for each part of the note, and for the keys that sound, added up."""

    def __init__(self, embedding_dim: int, model_velocity: bool, name: str) -> None:
        super().__init__(name=name)
        sizes = {
            "step": (NUM_TIME_TOKENS, STEP),
            "duration": (NUM_TIME_TOKENS, DURATION),
            "pitch": (NUM_PITCHES, PITCH),
        }
        if model_velocity:
            sizes["velocity"] = (NUM_VELOCITY_TOKENS, VELOCITY)
        self.embedding_tables = {
            name: (
                keras.layers.Embedding(
                    size, embedding_dim, make_normal_init(0.5), name=f"{name}_embedding"
                ),
                column,
            )
            for name, (size, column) in sizes.items()
        }
        self.layers = [table for table, _ in self.embedding_tables.values()]
        self.active_embedding = Dense(embedding_dim, "sounding", 0.5)

    def build(self, shape: Any) -> None:
        """Make the weights."""
        for table in self.layers:
            table.build()
        self.active_embedding.build((None, NUM_FEATURES))

    def call(self, tokens: Any, active: Any) -> Any:
        """Return [B, T, D] of tokens [B, T, 4] and what is left of sounding keys [B, T, 128]."""
        x = self.active_embedding(compute_active_features(active))
        for table, column in self.embedding_tables.values():
            x += table(tokens[..., column])
        return x
