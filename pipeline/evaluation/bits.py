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

PIECES_ENOUGH = 20
"""Fewer pieces than this say too little of themselves; they are cut into passages."""
PASSAGE = 200
"""Notes of a passage."""
TINY = 1e-3
"""Least standard error of a resample, as a share of that of all rows."""


@dataclass(frozen=True)
class Scores:
    """Bits of held-out notes, summed by row, the unit that is resampled."""

    piece: NDArray[np.str_]
    """[R] name of the piece."""
    notes: NDArray[np.int64]
    """[R] notes scored."""
    bits: NDArray[np.float64]
    """[R, 3] sums, columns as `HEADS`; [R, 4] where velocity is told, which does not count in the total."""

    def per_note(self) -> dict[str, float]:
        """Return mean bits of each head and `bits_per_note`, the sum of those of `HEADS`."""
        mean = self.bits.sum(axis=0) / self.notes.sum()
        names = (*SCORED_FEATURES, "velocity")[: len(mean)]
        return {
            "bits_per_note": float(mean[: len(SCORED_FEATURES)].sum()),
            **dict(zip(names, map(float, mean), strict=True)),
        }

    def counted(self) -> NDArray[np.float64]:
        """Return the bits [R] that count: those of `HEADS`, so without velocity."""
        return np.asarray(self.bits[:, : len(SCORED_FEATURES)].sum(axis=1))

    def as_rows(self) -> list[list[object]]:
        """Return rows of [piece, notes, pitch, step, duration, …] for JSON, to a ten-thousandth of a bit."""
        return [
            [str(piece), int(notes), *(round(float(b), 4) for b in bits)]
            for piece, notes, bits in zip(self.piece, self.notes, self.bits, strict=True)
        ]

    @classmethod
    def of_rows(cls, rows: Sequence[Sequence[object]]) -> "Scores":
        """Read what `as_rows` wrote."""
        return cls(
            np.array([row[0] for row in rows]),
            np.array([row[1] for row in rows], np.int64),
            np.array([row[2:] for row in rows], np.float64).reshape(len(rows), -1 if rows else len(SCORED_FEATURES)),
        )


def collect(names: Sequence[str], bits: Sequence[NDArray[np.float64]]) -> Scores:
    """Sum bits [N, 3 or 4] of each piece by piece; where there are fewer than 20, by passages of 200 notes or less.

    Passages get shorter where there would be fewer than 20 of them: of one row, nobody can say how sure it is.
    """
    lengths = [len(piece) for piece in bits]
    size = max(1, min(PASSAGE, sum(lengths) // PIECES_ENOUGH) if len(names) < PIECES_ENOUGH else max(lengths))
    rows = [
        (name, len(part), part.sum(axis=0))
        for name, piece in zip(names, bits, strict=True)
        for part in (piece[begin : begin + size] for begin in range(0, len(piece), size))
    ]
    return Scores.of_rows([[name, notes, *sums] for name, notes, sums in rows])


def difference(ours: Scores, theirs: Scores, resamples: int, seed: int) -> tuple[float, float, float]:
    """Return mean bits per note of ours less theirs, and its 95 % interval.

    The same rows are drawn for both, so that what makes a piece hard for every model cancels.

    Raises:
        ValueError: the two were not scored on the same notes.

    Source: symmetric bootstrap-t over rows as clusters of notes: Hall, "On symmetric bootstrap confidence intervals",
    J. R. Statist. Soc. B 50, 1988. `benchmarks/coverage.py` shows how often it and the percentiles hold the truth.
    """
    if not (np.array_equal(ours.piece, theirs.piece) and np.array_equal(ours.notes, theirs.notes)):
        raise ValueError("paired scores must be of the same notes")
    gap = ours.counted() - theirs.counted()
    return _resample(gap, ours.notes, resamples, seed)


def interval(scores: Scores, resamples: int, seed: int) -> tuple[float, float, float]:
    """Return mean bits per note, and its 95 % interval over rows; for a comparison, `difference` is far sharper."""
    return _resample(scores.counted(), scores.notes, resamples, seed)


def _resample(
    sums: NDArray[np.float64], notes: NDArray[np.int64], resamples: int, seed: int
) -> tuple[float, float, float]:
    """Return the mean per note of sums [R], and its 95 % interval.

    Each resample says how far its mean lies from that of all rows, in standard errors of its own; the interval reaches
    as many standard errors to each side as 95 % of them stay within. The standard error is that of a ratio of sums.
    """
    rows, mean = len(sums), sums.sum() / notes.sum()
    left = sums - mean * notes  # what is left of each row; sums to 0, so what is drawn of it is how far the mean moves
    own = np.sqrt(left @ left) / notes.sum()
    drawn = np.random.default_rng(seed).multinomial(rows, np.full(rows, 1 / rows), size=resamples)
    count = drawn @ notes
    moved = drawn @ left / count
    squares = drawn @ left**2 - 2 * moved * (drawn @ (left * notes)) + moved**2 * (drawn @ notes.astype(float) ** 2)
    errors = np.sqrt(np.maximum(squares, 0)) / count
    # Where a resample draws one row over and over, its error is none: it counts as very far.
    reach = own * np.percentile(np.abs(moved) / np.maximum(errors, own * TINY), 95) if own else 0.0
    return float(mean), float(mean - reach), float(mean + reach)
