"""Bits per note, and how sure we are of a difference.

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
MIN_RELATIVE_ERROR = 1e-3
"""Least standard error of a resample, as a share of that of all rows."""


@dataclass(frozen=True)
class PieceScores:
    """Bits of held-out notes, summed by row, the unit that is resampled."""

    piece_names: NDArray[np.str_]
    """[R] name of the piece."""
    num_notes: NDArray[np.int64]
    """[R] notes scored."""
    bits: NDArray[np.float64]
    """[R, 3] sums, columns as `HEADS`; [R, 4] where velocity is told, which does not count in the total."""

    def compute_bits_per_note(self) -> dict[str, float]:
        """Return mean bits of each head and `bits_per_note`, the sum of those of `HEADS`."""
        mean = self.bits.sum(axis=0) / self.num_notes.sum()
        names = (*SCORED_FEATURES, "velocity")[: len(mean)]
        return {
            "bits_per_note": float(mean[: len(SCORED_FEATURES)].sum()),
            **dict(zip(names, map(float, mean), strict=True)),
        }

    def compute_scored_bits(self) -> NDArray[np.float64]:
        """Return the bits [R] that count: those of `HEADS`, so without velocity."""
        return np.asarray(self.bits[:, : len(SCORED_FEATURES)].sum(axis=1))

    def to_rows(self) -> list[list[object]]:
        """Return rows of [piece, notes, pitch, step, duration, …] for JSON, to a ten-thousandth of a bit."""
        return [
            [str(piece), int(notes), *(round(float(b), 4) for b in bits)]
            for piece, notes, bits in zip(self.piece_names, self.num_notes, self.bits, strict=True)
        ]

    @classmethod
    def from_rows(cls, rows: Sequence[Sequence[object]]) -> "PieceScores":
        """Read what `as_rows` wrote."""
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
    size = max(
        1,
        min(PASSAGE_NOTES, sum(lengths) // MIN_PIECES)
        if len(piece_names) < MIN_PIECES
        else max(lengths),
    )
    rows = [
        (name, len(part), part.sum(axis=0))
        for name, piece in zip(piece_names, bits, strict=True)
        for part in (piece[begin : begin + size] for begin in range(0, len(piece), size))
    ]
    return PieceScores.from_rows([[name, notes, *sums] for name, notes, sums in rows])


def compute_paired_difference(
    scores: PieceScores, reference: PieceScores, resamples: int, seed: int
) -> tuple[float, float, float]:
    """Return mean bits per note of ours less theirs, and its 95 % interval.

    The same rows are drawn for both, so that what makes a piece hard for every model cancels.

    Raises:
        ValueError: the two were not scored on the same notes.

    Source: symmetric bootstrap-t over rows as clusters of notes: Hall, "On symmetric bootstrap confidence intervals",
    J. R. Statist. Soc. B 50, 1988. `tools/coverage.py` shows how often it and the percentiles hold the truth.
    """
    if not (
        np.array_equal(scores.piece_names, reference.piece_names)
        and np.array_equal(scores.num_notes, reference.num_notes)
    ):
        raise ValueError("paired scores must be of the same notes")
    gap = scores.compute_scored_bits() - reference.compute_scored_bits()
    return _bootstrap_mean(gap, scores.num_notes, resamples, seed)


def compute_confidence_interval(
    scores: PieceScores, resamples: int, seed: int
) -> tuple[float, float, float]:
    """Return mean bits per note, and its 95 % interval over rows; for a comparison, `difference` is far sharper."""
    return _bootstrap_mean(scores.compute_scored_bits(), scores.num_notes, resamples, seed)


def _bootstrap_mean(
    sums: NDArray[np.float64], num_notes: NDArray[np.int64], resamples: int, seed: int
) -> tuple[float, float, float]:
    """Return the mean per note of sums [R], and its 95 % interval.

    Each resample says how far its mean lies from that of all rows, in standard errors of its own; the interval reaches
    as many standard errors to each side as 95 % of them stay within. The standard error is that of a ratio of sums.
    """
    rows, mean = len(sums), sums.sum() / num_notes.sum()
    left = (
        sums - mean * num_notes
    )  # what is left of each row; sums to 0, so what is drawn of it is how far the mean moves
    own = np.sqrt(left @ left) / num_notes.sum()
    drawn = np.random.default_rng(seed).multinomial(rows, np.full(rows, 1 / rows), size=resamples)
    count = drawn @ num_notes
    moved = drawn @ left / count
    squares = (
        drawn @ left**2
        - 2 * moved * (drawn @ (left * num_notes))
        + moved**2 * (drawn @ num_notes.astype(float) ** 2)
    )
    errors = np.sqrt(np.maximum(squares, 0)) / count
    # Where a resample draws one row over and over, its error is none: it counts as very far.
    reach = (
        own * np.percentile(np.abs(moved) / np.maximum(errors, own * MIN_RELATIVE_ERROR), 95)
        if own
        else 0.0
    )
    return float(mean), float(mean - reach), float(mean + reach)
