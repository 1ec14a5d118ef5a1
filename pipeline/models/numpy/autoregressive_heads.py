"""Heads in a chain: step, then pitch given step, then duration given both, then velocity given all.

Notes of a chord have step 0 and rise in pitch, and how long a note is held depends on which it is: the parts of one
note are far from independent. Each part is a dense layer over what the body says plus vectors looked up for the parts
already known; pitch and duration also see which keys still sound at the onset.

Shapes: N notes, H width of the hidden vector, C width of the chain, K outcomes of a part.
"""

import numpy as np
from numpy.typing import NDArray

from pipeline.config.schema import ModelConfig
from pipeline.models import logistic_mixture
from pipeline.models.numpy import step_layers
from pipeline.models.numpy.heads import IndexSampler, Probs, softmax, softmax_1d
from pipeline.models.numpy.layers import Float32Array, Weights, quick_gelu
from pipeline.models.numpy.step_layers import QUICK_GELU_SCALE
from pipeline.models.residual_noise import MIN_PROB
from pipeline.notes import active_notes, quantize
from pipeline.notes.active_notes import SparseActiveProduct
from pipeline.notes.note import NUM_PITCHES
from pipeline.notes.quantize import (
    DURATION,
    FEATURE_COLUMNS,
    PITCH,
    STEP,
    TIME_TOKEN,
    TIME_TOKEN_WIDTHS,
    VELOCITY,
    VELOCITY_TOKEN_WIDTH,
    QuantizedNotes,
)

GENERATION_ORDER = ("step", "pitch", "duration", "velocity")
CONDITIONED_ON = {
    "step": (),
    "pitch": ("step",),
    "duration": ("step", "pitch"),
    "velocity": ("step", "pitch", "duration"),
}
"""Which parts of the note each part knows."""
SCORE_ORDER = ("pitch", "step", "duration", "velocity")
"""Order of the columns of bits."""
WITHIN_TOKEN_BITS = np.log2(TIME_TOKEN_WIDTHS)[TIME_TOKEN]
"""[1001] bits to tell a cell within its bin, where all cells are as likely."""
CELLS_PER_TIME_TOKEN = TIME_TOKEN_WIDTHS.astype(np.float64)
VELOCITY_TOKEN = np.arange(128) // VELOCITY_TOKEN_WIDTH
"""[128] bin of each velocity."""
VELOCITIES_PER_TOKEN = np.bincount(VELOCITY_TOKEN[1:]).astype(float)
"""[32] velocities in each bin; the first has one less, since velocity 0 is no note."""


class _PremultipliedWeights:
    """The weights for one note in few calls: scaled for `notewise.gelu`, and what a part tells all after it as one."""

    def __init__(self, features: tuple[str, ...], weights: Weights) -> None:
        quick = np.float32(QUICK_GELU_SCALE)
        self.head_dim = len(weights["chain/bias"]) // len(features)
        self.hidden_kernel, self.hidden_bias = (
            weights["chain/kernel"] * quick,
            weights["chain/bias"] * quick,
        )
        self.output_layers = {
            part: (
                weights[f"{part}/kernel"] / np.float32(2 * QUICK_GELU_SCALE),
                weights[f"{part}/bias"],
            )
            for part in features
        }
        self.conditioning = {
            known: np.concatenate(
                [weights[f"{part}_given_{known}/embeddings"] for part in features[place:]], 1
            )
            * quick
            for place, known in enumerate(features[:-1], 1)
        }
        """[K, W C] of each part but the last, for all parts after it side by side."""
        self.active_projection = (
            SparseActiveProduct(weights["ahead/kernel"] * quick)
            if "ahead/kernel" in weights
            else None
        )


