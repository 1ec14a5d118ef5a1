"""What a model says of the next note: probabilities on the grid, bits of the note that came, a note drawn.

Every kind of head answers the same calls, so that scoring and playing need not know which it is:

    bits(hidden, codes)            how surprised it was, per head
    draw(hidden, choose, velocity) the next note, each part chosen from its distribution

Shapes: N notes, H width of the hidden vector, 128 pitches, 1001 cells of the time grid.
"""

from collections.abc import Callable, Mapping
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from pipeline.models.numpy.layers import Float32Array
from pipeline.models.residual_noise import MIN_PROB, ResidualNoise, fit_noise, grid_bits
from pipeline.notes.quantize import (
    FEATURE_COLUMNS,
    PITCH,
    SCORED_FEATURES,
    VELOCITY,
    QuantizedNotes,
)

Probs = NDArray[np.float64]
"""Probabilities that sum to one along the last axis."""
IndexSampler = Callable[[str, Probs], int]
"""Takes the name of a head and its masses, returns the index chosen."""


class Heads(Protocol):
    """What scoring and playing ask of heads."""

    def bits(self, hidden: Float32Array, notes: QuantizedNotes) -> NDArray[np.float64]:
        """Return the bits of the notes that came, [N, 3] as `encoding.HEADS`, and [N, 4] where velocity is told."""
        ...

    def distributions(self, hidden: Float32Array, notes: QuantizedNotes) -> dict[str, Probs]:
        """Return the distribution [N, K] that each part of the notes that came was told by."""
        ...

    def sample(
        self, hidden: Float32Array, sample_index: IndexSampler, velocity: int
    ) -> QuantizedNotes:
        """Draw the next note [4] after hidden [H]; `velocity` is for heads that say nothing of it."""
        ...


def softmax(logits: Float32Array) -> Probs:
    """Return exp(logits), scaled to sum to one along the last axis."""
    shifted = np.asarray(logits, np.float64)
    shifted = np.exp(shifted - shifted.max(axis=-1, keepdims=True))
    return np.asarray(shifted / shifted.sum(axis=-1, keepdims=True))


def softmax_1d(logits: Float32Array) -> Probs:
    """Return the softmax of one note [K], as `softmax` and in half its time."""
    mass: Probs = logits.astype(np.float64)
    mass -= mass[mass.argmax()]
    np.exp(mass, out=mass)
    mass /= np.add.reduce(mass)
    return mass


class RegressionHeads:
    """Pitch as 128 logits; step and duration as one number each, with a spread fitted on training notes."""

    def __init__(
        self, weights: Mapping[str, Float32Array], residual_noise: Mapping[str, ResidualNoise]
    ) -> None:
        self.weights = {
            name: (weights[f"{name}/kernel"], weights[f"{name}/bias"]) for name in SCORED_FEATURES
        }
        self.residual_noise = dict(residual_noise)

    def outputs(self, hidden: Float32Array) -> dict[str, Float32Array]:
        """Return pitch logits [N, 128], step [N, 1] and duration [N, 1] in seconds, as Keras does."""
        width = len(self.weights["pitch"][0])
        return {
            name: hidden[..., :width] @ kernel + bias
            for name, (kernel, bias) in self.weights.items()
        }

    def fit_noise(self, hidden: Float32Array, notes: QuantizedNotes) -> None:
        """Fit the spread of both times on training notes, hidden [N, H] before each of codes [N, 4]."""
        out = self.outputs(hidden)
        for name in ("step", "duration"):
            self.residual_noise[name] = fit_noise(
                out[name][:, 0].astype(np.float64), notes[:, FEATURE_COLUMNS[name]]
            )

    def bits(self, hidden: Float32Array, notes: QuantizedNotes) -> NDArray[np.float64]:
        """Return the bits [N, 3] of the notes that came, columns as `HEADS`."""
        out = self.outputs(hidden)
        pitch = softmax(out["pitch"])[np.arange(len(notes)), notes[:, PITCH]]
        times = [
            grid_bits(
                out[name][:, 0].astype(np.float64),
                notes[:, FEATURE_COLUMNS[name]],
                self.residual_noise[name],
            )
            for name in ("step", "duration")
        ]
        return np.stack([-np.log2(np.maximum(pitch, MIN_PROB)), *times], axis=1)

    def distributions(self, hidden: Float32Array, notes: QuantizedNotes) -> dict[str, Probs]:
        """Return the distribution [N, K] that each part of the notes was told by, which here hangs on no other part."""
        rows = [self.distributions_of_one(row) for row in hidden]
        return {name: np.stack([row[name] for row in rows]) for name in SCORED_FEATURES}

    def distributions_of_one(self, hidden: Float32Array) -> dict[str, Probs]:
        """Return the distribution of each part of the next note, hidden [H]: 128 pitches, 1001 cells twice."""
        out = self.outputs(hidden)
        times = {
            name: self.residual_noise[name].grid_probs(float(out[name][0]))
            for name in ("step", "duration")
        }
        return {"pitch": softmax_1d(out["pitch"]), **times}

    def sample(
        self, hidden: Float32Array, sample_index: IndexSampler, velocity: int
    ) -> QuantizedNotes:
        """Draw the next note.

        Args:
            hidden: [H], after the note before.
            sample_index: picks an index from the masses of a head.
            velocity: given to the note, since these heads say nothing of it.

        Returns:
            Codes [4].
        """
        masses = self.distributions_of_one(hidden)
        code = np.empty(4, np.int16)
        for name in ("step", "pitch", "duration"):
            code[FEATURE_COLUMNS[name]] = sample_index(name, masses[name])
        code[VELOCITY] = velocity
        return code
