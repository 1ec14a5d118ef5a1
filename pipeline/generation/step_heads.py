"""The heads of a model for one note in play: the distribution of each feature, given the features chosen before it.

Shapes: H width of the hidden vector, C width of a head, K tokens of a feature, V values of it.
"""

from collections.abc import Iterator
from typing import Protocol

import numpy as np

from pipeline.models.model_io import TrainedModel
from pipeline.models.numpy.active_mask import ACTIVE_PROB, compute_masked_probs
from pipeline.models.numpy.autoregressive_heads import AutoregressiveHeads, to_distribution
from pipeline.models.numpy.heads import Context, Probs, RegressionHeads, softmax_1d
from pipeline.models.numpy.layers import HALF, QUICK_GELU_SCALE, Float32Array, scaled_quick_gelu
from pipeline.models.numpy.pitch_convolution import StepPitchConvolution
from pipeline.models.scoring import make_heads
from pipeline.notes import quantize
from pipeline.notes.active_notes import ActiveNotes, SparseActiveProduct
from pipeline.notes.note import NUM_PITCHES
from pipeline.notes.quantize import FEATURES, STEP

Distributions = Iterator[tuple[str, Probs]]
"""The name of each feature and its distribution [V], in the order of generation."""


class StepHeads(Protocol):
    """What playing asks of heads."""

    def iterate_distributions(
        self, context: Context, note: list[int], active_prob: float = ACTIVE_PROB
    ) -> Distributions:
        """Yield the features of the next note in the order of generation.

        Args:
            context: after the note before, hidden [H].
            note: [5]; the caller writes the value of each feature into its column before asking for the next one.
            active_prob: of all pitches that sound at the onset together, in a model with `mask_active`; 0 forbids them.
        """
        ...


class RegressionStepHeads:
    """Regression heads: the features of a note do not depend on each other."""

    def __init__(self, heads: RegressionHeads) -> None:
        self.heads = heads

    def iterate_distributions(
        self, context: Context, note: list[int], active_prob: float = ACTIVE_PROB
    ) -> Distributions:
        """Yield step, pitch and duration; `active_prob` has no effect."""
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
        self.pitch_convolution = StepPitchConvolution(weights) if heads.pitch_convolution else None
        self.pitch_copy = heads.pitch_copy
        self.head_dim = len(weights["chain/bias"]) // len(self.features)
        self.hidden_kernel = weights["chain/kernel"] * scale
        self.hidden_bias = weights["chain/bias"] * scale
        if self.pitch_convolution:
            gate_kernel = weights["pitch_conv/gate/kernel"] * HALF
            gate_bias = weights["pitch_conv/gate/bias"] * HALF
            self.hidden_kernel = np.concatenate([self.hidden_kernel, gate_kernel], axis=1)
            self.hidden_bias = np.concatenate([self.hidden_bias, gate_bias])
        self.output_layers = {
            name: (weights[f"{name}/kernel"] / (2 * scale), weights[f"{name}/bias"])
            for name in self.features
        }
        if self.pitch_copy:
            self._append_copy_kernel(self.pitch_copy.kernel)
        self.conditioning = {}
        """[K, W C] of each feature but the last: its embeddings for the W features after it, side by side."""
        for index, known in enumerate(self.features[:-1], 1):
            tables = [weights[f"{name}_given_{known}/embeddings"] for name in self.features[index:]]
            self.conditioning[known] = np.concatenate(tables, axis=1) * scale
        self.active_product = None
        if "ahead/kernel" in weights:
            self.active_product = SparseActiveProduct(weights["ahead/kernel"] * scale)

    def _append_copy_kernel(self, copy_kernel: Float32Array) -> None:
        """Let the output layer of pitch also compute by how much the two pitches of a hint are raised."""
        kernel, bias = self.output_layers["pitch"]
        scaled = copy_kernel / (2 * QUICK_GELU_SCALE)
        self.output_layers["pitch"] = np.concatenate([kernel, scaled], 1), np.pad(bias, (0, 2))

    def iterate_distributions(
        self, context: Context, note: list[int], active_prob: float = ACTIVE_PROB
    ) -> Distributions:
        """Yield step, pitch, duration and, where the model generates them, velocity and pedal."""
        projected = context.hidden.dot(self.hidden_kernel)
        projected += self.hidden_bias
        width = len(self.features) * self.head_dim
        projected, gate = projected[:width], projected[width:]
        onset, end = context, 0
        for name in self.features:
            begin, end = end, end + self.head_dim
            kernel, bias = self.output_layers[name]
            outputs = scaled_quick_gelu(projected[begin:end]).dot(kernel)
            outputs += bias
            if name == "pitch":
                yield name, self._compute_pitch_probs(outputs, gate, onset, active_prob)
            else:
                yield name, to_distribution(name, outputs, self.is_mixture)
            if name in self.conditioning:
                token = quantize.token_ids_of_note(*note)[FEATURES[name].column]
                projected[end:] += self.conditioning[name][token]
            if name == "step" and self.active_product and context.active is not None:
                active = np.maximum(context.active - note[STEP], 0)
                onset = _with_active(context, active, note[STEP])
                # Pitch and duration, the two features after step, read the active notes.
                projected[end : end + 2 * self.head_dim] += self.active_product.apply(active)

    def _compute_pitch_probs(
        self, logits: Float32Array, gate: Float32Array, onset: Context, active_prob: float
    ) -> Probs:
        """Return the distribution [128] of logits and those of the convolutions, raised by hints and masked, where the model has these.

        Args:
            logits: [128] of the dense layer, [130] with the strengths of a copy.
            gate: as of `StepPitchConvolution.compute_logits`; empty without convolutions.
            onset: the context after the note before, with active notes and ages at the onset of the next.
            active_prob: as of `iterate_distributions`.
        """
        if self.pitch_copy:
            logits, strengths = logits[:NUM_PITCHES], logits[NUM_PITCHES:]
            self.pitch_copy.add_logits(logits, strengths, onset.hints)
        if onset.active is None:
            return softmax_1d(logits)
        if self.pitch_convolution and onset.ages is not None:
            logits += self.pitch_convolution.compute_logits(
                gate, onset.active, onset.ages, onset.last_pitch
            )
        if not self.masks_active:
            return softmax_1d(logits)
        return compute_masked_probs(logits, onset.active, active_prob)


def _with_active(context: Context, active: ActiveNotes, step: int) -> Context:
    """Return a context with the active notes [128] at the onset of the next note, `step` cells later, and the ages."""
    ages = None if context.ages is None else context.ages + step
    return Context(context.hidden, active, context.last_pitch, ages, context.hints)


def make_step_heads(model: TrainedModel) -> StepHeads:
    """Return the heads of a model for playing."""
    heads = make_heads(model)
    if isinstance(heads, RegressionHeads):
        return RegressionStepHeads(heads)
    return AutoregressiveStepHeads(heads)
