"""Bits per note.

    bits = -log2 P(pitch, step, duration of the note that came | the notes before)

averaged over held-out notes. Every note of a piece is scored but the first, which is the prompt.

Shapes: N notes of a piece, R rows (a row is a piece, or a passage where there are few pieces).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.notes.quantize import SCORED_FEATURES

MIN_PIECES = 20
"""Fewer pieces than this say too little of themselves; they are cut into passages."""
PASSAGE_NOTES = 200
"""Notes of a passage."""


@dataclass(frozen=True)
class PieceScores:
    """Bits of held-out notes, summed by row, the unit that is resampled."""

    piece_names: NDArray[np.str_]
    """[R] name of the piece."""
    num_notes: NDArray[np.int64]
    """[R] notes scored."""
    bits: NDArray[np.float64]
    """[R, 3] sums, columns as `SCORED_FEATURES`; [R, 4] with velocity, which does not count in the total."""

    def compute_bits_per_note(self) -> dict[str, float]:
        """Return mean bits of each head and `bits_per_note`, the sum of those of `SCORED_FEATURES`."""
        mean = self.bits.sum(axis=0) / self.num_notes.sum()
        names = (*SCORED_FEATURES, "velocity")[: len(mean)]
        return {
            "bits_per_note": float(mean[: len(SCORED_FEATURES)].sum()),
            **dict(zip(names, map(float, mean), strict=True)),
        }

    def compute_scored_bits(self) -> NDArray[np.float64]:
        """Return the bits [R] that count: all but those of velocity."""
        return np.asarray(self.bits[:, : len(SCORED_FEATURES)].sum(axis=1))

    def to_rows(self) -> list[list[object]]:
        """Return rows of [piece, notes, pitch, step, duration, …] for JSON, to a ten-thousandth of a bit."""
        return [
            [str(piece), int(notes), *(round(float(b), 4) for b in bits)]
            for piece, notes, bits in zip(self.piece_names, self.num_notes, self.bits, strict=True)
        ]

    @classmethod
    def from_rows(cls, rows: Sequence[Sequence[object]]) -> "PieceScores":
        """Read what `to_rows` wrote."""
        return cls(
            np.array([row[0] for row in rows]),
            np.array([row[1] for row in rows], np.int64),
            np.array([row[2:] for row in rows], np.float64).reshape(
                len(rows), -1 if rows else len(SCORED_FEATURES)
            ),
        )


def aggregate_bits(piece_names: Sequence[str], bits: Sequence[NDArray[np.float64]]) -> PieceScores:
    """Sum bits [N, 3 or 4] of each piece by piece; where there are fewer than 20, by passages of 200 notes or less.

    Passages get shorter where there would be fewer than 20 of them: of one row, nobody can say how sure it is.
    """
    lengths = [len(piece) for piece in bits]
    size = max(lengths)
    if len(piece_names) < MIN_PIECES:
        size = min(PASSAGE_NOTES, sum(lengths) // MIN_PIECES)
    size = max(1, size)
    rows: list[list[object]] = []
    for name, piece in zip(piece_names, bits, strict=True):
        for begin in range(0, len(piece), size):
            passage = piece[begin : begin + size]
            rows.append([name, len(passage), *passage.sum(axis=0)])
    return PieceScores.from_rows(rows)
