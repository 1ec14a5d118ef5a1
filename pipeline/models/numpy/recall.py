"""What models with `recall` do with hints in NumPy; `pipeline.models.keras.recall` has the same in Keras.

The hint after a note is read with it, and the two pitches that it suggests are raised in the logits of the next note.
By how much, the level of the hint and the hidden vector of the pitch head decide.

Shapes: B pieces, T notes, N notes, R columns of a note that hints read, D width of the input of the layers, C width of
a head.
"""

import numpy as np

from pipeline.models.numpy.layers import Float32Array, Weights
from pipeline.notes import recall
from pipeline.notes.note import NUM_PITCHES
from pipeline.notes.quantize import QuantizedNotes
from pipeline.notes.recall import FIRST_PITCH, LEVEL, NO_HINT, SECOND_PITCH, TABLE_OFFSETS, Hints


class RecallInput:
    """The hints of notes, and their embedding."""

    def __init__(self, weights: Weights) -> None:
        self.table = weights["recall/embeddings"]
        self._ones = np.ones(len(TABLE_OFFSETS), np.float32)
        self._without_hint = self._sum_rows(NO_HINT)

    def initial_state(self, batch_size: int) -> QuantizedNotes:
        """Return the state of `forward` before the first note: no notes [B, 0, R]."""
        return np.empty((batch_size, 0, recall.NUM_READ_COLUMNS), np.int16)

    def forward(self, notes: QuantizedNotes, state: QuantizedNotes) -> tuple[Hints, QuantizedNotes]:
        """Return the hints [B, T, 5] after notes [B, T, 5], and the last notes as the next state.

        Args:
            notes: the next notes of pieces.
            state: [B, M, R] the notes before them on which hints depend, M of `HISTORY_NOTES` at most.
        """
        known = np.concatenate([state, notes[..., : state.shape[2]]], axis=1)
        hints = recall.compute_hints(known)[:, state.shape[1] :]
        return hints, known[:, -recall.HISTORY_NOTES :]

    def embed(self, hints: Hints | tuple[int, ...]) -> Float32Array:
        """Return the embedding [..., D] of hints [..., 5]; do not change it."""
        return self._without_hint if hints is NO_HINT else self._sum_rows(hints)

    def _sum_rows(self, hints: Hints | tuple[int, ...]) -> Float32Array:
        # A product with ones is a sum, in less time.
        embedded: Float32Array = self._ones @ self.table.take(hints + TABLE_OFFSETS, axis=0)
        return embedded


class PitchCopy:
    """Logits that raise the two pitches of a hint."""

    def __init__(self, weights: Weights) -> None:
        self.kernel = weights["copy/kernel"]
        """[C, 2]"""
        self.by_level = weights["copy/level"]
        """[L, 2]"""

    def forward(self, activated: Float32Array, hints: Hints) -> Float32Array:
        """Return logits [N, 128].

        Args:
            activated: [N, C] what the output layer of pitch reads.
            hints: [N, 5].
        """
        strengths = activated @ self.kernel + self.by_level[hints[:, LEVEL]]
        logits = np.zeros((len(hints), NUM_PITCHES + 1), np.float32)
        rows = np.arange(len(hints))
        for column, pitches in enumerate(hints[:, FIRST_PITCH : SECOND_PITCH + 1].T):
            logits[rows, pitches] += strengths[:, column]
        return logits[:, :NUM_PITCHES]

    def add_logits(
        self, logits: Float32Array, strengths: Float32Array, hint: tuple[int, ...]
    ) -> None:
        """Add to the logits [128] of one note.

        Args:
            logits: changed in place.
            strengths: [2] product of what the output layer of pitch reads and the kernel.
            hint: [5].
        """
        if hint[LEVEL] == 0:
            return
        raised = strengths + self.by_level[hint[LEVEL]]
        for pitch, strength in zip(hint[FIRST_PITCH : SECOND_PITCH + 1], raised, strict=True):
            if pitch != recall.NO_PITCH:
                logits[pitch] += strength
