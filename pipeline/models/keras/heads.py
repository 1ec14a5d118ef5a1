"""What a model says of the next note in training: the outputs of its heads and their losses.

The twins in numpy, from which scores and samples come, are `pipeline.models.numpy.heads` and `pipeline.models.numpy.autoregressive_heads`.

Shapes: N notes, H width of the hidden vector, C width of the chain.
"""

from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from pipeline.config.schema import LossWeights, ModelConfig
from pipeline.models import logistic_mixture
from pipeline.models.keras import layers
from pipeline.models.keras.layers import Dense
from pipeline.models.numpy import autoregressive_heads
from pipeline.notes import quantize
from pipeline.notes.active_notes import NUM_FEATURES
from pipeline.notes.note import NUM_PITCHES
from pipeline.notes.quantize import (
    DURATION,
    FEATURE_COLUMNS,
    GRID_SECONDS,
    NUM_TIME_TOKENS,
    NUM_VELOCITY_TOKENS,
    PITCH,
    STEP,
    VELOCITY,
    QuantizedNotes,
)

Losses = Mapping[str, Any]
"""Of each head [N]: nats, or squared seconds of a regression head."""
FEATURE_TOKENS = {
    "step": (STEP, NUM_TIME_TOKENS),
    "pitch": (PITCH, NUM_PITCHES),
    "duration": (DURATION, NUM_TIME_TOKENS),
    "velocity": (VELOCITY, NUM_VELOCITY_TOKENS),
}
"""Column of the tokens, and how many there are."""


class RegressionHeads(keras.layers.Layer):
    """Pitch as logits, step and duration as one number each under squared error, as the tutorial has them."""

    def __init__(self) -> None:
        super().__init__(name="heads")
        sizes = {"pitch": NUM_PITCHES, "step": 1, "duration": 1}
        self.output_layers = {
            name: keras.layers.Dense(size, name=name) for name, size in sizes.items()
        }
        self.layers = list(self.output_layers.values())

    def build(self, shape: Any) -> None:
        """Make the weights for hidden vectors of a width."""
        for layer in self.layers:
            layer.build((None, shape[-1]))

    def call(self, hidden: Any, notes: Any, active: Any) -> Losses:
        """Return the losses of the notes that came: codes [N, 4] after hidden [N, H]."""
        nats = tf.nn.sparse_softmax_cross_entropy_with_logits(
            notes[:, PITCH], self.output_layers["pitch"](hidden)
        )
        out = {"pitch": nats}
        for name in ("step", "duration"):
            seconds = tf.cast(notes[:, FEATURE_COLUMNS[name]], tf.float32) * GRID_SECONDS
            out[name] = tf.square(self.output_layers[name](hidden)[:, 0] - seconds)
        return out

    def weighted_loss(self, losses: Losses, weights: LossWeights) -> Any:
        """Return one loss a note [N]."""
        return sum(getattr(weights, name) * loss for name, loss in losses.items())


