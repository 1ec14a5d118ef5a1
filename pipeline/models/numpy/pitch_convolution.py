"""The equivariant part of a pitch head in NumPy: two convolutions over the pitches.

What they read of a pitch does not name the pitch, so that transposed music gives transposed logits. The hidden vector
decides by a gate how much each channel counts.

Shapes: N notes, H width of the hidden vector, 128 pitches, F features of a pitch, C channels, K size of the kernels.
"""

import numpy as np
from numpy.lib.stride_tricks import as_strided, sliding_window_view
from numpy.typing import NDArray

from pipeline.config.model_rules import PITCH_CONV_SIZE
from pipeline.models.numpy.layers import (
    HALF,
    ONE,
    QUICK_GELU_SCALE,
    Float32Array,
    Weights,
    quick_gelu,
    sigmoid,
)
from pipeline.notes import active_notes, pitch_ages
from pipeline.notes.active_notes import ActiveNotes
from pipeline.notes.note import NUM_PITCHES
from pipeline.notes.pitch_ages import PitchAges

NUM_PITCH_FEATURES = 3 + len(pitch_ages.DECAY_CELLS)
"""Features of a pitch, F."""
CHUNK_NOTES = 32
"""Notes computed at a time, to bound memory."""
PADDING = PITCH_CONV_SIZE // 2
"""Silent pitches below the lowest and above the highest."""


def compute_pitch_features(
    active: ActiveNotes, ages: PitchAges, last_pitch: NDArray[np.integer]
) -> Float32Array:
    """Return what the convolutions read of each pitch.

    Args:
        active: [N, 128] cells that remain of each pitch at the onset of a note.
        ages: [N, 128] cells since each pitch was struck, at that onset.
        last_pitch: [N] of the note before.

    Returns:
        [N, 128, F]: whether it sounds, how near its end is, how long ago it was struck by each decay, and whether it
        is the pitch of the note before.
    """
    features = np.zeros((*active.shape, NUM_PITCH_FEATURES), np.float32)
    features[..., :2] = active_notes.DECAY_TABLE.take(active, 0)
    features[..., 2:-1] = pitch_ages.AGE_TABLE.take(ages, 0)
    features[np.arange(len(active)), last_pitch, -1] = 1
    return features


class PitchConvolution:
    """The two convolutions, for many notes."""

    def __init__(self, weights: Weights) -> None:
        self.bias = weights["pitch_conv/input_bias"]
        self.kernel = weights["pitch_conv/input_kernel"].reshape(-1, self.bias.size)
        """[K F, C]"""
        self.gate_kernel = weights["pitch_conv/gate/kernel"]
        self.gate_bias = weights["pitch_conv/gate/bias"]
        self.output_kernel = weights["pitch_conv/output_kernel"]
        """[K, C]"""

    def forward(self, hidden: Float32Array, features: Float32Array) -> Float32Array:
        """Return logits [N, 128] of hidden vectors [N, H] and features [N, 128, F]."""
        chunks = range(0, len(hidden), CHUNK_NOTES)
        parts = [
            self._compute_chunk(
                hidden[begin : begin + CHUNK_NOTES], features[begin : begin + CHUNK_NOTES]
            )
            for begin in chunks
        ]
        return np.concatenate(parts) if parts else np.empty((0, NUM_PITCHES), np.float32)

    def _compute_chunk(self, hidden: Float32Array, features: Float32Array) -> Float32Array:
        windows = _slide_over_pitches(features)
        gate = sigmoid(hidden @ self.gate_kernel + self.gate_bias)
        channels = quick_gelu((windows @ self.kernel + self.bias) * gate[:, None])
        logits: Float32Array = _slide_over_pitches(channels) @ self.output_kernel.ravel()
        return logits


class StepPitchConvolution:
    """The two convolutions for one note, with weights and arrays made once: in two thirds of the time.

    A call overwrites the arrays of the call before, so each player needs an object of its own. No other state is kept:
    convolving the ages anew costs about 9 microseconds of 31, and to scale and correct a kept convolution as much.
    """

    def __init__(self, weights: Weights) -> None:
        whole = PitchConvolution(weights)
        self.kernel, self.bias = whole.kernel, np.tile(whole.bias, (NUM_PITCHES, 1))
        self.output_kernel = whole.output_kernel / (2 * QUICK_GELU_SCALE)
        num_channels = whole.bias.size
        features = np.zeros((NUM_PITCHES + 2 * PADDING, NUM_PITCH_FEATURES), np.float32)
        self.features = features[PADDING:-PADDING]
        """[128, F], with silent pitches before and after it in memory."""
        # The features of K neighbors lie side by side in memory: a window is K F numbers from its first pitch on.
        shape = (NUM_PITCHES, len(self.kernel))
        self.windows = as_strided(features, shape, features.strides, writeable=False)
        self.padded_channels = np.zeros((len(features), num_channels), np.float32)
        self.channels = self.padded_channels[PADDING:-PADDING]
        self.products = np.empty((PITCH_CONV_SIZE, len(features)), np.float32)
        row, column = self.products.strides
        shape = (PITCH_CONV_SIZE, NUM_PITCHES)
        self.diagonals = as_strided(self.products, shape, (row + column, column), writeable=False)
        """[K, 128] for each logit the products that it is the sum of."""
        self.ones = np.ones(PITCH_CONV_SIZE, np.float32)

    def compute_logits(
        self,
        gate: Float32Array,
        active: NDArray[np.integer],
        ages: NDArray[np.integer],
        last_pitch: int,
    ) -> Float32Array:
        """Return logits [128] of one note.

        Args:
            gate: [C] of the hidden vector, before the sigmoid and halved; it is overwritten.
            active: [128] cells that remain of each pitch at the onset of the note.
            ages: [128] cells since each pitch was struck, at that onset.
            last_pitch: of the note before.
        """
        self.features[:, :2] = active_notes.DECAY_TABLE.take(active, 0)
        self.features[:, 2:-1] = pitch_ages.AGE_TABLE.take(ages, 0)
        self.features[:, -1] = 0
        self.features[last_pitch, -1] = 1
        # The gate is sigmoid(2 x) = (1 + tanh(x)) / 2, and has the scale of `scaled_quick_gelu`.
        np.tanh(gate, out=gate)
        gate += ONE
        gate *= HALF * QUICK_GELU_SCALE
        scaled = self.windows.dot(self.kernel)
        scaled += self.bias
        scaled *= gate
        # As `scaled_quick_gelu`, in place.
        np.tanh(scaled, out=self.channels)
        self.channels += ONE
        self.channels *= scaled
        # Products of every place of the kernel with every pitch; a logit is the sum along a diagonal.
        np.dot(self.output_kernel, self.padded_channels.T, out=self.products)
        logits: Float32Array = self.ones.dot(self.diagonals)
        return logits


def _slide_over_pitches(x: Float32Array) -> Float32Array:
    """Return of [N, 128, F] the features of each pitch and its neighbors, [N, 128, K F]."""
    padded = np.pad(x, ((0, 0), (PADDING, PADDING), (0, 0)))
    windows = sliding_window_view(padded, PITCH_CONV_SIZE, axis=1).swapaxes(2, 3)
    return windows.reshape(*x.shape[:2], -1)
