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
INPUT_GROUP, OUTPUT_GROUP = 4, 16
"""Pitches that `StepPitchConvolution` computes side by side, G: the fastest for either convolution."""
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
    convolving the ages anew costs about a third of it, and to scale and correct a kept convolution as much.
    """

    def __init__(self, weights: Weights) -> None:
        kernel, bias = weights["pitch_conv/input_kernel"], weights["pitch_conv/input_bias"]
        self.kernel = _repeat_kernel(kernel[:, :-1], INPUT_GROUP)
        # The last feature is 1 for the pitch of the note before and 0 for all others: its product is a shifted kernel.
        self.bias = np.tile(bias, (2 * NUM_PITCHES - 1, 1))
        """[255, C]; the 128 rows from `NUM_PITCHES - 1 - last_pitch` on include that product."""
        self.bias[NUM_PITCHES - 1 - PADDING : NUM_PITCHES + PADDING] += kernel[::-1, -1]
        output_kernel = weights["pitch_conv/output_kernel"][..., None] / (2 * QUICK_GELU_SCALE)
        self.output_kernel = _repeat_kernel(output_kernel, OUTPUT_GROUP)
        features = np.zeros((NUM_PITCHES + 2 * PADDING, NUM_PITCH_FEATURES - 1), np.float32)
        channels = np.zeros((len(features), bias.size), np.float32)
        self.features, self.channels = features[PADDING:-PADDING], channels[PADDING:-PADDING]
        """[128, F - 1] and [128, C], with silent pitches before and after them in memory."""
        self.windows = _view_groups(features, INPUT_GROUP)
        self.output_windows = _view_groups(channels, OUTPUT_GROUP)

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
            ages: [128] cells since each pitch was struck, at that onset; those above `MAX_AGE` count as it.
            last_pitch: of the note before.
        """
        self.features[:, :2] = active_notes.DECAY_TABLE.take(active, 0)
        self.features[:, 2:] = pitch_ages.AGE_TABLE.take(ages, 0, mode="clip")
        # The gate is sigmoid(2 x) = (1 + tanh(x)) / 2, and has the scale of `scaled_quick_gelu`.
        np.tanh(gate, out=gate)
        gate += ONE
        gate *= HALF * QUICK_GELU_SCALE
        scaled = self.windows.dot(self.kernel).reshape(self.channels.shape)
        first = NUM_PITCHES - 1 - last_pitch
        scaled += self.bias[first : first + NUM_PITCHES]
        scaled *= gate
        # As `scaled_quick_gelu`, in place.
        np.tanh(scaled, out=self.channels)
        self.channels += ONE
        self.channels *= scaled
        logits: Float32Array = self.output_windows.dot(self.output_kernel).ravel()
        return logits


def _slide_over_pitches(x: Float32Array) -> Float32Array:
    """Return of [N, 128, F] the features of each pitch and its neighbors, [N, 128, K F]."""
    padded = np.pad(x, ((0, 0), (PADDING, PADDING), (0, 0)))
    windows = sliding_window_view(padded, PITCH_CONV_SIZE, axis=1).swapaxes(2, 3)
    return windows.reshape(*x.shape[:2], -1)


def _repeat_kernel(kernel: Float32Array, group: int) -> Float32Array:
    """Return of a kernel [K, F, C] that for G pitches side by side, [(K + G - 1) F, G C]; see `_view_groups`."""
    size, num_features, num_channels = kernel.shape
    repeated = np.zeros((size + group - 1, num_features, group, num_channels), np.float32)
    for offset in range(group):
        repeated[offset : offset + size, :, offset] = kernel
    return repeated.reshape(-1, group * num_channels)


def _view_groups(padded: Float32Array, group: int) -> Float32Array:
    """Return a view of padded features of each G pitches and their neighbors, [128 / G, (K + G - 1) F].

    The features of neighbors lie side by side in memory. A product with a repeated kernel has more numbers than with
    a window for each pitch, but copies fewer.
    """
    row, column = padded.strides
    shape = (NUM_PITCHES // group, (PITCH_CONV_SIZE + group - 1) * padded.shape[1])
    return as_strided(padded, shape, (group * row, column), writeable=False)