class AutoregressiveHeads(keras.layers.Layer):
    """Categorical and mixture heads; see `pipeline.models.numpy.autoregressive_heads`."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__(name="heads")
        self.is_mixture = config.heads == "mixture"
        self.features = (
            autoregressive_heads.GENERATION_ORDER
            if config.model_velocity
            else autoregressive_heads.GENERATION_ORDER[:3]
        )
        width = config.head_dim
        self.hidden_projection = Dense(len(self.features) * width, "chain")
        self.active_projection = (
            Dense(2 * width, "ahead", 0.5, use_bias=False) if config.input == "embedding" else None
        )
        self.conditioning = {
            (part, known): keras.layers.Embedding(
                FEATURE_TOKENS[known][1],
                width,
                layers.make_normal_init(0.3),
                name=f"{part}_given_{known}",
            )
            for part in self.features
            for known in autoregressive_heads.CONDITIONED_ON[part]
        }
        self.output_layers = {
            part: Dense(self._count_outputs(part), part, 0.3) for part in self.features
        }
        self.head_dim = width
        self.layers = [
            self.hidden_projection,
            *([self.active_projection] if self.active_projection else []),
            *self.conditioning.values(),
            *self.output_layers.values(),
        ]

    def _count_outputs(self, feature: str) -> int:
        return (
            logistic_mixture.NUM_OUTPUTS
            if self.is_mixture and feature in ("step", "duration")
            else FEATURE_TOKENS[feature][1]
        )

    def build(self, shape: Any) -> None:
        """Make the weights for hidden vectors of a width."""
        self.hidden_projection.build((None, shape[-1]))
        for layer in self.conditioning.values():
            layer.build()
        for layer in self.output_layers.values():
            layer.build((None, self.head_dim))
        if self.active_projection:
            self.active_projection.build((None, NUM_FEATURES))

    def init_biases(self, notes: QuantizedNotes) -> None:
        """Start the outputs at how often each value comes in training codes [N, 4]."""
        tokens = quantize.token_ids(notes)
        for part, layer in self.output_layers.items():
            if layer.units == FEATURE_TOKENS[part][1]:
                counts = (
                    np.bincount(tokens[:, FEATURE_TOKENS[part][0]], minlength=layer.units) + 10.0
                )
                layer.bias.assign(np.log(counts / counts.sum()))
            else:
                means = np.linspace(0.0, 5.0, logistic_mixture.NUM_COMPONENTS)
                flat = np.concatenate([np.zeros_like(means), means, np.full_like(means, -1.0)])
                layer.bias.assign(flat)

    def call(self, hidden: Any, notes: Any, active: Any) -> Losses:
        """Return the losses of the notes that came.

        Args:
            hidden: [N, H].
            notes: [N, 4], the quantized notes that came after.
            active: [N, 128], remaining cells of each sounding pitch at their onsets.
        """
        said = dict(
            zip(
                self.features,
                tf.split(self.hidden_projection(hidden), len(self.features), -1),
                strict=True,
            )
        )
        if self.active_projection:
            pitch, duration = tf.split(
                self.active_projection(layers.compute_active_features(active)), 2, -1
            )
            said["pitch"] += pitch
            said["duration"] += duration
        tokens = compute_token_ids(notes)
        for (part, known), table in self.conditioning.items():
            said[part] += table(tokens[:, FEATURE_TOKENS[known][0]])
        out = {}
        for part in self.features:
            outputs = self.output_layers[part](layers.quick_gelu(said[part]))
            if self.is_mixture and part in ("step", "duration"):
                out[part] = _compute_mixture_nats(outputs, notes[:, FEATURE_COLUMNS[part]])
            else:
                out[part] = tf.nn.sparse_softmax_cross_entropy_with_logits(
                    tokens[:, FEATURE_TOKENS[part][0]], outputs
                )
        return out

    def weighted_loss(self, losses: Losses, weights: LossWeights) -> Any:
        """Return one loss a note [N]: nats of all parts, velocity by its weight."""
        return sum(
            (weights.velocity if name == "velocity" else 1.0) * loss
            for name, loss in losses.items()
        )


def compute_token_ids(notes: Any) -> Any:
    """Return tokens [..., 4] of codes [..., 4], as `encoding.tokens`."""
    bins = tf.constant(quantize.TIME_TOKEN)
    step, duration = tf.gather(bins, notes[..., STEP]), tf.gather(bins, notes[..., DURATION])
    return tf.stack(
        [step, duration, notes[..., PITCH], notes[..., VELOCITY] // quantize.VELOCITY_TOKEN_WIDTH],
        -1,
    )


def _compute_mixture_nats(outputs: Any, cells: Any) -> Any:
    """Return -log P [N] of cells [N] under outputs [N, 3 M]; the twin of `mixture.log_masses`."""
    logits, means, scales = tf.split(outputs, 3, -1)
    weights = tf.nn.log_softmax(logits)
    scales = tf.exp(tf.clip_by_value(scales, *logistic_mixture.LOG_SCALE_RANGE))
    edges = tf.constant(logistic_mixture.GRID_EDGES, tf.float32)
    low = (tf.gather(edges, cells)[:, None] - means) / scales
    high = (tf.gather(edges, cells + 1)[:, None] - means) / scales
    # The width of the cell by itself: of late times, low and high agree in all but the last digits of a float32.
    width = (
        tf.gather(tf.constant(np.diff(logistic_mixture.GRID_EDGES), tf.float32), cells)[:, None]
        / scales
    )
    inside = tf.math.log(-tf.math.expm1(-width))
    return -tf.reduce_logsumexp(
        weights + tf.math.log_sigmoid(high) + tf.math.log_sigmoid(-low) + inside, -1
    )
