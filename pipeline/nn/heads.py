"""What a model says of the next note in training: the outputs of its heads and their losses.

Shapes: B windows, H width of the hidden vector.
"""

from collections.abc import Mapping
from typing import Any

import keras
import tensorflow as tf

from pipeline.encoding import CELL, COLUMN
from pipeline.note import PITCHES
from pipeline.sections import LossWeights


def outputs(x: Any, heads: str) -> dict[str, Any]:
    """Attach the heads to the last hidden layer.

    Args:
        x: hidden vectors [B, H].
        heads: the kind; `regression` gives pitch logits [B, 128], step [B, 1] and duration [B, 1] in seconds.
    """
    sizes = {"regression": {"pitch": PITCHES, "step": 1, "duration": 1}}[heads]
    return {name: keras.layers.Dense(size, name=name)(x) for name, size in sizes.items()}


def losses(said: Mapping[str, Any], codes: Any) -> dict[str, Any]:
    """Return the mean loss of each head over a batch, as the tutorial has it.

    Args:
        said: what `outputs` gives.
        codes: the notes that came, int16 [B, 4].

    Returns:
        Scalars: nats for pitch, squared seconds for step and duration.
    """
    pitch = tf.cast(codes[:, COLUMN["pitch"]], tf.int32)
    nats = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=pitch, logits=said["pitch"])
    squares = {
        name: tf.square(said[name][:, 0] - tf.cast(codes[:, COLUMN[name]], tf.float32) * CELL)
        for name in ("step", "duration")
    }
    return {"pitch": tf.reduce_mean(nats), **{name: tf.reduce_mean(square) for name, square in squares.items()}}


def weighted(parts: Mapping[str, Any], weights: LossWeights) -> Any:
    """Return the scalar that training descends: the losses of all heads, each times its weight."""
    return tf.add_n([getattr(weights, name) * loss for name, loss in parts.items()])
