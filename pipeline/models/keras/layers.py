"""Layers that Keras lacks; `pipeline.models.numpy` has the same layers in NumPy.

Shapes: B pieces or windows, T notes, D width of the input, U units.
"""

import math
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from pipeline.config.schema import ModelConfig
from pipeline.notes import quantize
from pipeline.notes.active_notes import DECAY_CELLS, NUM_FEATURES

MAX_MEMORY = 200.0
"""Time constant, in notes, of the slowest unit of a gated recurrence at first."""


def make_normal_init(stddev: float) -> keras.initializers.Initializer:
    """Return an initializer of normal numbers; `keras.utils.set_random_seed` decides them."""
    return keras.initializers.RandomNormal(stddev=stddev)


class Dense(keras.layers.Layer):
    """A dense layer over the last axis of [..., D], as one matrix product."""

    def __init__(
        self, units: int, name: str, init_scale: float = 1.0, use_bias: bool = True
    ) -> None:
        super().__init__(name=name)
        self.units, self.init_scale, self.use_bias = units, init_scale, use_bias

    def build(self, shape: Any) -> None:
        """Make the weights: normal, of standard deviation init_scale / sqrt(D)."""
        width = shape[-1]
        initializer = make_normal_init(self.init_scale / math.sqrt(width))
        kernel_shape = (width, self.units)
        self.kernel = self.add_weight(name="kernel", shape=kernel_shape, initializer=initializer)
        if self.use_bias:
            self.bias = self.add_weight(name="bias", shape=(self.units,), initializer="zeros")

    def call(self, x: Any) -> Any:
        """Return [..., units]."""
        flat = tf.matmul(tf.reshape(x, [-1, x.shape[-1]]), self.kernel)
        if self.use_bias:
            flat = tf.nn.bias_add(flat, self.bias)
        return tf.reshape(flat, tf.concat([tf.shape(x)[:-1], [self.units]], 0))


class Dropout(keras.layers.Dropout):
    """Dropout; rows of a batch that are read apart get the mask that they have in the whole batch."""

    place: Any = None
    """[2] the first of the rows in the batch, and the number of all rows of the batch; None for the whole batch."""

    def call(self, inputs: Any, training: bool = False) -> Any:
        """Return rows [B, ...] with dropout where `training` is true."""
        if self.place is None or not training:
            return super().call(inputs, training=training)
        shape = tf.shape(inputs)
        whole = tf.ones(tf.concat([self.place[1:], shape[1:]], 0))
        mask = super().call(whole, training=True)
        return inputs * mask[self.place[0] : self.place[0] + shape[0]]


def make_rms_norm(name: str) -> keras.layers.RMSNormalization:
    """Return a layer that scales vectors to a root mean square of one (Zhang and Sennrich 2019)."""
    return keras.layers.RMSNormalization(epsilon=1e-6, name=name)


def quick_gelu(x: Any) -> Any:
    """Return x sigmoid(1.702 x)."""
    return x * tf.sigmoid(1.702 * x)


@tf.custom_gradient
def run_linear_recurrence(decay: Any, inputs: Any, initial: Any) -> Any:
    """Return h_t = decay_t h_(t-1) + input_t for all t of [B, T, U], from initial [B, U].

    Unrolled, with the gradient written out: several times as fast on a CPU as a loop that TensorFlow differentiates.
    """
    decays = tf.unstack(decay, axis=1)
    state = initial
    states = []
    for decay_t, input_t in zip(decays, tf.unstack(inputs, axis=1), strict=True):
        state = decay_t * state + input_t
        states.append(state)
    out = tf.stack(states, axis=1)

    def compute_gradient(upstream: Any) -> tuple[Any, Any, Any]:
        upstreams = tf.unstack(upstream, axis=1)
        backward = [upstreams[-1]]
        for t in range(len(upstreams) - 2, -1, -1):
            backward.append(upstreams[t] + decays[t + 1] * backward[-1])
        total = tf.stack(backward[::-1], axis=1)
        before = tf.concat([initial[:, None], out[:, :-1]], axis=1)
        return total * before, total, decays[0] * backward[-1]

    return out, compute_gradient


class CausalConv(keras.layers.Layer):
    """A causal depthwise convolution; see `pipeline.models.numpy.causal_conv`."""

    def __init__(self, kernel_size: int, channels: int, name: str) -> None:
        super().__init__(name=name)
        self.kernel_size, self.channels = kernel_size, channels

    def build(self, shape: Any) -> None:
        """Make the kernel [K, C], which at first returns each note as it is."""
        kernel = np.zeros((self.kernel_size, self.channels), np.float32)
        kernel[-1] = 1
        self.kernel = self.add_weight(name="kernel", shape=kernel.shape, initializer="zeros")
        self.kernel.assign(kernel)

    def initial_state(self, batch_size: int) -> Any:
        """Return the state [B, K - 1, C] before the first note."""
        return tf.zeros([batch_size, self.kernel_size - 1, self.channels])

    def call(self, x: Any, state: Any) -> tuple[Any, Any]:
        """Read notes x [B, T, C]; returns outputs [B, T, C] and the state after the last note."""
        num_notes = tf.shape(x)[1]
        extended = tf.concat([state, x], 1)
        parts = [
            extended[:, offset : offset + num_notes] * weights
            for offset, weights in enumerate(tf.unstack(self.kernel))
        ]
        return tf.add_n(parts), extended[:, num_notes:]


