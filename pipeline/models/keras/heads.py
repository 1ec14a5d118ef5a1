"""The heads of a model in Keras: losses of the notes that came, for training.

Scores and samples come from the same heads in NumPy: `pipeline.models.numpy.heads` and
`pipeline.models.numpy.autoregressive_heads`.

Shapes: N notes, H width of the hidden vector, C width of a head, K tokens of a feature.
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
from pipeline.models.keras.pitch_convolution import PitchConvolution, compute_pitch_features
from pipeline.models.keras.recall import PitchCopy
from pipeline.models.numpy.active_mask import ACTIVE_LOG_ODDS
from pipeline.notes import quantize
from pipeline.notes.active_notes import NUM_FEATURES
from pipeline.notes.note import NUM_PITCHES
from pipeline.notes.pitch_ages import MAX_AGE
from pipeline.notes.quantize import (
    DURATION,
    FEATURES,
    GRID_SECONDS,
    PEDAL,
    PITCH,
    STEP,
    VELOCITY,
    QuantizedNotes,
)

Losses = Mapping[str, Any]
"""Loss of each feature [N]: nats, or squared seconds of a regression head."""


class RegressionHeads(keras.layers.Layer):
    """Pitch as logits; step and duration as one number each under squared error.

    Source: https://www.tensorflow.org/tutorials/audio/music_generation
    """

    def __init__(self) -> None:
        super().__init__(name="heads")
        sizes = {"pitch": NUM_PITCHES, "step": 1, "duration": 1}
        self.output_layers = {
            name: keras.layers.Dense(size, name=name) for name, size in sizes.items()
        }
        self.layers = list(self.output_layers.values())

    def build(self, shape: Any) -> None:
        """Make the weights for hidden vectors [..., H]."""
        for layer in self.layers:
            layer.build((None, shape[-1]))

    def call(self, hidden: Any, notes: Any, active: Any) -> Losses:
        """Return the losses of notes [N, 5] that came after hidden [N, H]; active notes are not used."""
        logits = self.output_layers["pitch"](hidden)
        losses = {"pitch": tf.nn.sparse_softmax_cross_entropy_with_logits(notes[:, PITCH], logits)}
        for name in ("step", "duration"):
            seconds = tf.cast(notes[:, FEATURES[name].column], tf.float32) * GRID_SECONDS
            losses[name] = tf.square(self.output_layers[name](hidden)[:, 0] - seconds)
        return losses

    def weighted_loss(self, losses: Losses, weights: LossWeights) -> Any:
        """Return one loss for each note [N]."""
        return sum(getattr(weights, name) * loss for name, loss in losses.items())


class AutoregressiveHeads(keras.layers.Layer):
    """Categorical and mixture heads; see `pipeline.models.numpy.autoregressive_heads`."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__(name="heads")
        self.is_mixture = config.heads == "mixture"
        self.features = quantize.list_generated_features(config.model_velocity, config.model_pedal)
        self.head_dim = config.head_dim
        self.hidden_projection = Dense(len(self.features) * self.head_dim, "chain")
        self.active_projection = None
        if config.input == "embedding":
            self.active_projection = Dense(2 * self.head_dim, "ahead", 0.5, use_bias=False)
        self.masks_active = config.mask_active
        self.pitch_convolution = PitchConvolution() if config.is_equivariant else None
        self.pitch_copy = PitchCopy(config.head_dim) if config.recall else None
        self.conditioning = {
            (name, known): self._make_embedding(name, known)
            for index, name in enumerate(self.features)
            for known in self.features[:index]
        }
        self.output_layers = {
            name: Dense(self._count_outputs(name), name, 0.3) for name in self.features
        }
        self.layers = [
            self.hidden_projection,
            *([self.active_projection] if self.active_projection else []),
            *([self.pitch_convolution] if self.pitch_convolution else []),
            *([self.pitch_copy] if self.pitch_copy else []),
            *self.conditioning.values(),
            *self.output_layers.values(),
        ]

    def _make_embedding(self, name: str, known: str) -> keras.layers.Embedding:
        """Return the embedding by which a feature is conditioned on one before it."""
        initializer = layers.make_normal_init(0.3)
        num_tokens = FEATURES[known].num_tokens
        return keras.layers.Embedding(
            num_tokens, self.head_dim, initializer, name=f"{name}_given_{known}"
        )

    def _uses_mixture(self, name: str) -> bool:
        return self.is_mixture and FEATURES[name].is_time

    def _count_outputs(self, name: str) -> int:
        if self._uses_mixture(name):
            return logistic_mixture.NUM_OUTPUTS
        return FEATURES[name].num_tokens

    def build(self, shape: Any) -> None:
        """Make the weights for hidden vectors [..., H]."""
        self.hidden_projection.build((None, shape[-1]))
        for layer in self.conditioning.values():
            layer.build()
        for layer in self.output_layers.values():
            layer.build((None, self.head_dim))
        if self.active_projection:
            self.active_projection.build((None, NUM_FEATURES))
        if self.pitch_convolution:
            self.pitch_convolution.build((None, shape[-1]))
        if self.pitch_copy:
            self.pitch_copy.build(None)

    def init_biases(self, notes: QuantizedNotes) -> None:
        """Set the biases of the outputs to the log frequencies of tokens in training notes [N, 5]."""
        tokens = quantize.token_ids(notes)
        for name, layer in self.output_layers.items():
            if self._uses_mixture(name):
                means = np.linspace(0.0, 5.0, logistic_mixture.NUM_COMPONENTS)
                log_scales = np.full_like(means, -1.0)
                layer.bias.assign(np.concatenate([np.zeros_like(means), means, log_scales]))
            else:
                feature = FEATURES[name]
                counts = np.bincount(tokens[:, feature.column], minlength=feature.num_tokens) + 10.0
                layer.bias.assign(np.log(counts / counts.sum()))

    def call(
        self,
        hidden: Any,
        notes: Any,
        active: Any,
        history: Any = None,
        hints: Any = None,
    ) -> Losses:
        """Return the losses of the notes that came.

        Args:
            hidden: [N, H].
            notes: [N, 5], the notes that came after.
            active: [N, 128], remaining cells of each sounding pitch at their onsets.
            history: last pitch [N, 1] and ages [N, 128], of a `PitchContext`; none but with an equivariant pitch head.
            hints: [N, 5], of `notes.recall` after the notes before; none but with `recall`.
        """
        tokens = compute_token_ids(notes)
        losses = {}
        for name, projected in self._project(hidden, tokens, active).items():
            activated = layers.quick_gelu(projected)
            outputs = self.output_layers[name](activated)
            column = FEATURES[name].column
            if name == "pitch" and self.pitch_convolution:
                last_pitch, ages = history
                ages_at_onset = tf.minimum(ages + notes[:, STEP, None], MAX_AGE)
                features = compute_pitch_features(active, ages_at_onset, last_pitch[:, 0])
                outputs += self.pitch_convolution(hidden, features)
            if name == "pitch" and self.pitch_copy:
                outputs += self.pitch_copy(activated, hints)
            if name == "pitch" and self.masks_active:
                outputs = mask_active(outputs, active)
            if self._uses_mixture(name):
                losses[name] = _compute_mixture_nats(outputs, notes[:, column])
            else:
                losses[name] = tf.nn.sparse_softmax_cross_entropy_with_logits(
                    tokens[:, column], outputs
                )
        return losses

    def _project(self, hidden: Any, tokens: Any, active: Any) -> dict[str, Any]:
        """Return the input [N, C] of the output layer of each feature."""
        parts = tf.split(self.hidden_projection(hidden), len(self.features), -1)
        projected = dict(zip(self.features, parts, strict=True))
        if self.active_projection:
            features = layers.compute_active_features(active)
            pitch, duration = tf.split(self.active_projection(features), 2, -1)
            projected["pitch"] += pitch
            projected["duration"] += duration
        for (name, known), embedding in self.conditioning.items():
            projected[name] += embedding(tokens[:, FEATURES[known].column])
        return projected

    def weighted_loss(self, losses: Losses, weights: LossWeights) -> Any:
        """Return one loss for each note [N]: nats of all features, velocity and pedal by their weights."""
        weight_of = {"velocity": weights.velocity, "pedal": weights.pedal}
        return sum(
            weight_of[name] * loss if name in weight_of else loss for name, loss in losses.items()
        )


