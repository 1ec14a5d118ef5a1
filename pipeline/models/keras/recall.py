"""What models with `recall` do with hints in Keras; see `pipeline.models.numpy.recall`.

Shapes: B pieces or windows, T notes, N notes, D width of the input of the layers, C width of a head.
"""

from typing import Any

import keras
import numpy as np
import tensorflow as tf

from pipeline.models.keras.layers import make_normal_init
from pipeline.notes.note import NUM_PITCHES
from pipeline.notes.recall import (
    FIRST_PITCH,
    LEVEL,
    NUM_LEVELS,
    NUM_TABLE_ROWS,
    SECOND_PITCH,
    TABLE_OFFSETS,
)


class RecallEmbedding(keras.layers.Layer):
    """The sum of a vector for each column of a hint."""

    def __init__(self, embedding_dim: int) -> None:
        super().__init__(name="recall")
        self.embedding_dim = embedding_dim

    def build(self, shape: Any) -> None:
        """Make the weights."""
        self.embeddings = self.add_weight(
            name="embeddings",
            shape=(NUM_TABLE_ROWS, self.embedding_dim),
            initializer=make_normal_init(0.2),
        )

    def call(self, hints: Any) -> Any:
        """Return [B, T, D] of hints [B, T, 5]."""
        return tf.reduce_sum(tf.gather(self.embeddings, hints + TABLE_OFFSETS), -2)


INITIAL_STRENGTHS = np.array([[level / 2, 0] for level in range(NUM_LEVELS)], np.float32)
"""[L, 2] nats by which the two pitches are raised at first; about what their share of right hints tells by level."""


class PitchCopy(keras.layers.Layer):
    """Logits that raise the two pitches of a hint."""

    def __init__(self, head_dim: int) -> None:
        super().__init__(name="copy")
        self.head_dim = head_dim

    def build(self, shape: Any) -> None:
        """Make the weights."""
        self.kernel = self.add_weight(name="kernel", shape=(self.head_dim, 2), initializer="zeros")
        self.by_level = self.add_weight(
            name="level",
            shape=INITIAL_STRENGTHS.shape,
            initializer=lambda shape, dtype=None: tf.constant(INITIAL_STRENGTHS, dtype, shape),
        )

    def call(self, activated: Any, hints: Any) -> Any:
        """Return logits [N, 128] of what the output layer of pitch reads [N, C], and hints [N, 5]."""
        return compute_copy_logits(activated, hints, self.kernel, self.by_level)


def compute_copy_logits(activated: Any, hints: Any, kernel: Any, by_level: Any) -> Any:
    """Return the logits [N, 128] of a `PitchCopy` with the weights [C, 2] and [L, 2]."""
    strengths = tf.matmul(activated, kernel) + tf.gather(by_level, hints[:, LEVEL])
    # One-hot vectors of 128 pitches are zero where there is none.
    pitches = tf.one_hot(hints[:, FIRST_PITCH : SECOND_PITCH + 1], NUM_PITCHES)
    return tf.reduce_sum(pitches * strengths[..., None], 1)
