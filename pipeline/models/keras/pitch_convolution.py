"""The equivariant part of a pitch head in Keras; see `pipeline.models.numpy.pitch_convolution`.

Shapes: B pieces or windows, T notes, N notes, H width of the hidden vector, F features of a pitch, C channels.
"""

import math
from typing import Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf

from pipeline.config.model_rules import PITCH_CONV_CHANNELS, PITCH_CONV_SIZE
from pipeline.models.keras import layers
from pipeline.models.keras.layers import Dense
from pipeline.models.numpy.pitch_convolution import NUM_PITCH_FEATURES
from pipeline.notes.note import NUM_PITCHES
from pipeline.notes.pitch_ages import DECAY_CELLS, MAX_AGE
from pipeline.notes.quantize import PITCH, STEP


class PitchContext(NamedTuple):
    """What heads with these convolutions read after a note, in place of the hidden vector alone."""

    hidden: Any
    """[..., H] output of the network."""
    last_pitch: Any
    """[..., 1] pitch of that note."""
    ages: Any
    """[..., 128] cells since each pitch was struck, at the onset of that note."""


def no_pitch_ages(batch_size: int) -> Any:
    """Return the ages [B, 128] before the first note: nothing was struck."""
    return tf.fill([batch_size, NUM_PITCHES], MAX_AGE)


def compute_ages_after_each(notes: Any, ages: Any) -> Any:
    """Return the ages [B, T, 128] at the onset of each of the notes [B, T, 5], as `pitch_ages.ages_after_each`.

    Args:
        notes: int32 [B, T, 5], T static.
        ages: int32 [B, 128] after the note before the first.
    """
    onsets = tf.cumsum(notes[..., STEP], axis=1)[..., None]
    is_struck = tf.one_hot(notes[..., PITCH], NUM_PITCHES, on_value=True, off_value=False)
    latest = tf.where(is_struck, onsets, -MAX_AGE)
    latest = tf.concat([tf.maximum(latest[:, :1], -ages[:, None]), latest[:, 1:]], 1)
    # The latest onset up to each note, by doubling the number of notes that are looked back.
    offset = 1
    while offset < notes.shape[1]:
        later = tf.maximum(latest[:, offset:], latest[:, :-offset])
        latest = tf.concat([latest[:, :offset], later], 1)
        offset *= 2
    return tf.minimum(onsets - latest, MAX_AGE)


def compute_pitch_features(active: Any, ages: Any, last_pitch: Any) -> Any:
    """Return what the convolutions read of each pitch, as `numpy.pitch_convolution.compute_pitch_features`.

    Args:
        active: [N, 128] cells that remain of each pitch at the onset of a note.
        ages: [N, 128] cells since each pitch was struck, at that onset.
        last_pitch: [N] of the note before.

    Returns:
        [N, 128, F].
    """
    sounds, near_end = tf.split(layers.compute_active_features(active), 2, -1)
    was_struck = tf.cast(ages < MAX_AGE, tf.float32)
    age = tf.cast(ages, tf.float32)
    decays = [tf.exp(age / -cells) * was_struck for cells in DECAY_CELLS]
    return tf.stack([sounds, near_end, *decays, tf.one_hot(last_pitch, NUM_PITCHES)], -1)


def unroll_kernel(kernel: Any) -> Any:
    """Return a kernel [K, C] as the matrix [128 C, 128] whose product with channels [N, 128 C] is their convolution.

    To one output channel this takes a CPU a third of the time of a convolution.
    """
    taps = np.arange(NUM_PITCHES)[:, None] - np.arange(NUM_PITCHES) + PITCH_CONV_SIZE // 2
    outside = (taps < 0) | (taps >= PITCH_CONV_SIZE)
    padded = tf.pad(kernel, [[0, 1], [0, 0]])
    matrix = tf.gather(padded, np.where(outside, PITCH_CONV_SIZE, taps))
    return tf.reshape(tf.transpose(matrix, [0, 2, 1]), [-1, NUM_PITCHES])


class PitchConvolution(keras.layers.Layer):
    """The two convolutions; at first their logits are zero."""

    def __init__(self) -> None:
        super().__init__(name="pitch_conv")
        self.gate = Dense(PITCH_CONV_CHANNELS, "gate")

    def build(self, shape: Any) -> None:
        """Make the weights for hidden vectors [N, H]."""
        self.gate.build((None, shape[-1]))
        size, channels = PITCH_CONV_SIZE, PITCH_CONV_CHANNELS
        stddev = 1 / math.sqrt(3 * size * NUM_PITCH_FEATURES)
        self.input_kernel = self.add_weight(
            name="input_kernel",
            shape=(size, NUM_PITCH_FEATURES, channels),
            initializer=layers.make_normal_init(stddev),
        )
        self.input_bias = self.add_weight(name="input_bias", shape=(channels,), initializer="zeros")
        self.output_kernel = self.add_weight(
            name="output_kernel", shape=(size, channels), initializer="zeros"
        )

    def call(self, hidden: Any, features: Any) -> Any:
        """Return logits [N, 128] of hidden vectors [N, H] and features [N, 128, F]."""
        channels = tf.nn.conv1d(features, self.input_kernel, 1, "SAME") + self.input_bias
        gated = channels * tf.sigmoid(self.gate(hidden))[:, None]
        flat = tf.reshape(layers.quick_gelu(gated), [-1, NUM_PITCHES * PITCH_CONV_CHANNELS])
        return tf.matmul(flat, unroll_kernel(self.output_kernel))