def mask_active(logits: Any, active: Any) -> Any:
    """Return pitch logits [N, 128] shifted by what sounds [N, 128], as `numpy.active_mask.mask_active`."""
    sounds = active > 0
    lowest = tf.fill(tf.shape(logits), logits.dtype.min)
    silent_sum = tf.reduce_logsumexp(tf.where(sounds, lowest, logits), -1, keepdims=True)
    sounding_sum = tf.reduce_logsumexp(tf.where(sounds, logits, lowest), -1, keepdims=True)
    has_both = tf.reduce_any(sounds, -1, keepdims=True) & tf.reduce_any(~sounds, -1, keepdims=True)
    shift = tf.where(has_both, silent_sum - sounding_sum + ACTIVE_LOG_ODDS, 0.0)
    return tf.where(sounds, logits + shift, logits)


def compute_token_ids(notes: Any) -> Any:
    """Return token ids [..., 5] of notes [..., 5], or [..., 4] of [..., 4], as `quantize.token_ids`."""
    time_token = tf.constant(quantize.TIME_TOKEN)
    columns = [
        tf.gather(time_token, notes[..., STEP]),
        tf.gather(time_token, notes[..., DURATION]),
        notes[..., PITCH],
        notes[..., VELOCITY] // quantize.VELOCITY_TOKEN_WIDTH,
    ]
    return tf.concat([tf.stack(columns, -1), notes[..., PEDAL:]], -1)


def _compute_mixture_nats(outputs: Any, cells: Any) -> Any:
    """Return -log P [N] of cells [N] under outputs [N, 3 M], as `logistic_mixture.grid_log_probs`."""
    logits, means, log_scales = tf.split(outputs, 3, -1)
    weights = tf.nn.log_softmax(logits)
    scales = tf.exp(tf.clip_by_value(log_scales, *logistic_mixture.LOG_SCALE_RANGE))
    edges = tf.constant(logistic_mixture.GRID_EDGES, tf.float32)
    low = (tf.gather(edges, cells)[:, None] - means) / scales
    high = (tf.gather(edges, cells + 1)[:, None] - means) / scales
    # The width of the cell apart: for late times, low and high agree in all but the last digits of a float32.
    cell_widths = tf.constant(np.diff(logistic_mixture.GRID_EDGES), tf.float32)
    width = tf.gather(cell_widths, cells)[:, None] / scales
    inside = tf.math.log(-tf.math.expm1(-width))
    log_probs = weights + tf.math.log_sigmoid(high) + tf.math.log_sigmoid(-low) + inside
    return -tf.reduce_logsumexp(log_probs, -1)
