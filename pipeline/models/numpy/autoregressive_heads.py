"""Autoregressive heads: step, then pitch given step, then duration given both, then velocity given all, then pedal.

Notes of a chord have step 0 and rise in pitch, and how long a note is held depends on which it is: the features of one
note are far from independent. Each feature has a dense layer over a projection of the hidden vector, to which the
embeddings of the features before it are added; pitch and duration also read which notes are active at the onset.

Shapes: N notes, H width of the hidden vector, C width of a head, K tokens of a feature, V values of it.
"""

import numpy as np
from numpy.typing import NDArray

from pipeline.config.schema import ModelConfig
from pipeline.models import logistic_mixture
from pipeline.models.numpy.active_mask import mask_active
from pipeline.models.numpy.heads import Context, Probs, softmax, softmax_1d
from pipeline.models.numpy.layers import Float32Array, Weights, quick_gelu
from pipeline.models.numpy.pitch_convolution import PitchConvolution, compute_pitch_features
from pipeline.models.numpy.recall import PitchCopy
from pipeline.models.residual_noise import MIN_PROB
from pipeline.notes import active_notes, pitch_ages, quantize
from pipeline.notes.quantize import FEATURES, STEP, QuantizedNotes


class AutoregressiveHeads:
    """The heads `categorical` and `mixture`, which differ in the distribution of a time."""

    def __init__(self, config: ModelConfig, weights: Weights) -> None:
        self.weights = weights
        self.is_mixture = config.heads == "mixture"
        self.features = quantize.list_generated_features(config.model_velocity, config.model_pedal)
        self.masks_active = config.mask_active
        self.pitch_convolution = PitchConvolution(weights) if config.is_equivariant else None
        self.pitch_copy = PitchCopy(weights) if config.recall else None

    def bits(self, context: Context, notes: QuantizedNotes) -> NDArray[np.float64]:
        """Return the bits [N, 3 to 5] of the notes that came, columns as `SCORED_FEATURES`, then velocity, pedal."""
        outputs = self._compute_outputs(context, notes)
        columns = [
            self._score_feature(name, outputs[name], notes[:, feature.column])
            for name, feature in FEATURES.items()
            if name in outputs
        ]
        return np.stack(columns, axis=1)

    def distributions(self, context: Context, notes: QuantizedNotes) -> dict[str, Probs]:
        """Return the distribution [N, V] of each feature, given the features of `notes` before it."""
        outputs = self._compute_outputs(context, notes)
        return {
            name: np.stack([to_distribution(name, row, self.is_mixture) for row in outputs[name]])
            for name in FEATURES
            if name in outputs
        }

    def _compute_outputs(self, context: Context, notes: QuantizedNotes) -> dict[str, Float32Array]:
        """Return the outputs [N, K] of each feature, given the features of `notes` before it."""
        projected = context.hidden @ self.weights["chain/kernel"] + self.weights["chain/bias"]
        by_feature = dict(
            zip(self.features, np.split(projected, len(self.features), axis=1), strict=True)
        )
        tokens = quantize.token_ids(notes)
        for index, name in enumerate(self.features):
            for known in self.features[:index]:
                embeddings = self.weights[f"{name}_given_{known}/embeddings"]
                by_feature[name] = by_feature[name] + embeddings[tokens[:, FEATURES[known].column]]
        if context.active is not None:
            active = active_notes.advance(context.active, notes[:, STEP])
            features = active_notes.active_features(active)
            halves = np.split(self.weights["ahead/kernel"], 2, axis=1)
            for name, kernel in zip(("pitch", "duration"), halves, strict=True):
                by_feature[name] = by_feature[name] + features @ kernel
        outputs = {
            name: quick_gelu(x) @ self.weights[f"{name}/kernel"] + self.weights[f"{name}/bias"]
            for name, x in by_feature.items()
        }
        if self.pitch_copy:
            activated = quick_gelu(by_feature["pitch"])
            outputs["pitch"] += self.pitch_copy.forward(activated, context.hints)
        outputs["pitch"] = self._adjust_pitch_logits(outputs["pitch"], context, notes)
        return outputs

    def _adjust_pitch_logits(
        self, logits: Float32Array, context: Context, notes: QuantizedNotes
    ) -> Float32Array:
        """Return the logits [N, 128] with those of the convolutions, masked, where the config has either."""
        if context.active is None:
            return logits
        active = active_notes.advance(context.active, notes[:, STEP])
        if self.pitch_convolution and context.ages is not None:
            ages = pitch_ages.advance_ages(context.ages, notes[:, STEP])
            features = compute_pitch_features(active, ages, context.last_pitch)
            logits = logits + self.pitch_convolution.forward(context.hidden, features)
        return mask_active(logits, active) if self.masks_active else logits

    def _score_feature(
        self, name: str, outputs: Float32Array, values: NDArray[np.int16]
    ) -> NDArray[np.float64]:
        """Return the bits [N] of the values [N] of one feature that came."""
        feature = FEATURES[name]
        if self.is_mixture and feature.is_time:
            return logistic_mixture.grid_bits(outputs, values)
        tokens = feature.token[values]
        probs = softmax(outputs)[np.arange(len(tokens)), tokens]
        bits: NDArray[np.float64] = -np.log2(np.maximum(probs, MIN_PROB))
        # All values of a token are equally likely.
        bits += np.log2(feature.token_widths)[tokens]
        return bits


def to_distribution(name: str, outputs: Float32Array, is_mixture: bool) -> Probs:
    """Return the distribution of one feature of one note.

    Args:
        name: name of the feature.
        outputs: [K] logits of its tokens, or the parameters of a mixture.
        is_mixture: whether times are mixtures.

    Returns:
        Probabilities [V] of 1001 cells, 128 pitches, 128 velocities, of which velocity 0 has none, or 3 states
        of the pedal.
    """
    feature = FEATURES[name]
    if is_mixture and feature.is_time:
        return logistic_mixture.grid_probs(outputs)
    token_probs = softmax_1d(outputs)
    if name in ("pitch", "pedal"):  # each value is a token
        return token_probs
    probs: Probs = (token_probs / feature.token_widths).take(feature.token)
    if name == "velocity":
        probs[0] = 0.0
    return probs