class AutoregressiveHeads:
    """The heads `categorical` and `mixture`, which differ in how they tell a time."""

    def __init__(self, config: ModelConfig, weights: Weights) -> None:
        self.weights = weights
        self.is_mixture = config.heads == "mixture"
        self.features = GENERATION_ORDER if config.model_velocity else GENERATION_ORDER[:3]
        self.uses_active = "ahead/kernel" in weights
        self.premultiplied = _PremultipliedWeights(self.features, weights)

    def bits(self, hidden: Float32Array, notes: QuantizedNotes) -> NDArray[np.float64]:
        """Return the bits [N, 3] of the notes that came, columns as `encoding.HEADS`; [N, 4] where velocity is told."""
        said = self._project_hidden(hidden)
        left = (
            active_notes.advance(self._extract_active(hidden), notes[:, STEP])
            if self.uses_active
            else None
        )
        out = {}
        for part in self.features:
            outputs = self._compute_outputs(
                part, self._add_conditioning(part, said[part], quantize.token_ids(notes), left)
            )
            out[part] = self._score_feature(part, outputs, notes)
        return np.stack([out[part] for part in SCORE_ORDER if part in out], axis=1)

    def distributions(self, hidden: Float32Array, notes: QuantizedNotes) -> dict[str, Probs]:
        """Return the distribution [N, K] that each part of the notes that came was told by, given the parts before."""
        said = self._project_hidden(hidden)
        left = (
            active_notes.advance(self._extract_active(hidden), notes[:, STEP])
            if self.uses_active
            else None
        )
        out = {}
        for part in self.features:
            outputs = self._compute_outputs(
                part, self._add_conditioning(part, said[part], quantize.token_ids(notes), left)
            )
            out[part] = np.stack([self._compute_distribution(part, row) for row in outputs])
        return {part: out[part] for part in SCORE_ORDER if part in out}

    def sample(
        self, hidden: Float32Array, sample_index: IndexSampler, velocity: int
    ) -> QuantizedNotes:
        """Draw the next note [4] after hidden [H]; `velocity` is given where the model says nothing of it."""
        told = self.premultiplied
        width = told.head_dim
        said = hidden[: len(told.hidden_kernel)].dot(told.hidden_kernel)
        said += told.hidden_bias
        code = [0, 0, 0, velocity]
        for place, part in enumerate(self.features):
            kernel, bias = told.output_layers[part]
            outputs = step_layers.scaled_quick_gelu(said[place * width : (place + 1) * width]).dot(
                kernel
            )
            outputs += bias
            chosen = sample_index(part, self._compute_distribution(part, outputs))
            code[VELOCITY if part == "velocity" else FEATURE_COLUMNS[part]] = chosen
            if part in told.conditioning:
                said[(place + 1) * width :] += told.conditioning[part][
                    quantize.token_ids_of_note(*code)[FEATURE_COLUMNS[part]]
                ]
            if part == "step" and told.active_projection:
                left = np.maximum(hidden[-NUM_PITCHES:].astype(np.int16) - chosen, 0)
                said[width : 3 * width] += told.active_projection.apply(left)
        return np.array(code, np.int16)

    def _project_hidden(self, hidden: Float32Array) -> dict[str, Float32Array]:
        """Return what the body says of each part, [N, C] each."""
        kernel = self.weights["chain/kernel"]
        said = hidden[:, : len(kernel)] @ kernel + self.weights["chain/bias"]
        return dict(zip(self.features, np.split(said, len(self.features), axis=1), strict=True))

    @staticmethod
    def _extract_active(hidden: Float32Array) -> NDArray[np.int16]:
        left: NDArray[np.int16] = hidden[:, -NUM_PITCHES:].astype(np.int16)
        return left

    def _add_conditioning(
        self,
        feature: str,
        hidden_proj: Float32Array,
        tokens: NDArray[np.int32],
        active: NDArray[np.int16] | None,
    ) -> Float32Array:
        """Add to what is said of a part [N, C] the parts of the note that it knows."""
        columns = {"step": STEP, "pitch": PITCH, "duration": DURATION}
        for known in CONDITIONED_ON[feature]:
            hidden_proj = (
                hidden_proj
                + self.weights[f"{feature}_given_{known}/embeddings"][tokens[:, columns[known]]]
            )
        if active is not None and feature in ("pitch", "duration"):
            width = hidden_proj.shape[1]
            kernel = self.weights["ahead/kernel"]
            half = kernel[:, :width] if feature == "pitch" else kernel[:, width:]
            hidden_proj = hidden_proj + active_notes.active_features(active) @ half
        return hidden_proj

    def _compute_outputs(self, feature: str, hidden_proj: Float32Array) -> Float32Array:
        return np.asarray(
            quick_gelu(hidden_proj) @ self.weights[f"{feature}/kernel"]
            + self.weights[f"{feature}/bias"]
        )

    def _score_feature(
        self, feature: str, outputs: Float32Array, notes: QuantizedNotes
    ) -> NDArray[np.float64]:
        """Return the bits [N] of one part of the notes that came."""
        if feature in ("step", "duration"):
            cells = notes[:, FEATURE_COLUMNS[feature]]
            if self.is_mixture:
                return logistic_mixture.grid_bits(outputs, cells)
            return np.asarray(
                self._compute_token_bits(outputs, TIME_TOKEN[cells]) + WITHIN_TOKEN_BITS[cells]
            )
        if feature == "pitch":
            return self._compute_token_bits(outputs, notes[:, PITCH])
        bins = VELOCITY_TOKEN[notes[:, VELOCITY]]
        return np.asarray(
            self._compute_token_bits(outputs, bins) + np.log2(VELOCITIES_PER_TOKEN[bins])
        )

    @staticmethod
    def _compute_token_bits(
        logits: Float32Array, tokens: NDArray[np.integer]
    ) -> NDArray[np.float64]:
        mass = softmax(logits)[np.arange(len(tokens)), tokens]
        return np.asarray(-np.log2(np.maximum(mass, MIN_PROB)))

    def _compute_distribution(self, feature: str, outputs: Float32Array) -> Probs:
        """Return the distribution of one part: 1001 cells, 128 pitches, or 128 velocities of which 0 never comes."""
        if self.is_mixture and feature in ("step", "duration"):
            return logistic_mixture.grid_probs(outputs)
        mass = softmax_1d(outputs)
        if feature == "pitch":
            return mass
        if feature == "velocity":
            mass = (mass / VELOCITIES_PER_TOKEN).repeat(VELOCITY_TOKEN_WIDTH)
            mass[0] = 0.0
            return np.asarray(mass)
        return np.asarray((mass / CELLS_PER_TIME_TOKEN).repeat(TIME_TOKEN_WIDTHS))
