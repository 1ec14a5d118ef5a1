"""The heads of a model for one note in play: the distribution of each feature, given the features chosen before it.

Shapes: H width of the hidden vector, C width of a head, K tokens of a feature, V values of it.
"""

from collections.abc import Iterator
from typing import Protocol

import numpy as np

from pipeline.models.model_io import TrainedModel
from pipeline.models.numpy.active_mask import mask_active
from pipeline.models.numpy.autoregressive_heads import AutoregressiveHeads, to_distribution
from pipeline.models.numpy.heads import Context, Probs, RegressionHeads
from pipeline.models.numpy.layers import QUICK_GELU_SCALE, Float32Array, scaled_quick_gelu
from pipeline.models.scoring import make_heads
from pipeline.notes import quantize
from pipeline.notes.active_notes import SparseActiveProduct
from pipeline.notes.pitch_ages import MAX_AGE
from pipeline.notes.quantize import FEATURES, STEP

Distributions = Iterator[tuple[str, Probs]]
"""The name of each feature and its distribution [V], in the order of generation."""


class StepHeads(Protocol):
    """What playing asks of heads."""

    def iterate_distributions(self, context: Context, note: list[int]) -> Distributions:
        """Yield the features of the next note in the order of generation.

        Args:
            context: after the note before, hidden [H].
            note: [4]; the caller writes the value of each feature into its column before asking for the next one.
        """
        ...


class RegressionStepHeads:
    """Regression heads: the features of a note do not depend on each other."""

    def __init__(self, heads: RegressionHeads) -> None:
        self.heads = heads

    def iterate_distributions(self, context: Context, note: list[int]) -> Distributions:
        """Yield step, pitch and duration."""
        distributions = self.heads.distributions_of_one(context.hidden)
        for name in quantize.list_generated_features(model_velocity=False):
            yield name, distributions[name]


class AutoregressiveStepHeads:
    """Categorical and mixture heads, with weights multiplied once so that a note takes few calls of NumPy."""

    def __init__(self, heads: AutoregressiveHeads) -> None:
        weights, scale = heads.weights, QUICK_GELU_SCALE
        self.is_mixture = heads.is_mixture
        self.features = heads.features
        self.masks_active = heads.masks_active
        self.pitch_convolution = heads.pitch_convolution
        self.head_dim = len(weights["chain/bias"]) // len(self.features)
        self.hidden_kernel = weights["chain/kernel"] * scale
        self.hidden_bias = weights["chain/bias"] * scale
        self.output_layers = {
            name: (weights[f"{name}/kernel"] / (2 * scale), weights[f"{name}/bias"])
            for name in self.features
        }
        self.conditioning = {}
        """[K, W C] of each feature but the last: its embeddings for the W features after it, side by side."""
        for index, known in enumerate(self.features[:-1], 1):
            tables = [weights[f"{name}_given_{known}/embeddings"] for name in self.features[index:]]
            self.conditioning[known] = np.concatenate(tables, axis=1) * scale
        self.active_product = None
        if "ahead/kernel" in weights:
            self.active_product = SparseActiveProduct(weights["ahead/kernel"] * scale)

    def iterate_distributions(self, context: Context, note: list[int]) -> Distributions:
        """Yield step, pitch, duration and, where the model generates it, velocity."""
        projected = context.hidden.dot(self.hidden_kernel)
        projected += self.hidden_bias
        end = 0
        for name in self.features:
            begin, end = end, end + self.head_dim
            kernel, bias = self.output_layers[name]
            outputs = scaled_quick_gelu(projected[begin:end]).dot(kernel)
            outputs += bias
            if name == "pitch":
                outputs = self._adjust_pitch_logits(outputs, context, note[STEP])
            yield name, to_distribution(name, outputs, self.is_mixture)
            if name in self.conditioning:
                token = quantize.token_ids_of_note(*note)[FEATURES[name].column]
                projected[end:] += self.conditioning[name][token]
            if name == "step" and self.active_product and context.active is not None:
                # Pitch and duration, the two features after step, read the active notes.
                active = np.maximum(context.active - note[STEP], 0)
                projected[end : end + 2 * self.head_dim] += self.active_product.apply(active)

    def _adjust_pitch_logits(
        self, logits: Float32Array, context: Context, step: int
    ) -> Float32Array:
        """Return the logits [128] with those of the convolutions, masked, where the model has either."""
        if context.active is None:
            return logits
        active = np.maximum(context.active - step, 0)
        if self.pitch_convolution and context.ages is not None:
            ages = np.minimum(context.ages + step, MAX_AGE)
            convolve = self.pitch_convolution.step
            logits += convolve(context.hidden, active, ages, context.last_pitch)
        return mask_active(logits, active) if self.masks_active else logits


def forbid_active_pitches(
    distributions: Distributions, context: Context, note: list[int]
) -> Distributions:
    """Yield distributions in which no pitch that sounds at the onset of the note has a probability.

    Args:
        distributions: of `StepHeads.iterate_distributions`.
        context: after the note before.
        note: [4], into which the caller writes each value before asking for the next distribution.
    """
    for name, probs in distributions:
        if name == "pitch" and context.active is not None:
            allowed = np.where(context.active > note[STEP], 0.0, probs)
            total = allowed.sum()
            probs = allowed / total if total > 0 else probs
        yield name, probs


def make_step_heads(model: TrainedModel) -> StepHeads:
    """Return the heads of a model for playing."""
    heads = make_heads(model)
    if isinstance(heads, RegressionHeads):
        return RegressionStepHeads(heads)
    return AutoregressiveStepHeads(heads)
