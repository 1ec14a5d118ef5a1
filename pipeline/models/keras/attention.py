"""Attention in Keras; `pipeline.models.numpy.residual_blocks` has the same in NumPy.

Shapes: B pieces or windows, T notes, M notes before them within the span, U units, H heads of 32 units, S notes of the
span.
"""

from typing import Any

import tensorflow as tf

from pipeline.config.model_rules import ATTENTION_HEAD_DIM
from pipeline.config.schema import ModelConfig
from pipeline.models.keras.layers import ResidualBlock


class AttentionBlock(ResidualBlock):
    """Causal attention over the last S notes; see `pipeline.models.numpy.residual_blocks`.

    In training the state comes from the segment before, without a gradient.
    """

    def __init__(self, units: int, config: ModelConfig, name: str) -> None:
        super().__init__(units, config, name)
        self.span = config.span

    def build(self, shape: Any) -> None:
        """Make the weights; at first the bias of a note falls with its distance, at another rate for each head.

        Source: Press et al. 2022, whose slopes are the initial bias.
        """
        super().build(shape)
        self.num_heads = self.units // ATTENTION_HEAD_DIM
        self.distance_bias = self.add_weight(
            name="distance", shape=(self.num_heads, self.span), initializer="zeros"
        )
        slopes = tf.pow(2.0, -8.0 * tf.range(1.0, self.num_heads + 1.0) / self.num_heads)
        self.distance_bias.assign(-slopes[:, None] * tf.range(float(self.span)))

    def initial_mixing_state(self, batch_size: int) -> Any:
        """Return the state [B, 0, 2 U] before the first note."""
        return tf.zeros([batch_size, 0, 2 * self.units])

    def mix_time(self, projected: Any, state: Any) -> tuple[Any, Any]:
        """Attend by queries to keys and values [B, T, 3 U], and to those before them, state [B, M, 2 U]."""
        queries, new = tf.split(projected, [self.units, 2 * self.units], -1)
        keys_values = tf.concat([state, new], 1)
        keys, values = (self._split_heads(part) for part in tf.split(keys_values, 2, -1))
        scaled = self._split_heads(queries * ATTENTION_HEAD_DIM**-0.5)
        scores = tf.matmul(scaled, keys, transpose_b=True)
        scores += self._gather_distance_bias(tf.shape(projected)[1], tf.shape(keys_values)[1])
        attended = tf.transpose(tf.matmul(tf.nn.softmax(scores), values), [0, 2, 1, 3])
        return tf.reshape(attended, tf.shape(queries)), keys_values[:, 1 - self.span :]

    def _split_heads(self, x: Any) -> Any:
        """Return [B, H, T, 32] of [B, T, U]."""
        batch_size, num_notes, _ = tf.unstack(tf.shape(x))
        heads = tf.reshape(x, [batch_size, num_notes, self.num_heads, ATTENTION_HEAD_DIM])
        return tf.transpose(heads, [0, 2, 1, 3])

    def _gather_distance_bias(self, num_queries: Any, num_keys: Any) -> Any:
        """Return the bias of the scores [H, num_queries, num_keys]; the queries are of the last notes."""
        distance = tf.range(num_keys - num_queries, num_keys)[:, None] - tf.range(num_keys)
        outside = (distance < 0) | (distance >= self.span)
        mask = tf.fill([self.num_heads, 1], float("-inf"))
        biases = tf.concat([self.distance_bias, mask], 1)
        return tf.gather(biases, tf.where(outside, self.span, distance), axis=1)
