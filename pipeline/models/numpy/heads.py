"""The heads of a model in NumPy, for many notes: distributions of the next note, and bits of the note that came.

`pipeline.generation.step_heads` has the same for one note in play.

Shapes: N notes, H width of the hidden vector, 128 pitches, 1001 cells of the time grid.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipeline.models.numpy.layers import Float32Array
from pipeline.models.residual_noise import MIN_PROB, ResidualNoise, fit_noise, grid_bits
from pipeline.notes.active_notes import ActiveNotes
from pipeline.notes.pitch_ages import PitchAges
from pipeline.notes.quantize import FEATURES, PITCH, SCORED_FEATURES, QuantizedNotes

Probs = NDArray[np.float64]
"""Probabilities that sum to one along the last axis."""


class Context(NamedTuple):
    """What the heads read after a note."""

    hidden: Float32Array
    """[..., H] output of the network."""
    active: ActiveNotes | None
    """[..., 128] cells that remain of each pitch at the onset of that note; None with the scalar input."""
    last_pitch: Any = None
    """[...] pitch of that note; None but for an equivariant pitch head."""
    ages: PitchAges | None = None
    """[..., 128] cells since each pitch was struck, at the onset of that note; likewise."""
    hints: Any = None
    """[..., 5] after that note, of `notes.recall`; None without `recall`."""

    def select(self, index: Any) -> "Context":
        """Return the part at an index of the leading axes."""
        active, last_pitch, ages, hints = (
            None if part is None else part[index] for part in self[1:]
        )
        return Context(self.hidden[index], active, last_pitch, ages, hints)


def softmax(logits: Float32Array) -> Probs:
    """Return exp(logits), scaled to sum to one along the last axis."""
    shifted = logits.astype(np.float64)
    probs = np.exp(shifted - shifted.max(axis=-1, keepdims=True))
    probs /= probs.sum(axis=-1, keepdims=True)
    return probs


def softmax_1d(logits: Float32Array) -> Probs:
    """Return `softmax` of one vector [K], in half the time."""
    probs: Probs = logits.astype(np.float64)
    probs -= probs[probs.argmax()]
    np.exp(probs, out=probs)
    probs /= np.add.reduce(probs)
    return probs


class RegressionHeads:
    """Pitch as 128 logits; step and duration as one number each, with a noise fitted on training notes."""

    features = SCORED_FEATURES

    def __init__(
        self, weights: Mapping[str, Float32Array], residual_noise: Mapping[str, ResidualNoise]
    ) -> None:
        self.weights = weights
        self.residual_noise = dict(residual_noise)

    def outputs(self, hidden: Float32Array) -> dict[str, Float32Array]:
        """Return pitch logits [N, 128], step [N, 1] and duration [N, 1] in seconds, as Keras does."""
        return {
            name: hidden @ self.weights[f"{name}/kernel"] + self.weights[f"{name}/bias"]
            for name in self.features
        }

    def fit_noise(self, hidden: Float32Array, notes: QuantizedNotes) -> None:
        """Fit the noise of both times on training notes [N, 5], which came after hidden [N, H]."""
        out = self.outputs(hidden)
        for name in ("step", "duration"):
            seconds = out[name][:, 0].astype(np.float64)
            self.residual_noise[name] = fit_noise(seconds, notes[:, FEATURES[name].column])

    def bits(self, context: Context, notes: QuantizedNotes) -> NDArray[np.float64]:
        """Return the bits of the notes that came.

        Args:
            context: before each note, hidden [N, H].
            notes: [N, 5].

        Returns:
            [N, 3], columns as `SCORED_FEATURES`.
        """
        out = self.outputs(context.hidden)
        pitch_probs = softmax(out["pitch"])[np.arange(len(notes)), notes[:, PITCH]]
        columns = [-np.log2(np.maximum(pitch_probs, MIN_PROB))]
        for name in ("step", "duration"):
            seconds = out[name][:, 0].astype(np.float64)
            cells = notes[:, FEATURES[name].column]
            columns.append(grid_bits(seconds, cells, self.residual_noise[name]))
        return np.stack(columns, axis=1)

    def distributions(self, context: Context, notes: QuantizedNotes) -> dict[str, Probs]:
        """Return the distribution [N, V] of each feature, which here depends on no other feature of the note."""
        rows = [self.distributions_of_one(hidden) for hidden in context.hidden]
        return {name: np.stack([row[name] for row in rows]) for name in self.features}

    def distributions_of_one(self, hidden: Float32Array) -> dict[str, Probs]:
        """Return the distribution of each feature of the next note after hidden [H]: 128 pitches, 1001 cells twice."""
        out = self.outputs(hidden)
        times = {
            name: self.residual_noise[name].grid_probs(float(out[name][0]))
            for name in ("step", "duration")
        }
        return {"pitch": softmax_1d(out["pitch"]), **times}