class ResidualBlock(keras.layers.Layer):
    """Two residual parts: one that mixes notes over time, and two dense layers; see `numpy.residual_blocks`."""

    def __init__(self, units: int, config: ModelConfig, name: str) -> None:
        super().__init__(name=name)
        self.units = units
        width = config.embedding_dim
        self.norm1, self.norm2 = make_rms_norm("norm1"), make_rms_norm("norm2")
        self.inner = Dense(3 * units, "inner")
        self.outer = Dense(width, "outer", 0.5, use_bias=False)
        self.up = Dense(2 * width, "up")
        self.down = Dense(width, "down", 0.5, use_bias=False)
        self.conv = CausalConv(config.conv, 3 * units, "conv") if config.conv else None

    def build(self, shape: Any) -> None:
        """Make the weights."""
        width = shape[-1]
        for layer in (self.norm1, self.norm2, self.inner, self.up):
            layer.build((None, width))
        self.outer.build((None, self.units))
        self.down.build((None, 2 * width))
        if self.conv:
            self.conv.build((None, 3 * self.units))

    def initial_mixing_state(self, batch_size: int) -> Any:
        """Return the state of `mix_time` before the first note."""
        raise NotImplementedError

    def initial_state(self, batch_size: int) -> Any:
        """Return the state before the first note: of the convolution, if there is one, and of the mixing."""
        mixing = self.initial_mixing_state(batch_size)
        return (self.conv.initial_state(batch_size), mixing) if self.conv else mixing

    def mix_time(self, projected: Any, state: Any) -> tuple[Any, Any]:
        """Mix notes over time: [B, T, 3 U] to [B, T, U] and the state after the last note."""
        raise NotImplementedError

    def call(self, x: Any, state: Any) -> tuple[Any, Any]:
        """Read notes x [B, T, D]; returns outputs [B, T, D] and the state after the last note."""
        mixed, state = self._mix_notes(self.inner(self.norm1(x)), state)
        x = x + self.outer(mixed)
        return x + self.down(quick_gelu(self.up(self.norm2(x)))), state

    def _mix_notes(self, projected: Any, state: Any) -> tuple[Any, Any]:
        """Apply the convolution, if there is one, and mix notes over time."""
        if self.conv is None:
            return self.mix_time(projected, state)
        projected, history = self.conv(projected, state[0])
        mixed, mixing_state = self.mix_time(projected, state[1])
        return mixed, (history, mixing_state)


class MinGRUBlock(ResidualBlock):
    """A gated linear recurrence; see `pipeline.models.numpy.residual_blocks.MinGRUBlock`."""

    def build(self, shape: Any) -> None:
        """Make the weights; at first the units have time constants from two notes to about `MAX_MEMORY`."""
        super().build(shape)
        bias = np.zeros(3 * self.units, np.float32)
        bias[: self.units] = np.linspace(0, math.log(MAX_MEMORY), self.units)
        self.inner.bias.assign(bias)

    def initial_mixing_state(self, batch_size: int) -> Any:
        """Return the state [B, U] before the first note."""
        return tf.zeros([batch_size, self.units])

    def mix_time(self, projected: Any, state: Any) -> tuple[Any, Any]:
        """Run the recurrence over decay, input and output gate [B, T, 3 U] from state [B, U]."""
        decay, inputs, gate = tf.split(projected, 3, -1)
        decay = tf.sigmoid(decay)
        states = run_linear_recurrence(decay, (1 - decay) * inputs, state)
        return states * tf.nn.silu(gate), states[:, -1]


def compute_active_features(active: Any) -> Any:
    """Return features [..., 256] of the remaining cells of active notes [..., 128], as `active_notes.active_features`."""
    cells = tf.cast(active, tf.float32)
    sounds = tf.cast(active > 0, tf.float32)
    return tf.concat([sounds, tf.exp(cells / -DECAY_CELLS) * sounds], -1)


class NoteEmbedding(keras.layers.Layer):
    """The embedding input: the sum of a vector for each feature of the note and of one for the active notes."""

    def __init__(
        self, embedding_dim: int, model_velocity: bool, name: str, model_pedal: bool = False
    ) -> None:
        super().__init__(name=name)
        self.features = quantize.list_embedded_features(model_velocity, model_pedal)
        self.layers = [
            keras.layers.Embedding(
                feature.num_tokens,
                embedding_dim,
                make_normal_init(0.5),
                name=f"{feature.name}_embedding",
            )
            for feature in self.features
        ]
        self.active_embedding = Dense(embedding_dim, "sounding", 0.5)

    def build(self, shape: Any) -> None:
        """Make the weights."""
        for layer in self.layers:
            layer.build()
        self.active_embedding.build((None, NUM_FEATURES))

    def call(self, tokens: Any, active: Any) -> Any:
        """Return [B, T, D] of token ids [B, T, 5] and the remaining cells of active notes [B, T, 128]."""
        x = self.active_embedding(compute_active_features(active))
        for feature, layer in zip(self.features, self.layers, strict=True):
            x += layer(tokens[..., feature.column])
        return x
