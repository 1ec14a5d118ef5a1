"""Attention in Keras; its twin in numpy is in `pipeline.models.numpy.layers`.

Shapes: B pieces or windows side by side, T notes, M notes before them that are still in reach, U units.
"""

from typing import Any

import tensorflow as tf

from pipeline.config.schema import ATTENTION_HEAD_DIM
from pipeline.models.keras.layers import ResidualBlock
from pipeline.models.numpy.layers import ATTENTION_SPAN


class AttentionBlock(ResidualBlock):
    """Causal attention over the last `SPAN` notes; see `pipeline.models.numpy.layers.Attention`.

    The state is what the numpy twin carries in play; in training it comes from the segment before, as numbers that no
    gradient goes through.
    """

    def build(self, shape: Any) -> None:
        """Make the weights; at first a head hears a note the less the further it is, each head at its own rate.

        Source: Press et al. 2022, whose slopes are where the bias begins.
        """
        super().build(shape)
        count = self.units // ATTENTION_HEAD_DIM
        self.distance_bias = self.add_weight(
            name="distance", shape=(count, ATTENTION_SPAN), initializer="zeros"
        )
        slopes = tf.pow(2.0, -8.0 * tf.range(1.0, count + 1.0) / count)
        self.distance_bias.assign(-slopes[:, None] * tf.range(float(ATTENTION_SPAN)))

    def initial_state(self, batch_size: int) -> Any:
        """Return the state [B, 0, 2 U] before the first note."""
        return tf.zeros([batch_size, 0, 2 * self.units])

    def mix_time(self, projected: Any, state: Any) -> tuple[Any, Any]:
        """Attend: inner [B, T, 3 U] are queries, keys and values, state [B, M, 2 U] keys and values before them."""
        queries, new = tf.split(projected, [self.units, 2 * self.units], -1)
        known = tf.concat([state, new], 1)
        keys, values = (self._split_heads(part) for part in tf.split(known, 2, -1))
        scores = tf.matmul(
            self._split_heads(queries * ATTENTION_HEAD_DIM**-0.5), keys, transpose_b=True
        )
        scores += self._gather_distance_bias(tf.shape(projected)[1], tf.shape(known)[1])
        found = tf.transpose(tf.matmul(tf.nn.softmax(scores), values), [0, 2, 1, 3])
        return tf.reshape(found, tf.shape(queries)), known[:, 1 - ATTENTION_SPAN :]

    def _split_heads(self, x: Any) -> Any:
        """Return [B, U / HEAD, T, HEAD] of [B, T, U]."""
        batch, count, _ = tf.unstack(tf.shape(x))
        return tf.transpose(
            tf.reshape(x, [batch, count, self.units // ATTENTION_HEAD_DIM, ATTENTION_HEAD_DIM]),
            [0, 2, 1, 3],
        )

    def _gather_distance_bias(self, num_queries: Any, num_keys: Any) -> Any:
        """Return what is added to the scores [U / HEAD, count, known] of known notes, the last `count` of which ask."""
        away = tf.range(num_keys - num_queries, num_keys)[:, None] - tf.range(num_keys)
        away = tf.where((away < 0) | (away >= ATTENTION_SPAN), ATTENTION_SPAN, away)
        never = tf.fill([self.units // ATTENTION_HEAD_DIM, 1], float("-inf"))
        return tf.gather(tf.concat([self.distance_bias, never], 1), away, axis=1)
