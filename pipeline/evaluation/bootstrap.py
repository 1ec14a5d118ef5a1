"""How sure a mean of bits per note is, and how sure the order of models.

Shapes: R rows (pieces or passages), A architectures.
"""

import math
from collections.abc import Mapping
from itertools import combinations
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipeline.core.errors import DataError
from pipeline.evaluation.bits import MIN_PIECES, PieceScores

MIN_RELATIVE_ERROR = 1e-3
"""Least standard error of a resample, as a share of that of all rows."""
MAX_SEED_SPREAD = 0.25
"""Share of the bits per note that may lie between seeds; more is a model that did not train."""
MAX_REACH_RATIO = 2.0
"""How far an interval may reach, as a multiple of how far the furthest row lies from the mean."""
ROUNDING_ERROR = 1e-6
"""Bits per note: an interval that is narrower is that of equal rows."""


class Interval(NamedTuple):
    """A mean in bits per note, and the ends of its 95 % interval; of a difference, below zero is better.

    The ends are not a number where the rows are too few to give an interval.
    """

    mean: float
    low: float
    high: float

    @property
    def includes_zero(self) -> bool:
        """Whether the interval of a difference leaves open which of the two is better."""
        return not (self.low > 0 or self.high < 0)


class ImplausibleIntervalError(DataError):
    """The interval is one that its data cannot give."""


def compute_paired_difference(
    scores: PieceScores, reference: PieceScores, resamples: int, seed: int
) -> Interval:
    """Return the mean bits per note of a model less those of a reference, and its 95 % interval.

    The same rows are drawn for both, so that what makes a piece hard for every model cancels.

    Raises:
        ValueError: the two were not scored on the same notes.
        ImplausibleIntervalError: the rows are too few, or not finite.

    Source: symmetric bootstrap-t over rows as clusters of notes: Hall, "On symmetric bootstrap confidence intervals",
    J. R. Statist. Soc. B 50, 1988. `tools/coverage.py` shows how often it and the percentiles hold the truth.
    """
    same_pieces = np.array_equal(scores.piece_names, reference.piece_names)
    if not same_pieces or not np.array_equal(scores.num_notes, reference.num_notes):
        raise ValueError("paired scores must be of the same notes; give both one compare.max_notes")
    difference = scores.compute_scored_bits() - reference.compute_scored_bits()
    return _bootstrap_mean(difference, scores.num_notes, resamples, seed)


def estimate_difference(
    scores: PieceScores, reference: PieceScores, resamples: int, seed: int
) -> Interval:
    """Return `compute_paired_difference`, with unknown ends where the rows are too few for an interval.

    Raises:
        ImplausibleIntervalError: bits are not finite.
    """
    try:
        return compute_paired_difference(scores, reference, resamples, seed)
    except ImplausibleIntervalError:
        total = float(scores.compute_scored_bits().sum() - reference.compute_scored_bits().sum())
        if not math.isfinite(total):
            raise
        return Interval(total / float(scores.num_notes.sum()), math.nan, math.nan)


def compute_confidence_interval(scores: PieceScores, resamples: int, seed: int) -> Interval:
    """Return the mean bits per note, and its 95 % interval over rows.

    Between two models, the interval of `compute_paired_difference` is far narrower.

    Raises:
        ImplausibleIntervalError: the rows are too few, or not finite.
    """
    return _bootstrap_mean(scores.compute_scored_bits(), scores.num_notes, resamples, seed)


def _bootstrap_mean(
    sums: NDArray[np.float64], num_notes: NDArray[np.int64], resamples: int, seed: int
) -> Interval:
    """Return the mean per note of sums [R], and its 95 % interval.

    Each resample gives the distance of its mean from that of all rows, in standard errors of its own; the interval is as
    many standard errors wide to each side as 95 % of these distances. The standard error is that of a ratio of sums.
    """
    _check_rows(sums)
    mean = sums.sum() / num_notes.sum()
    # The residuals sum to 0, so the mean of those that are drawn is the distance that the mean moves.
    residuals = sums - mean * num_notes
    error = np.sqrt(residuals @ residuals) / num_notes.sum()
    if not error:
        return Interval(*[float(mean)] * 3)
    drawn = _draw_rows(len(sums), resamples, seed)
    drawn_notes = drawn @ num_notes
    moved = drawn @ residuals / drawn_notes
    squares = (
        drawn @ residuals**2
        - 2 * moved * (drawn @ (residuals * num_notes))
        + moved**2 * (drawn @ num_notes.astype(float) ** 2)
    )
    drawn_errors = np.sqrt(np.maximum(squares, 0)) / drawn_notes
    # A resample that draws one row over and over has no error of its own: it counts as very far.
    distances = np.abs(moved) / np.maximum(drawn_errors, error * MIN_RELATIVE_ERROR)
    reach = error * np.percentile(distances, 95)
    _check_reach(reach, residuals / num_notes)
    return Interval(float(mean), float(mean - reach), float(mean + reach))


def _check_rows(sums: NDArray[np.float64]) -> None:
    """Refuse rows of which nobody can say how sure their mean is."""
    if len(sums) < 2:
        raise ImplausibleIntervalError(
            f"no interval from {len(sums)} row of notes; score more held-out pieces"
        )
    if not np.isfinite(sums).all():
        bad = int((~np.isfinite(sums)).sum())
        raise ImplausibleIntervalError(
            f"no interval, since the bits of {bad} of {len(sums)} rows are not finite; evaluate again"
        )


def _draw_rows(num_rows: int, resamples: int, seed: int) -> NDArray[np.int64]:
    """Return how often each resample draws each row [resamples, R]."""
    shares = np.full(num_rows, 1 / num_rows)
    return np.random.default_rng(seed).multinomial(num_rows, shares, size=resamples)


def _check_reach(reach: float, deviations: NDArray[np.float64]) -> None:
    """Refuse an interval that reaches much further than any row lies from the mean.

    Of a few rows, many resamples draw one row only, so that nothing bounds their distance.
    """
    furthest = float(np.abs(deviations).max())
    if reach > max(MAX_REACH_RATIO * furthest, ROUNDING_ERROR):
        raise ImplausibleIntervalError(
            f"implausible interval of ±{reach:.3f} bits per note from {len(deviations)} rows, of which none lies "
            f"further than {furthest:.3f} from their mean; score more held-out pieces"
        )


def compute_pairwise_differences(
    scores: Mapping[str, PieceScores], resamples: int, seed: int
) -> list[dict[str, Any]]:
    """Return the paired difference of every two in bits per note, the first less the second, with its interval."""
    rows: list[dict[str, Any]] = []
    for a, b in combinations(scores, 2):
        interval = estimate_difference(scores[a], scores[b], resamples, seed)
        rows.append({"a": a, "b": b, **round_difference(interval)})
    return rows


def round_difference(interval: Interval) -> dict[str, float | None]:
    """Return a difference as files of results have it; unknown ends are null."""
    names = ("difference", "low", "high")
    return {
        name: None if math.isnan(value) else round(value, 4)
        for name, value in zip(names, interval, strict=True)
    }


def compute_win_rates(
    scores: Mapping[str, PieceScores], resamples: int, seed: int
) -> dict[str, float]:
    """Return for each the share of resamples of the rows in which it has the fewest bits; ties go to the first.

    Of many architectures some are better than others by luck; this asks for the winner of all, not of one pair.

    Source: bootstrap selection frequency, Efron and Tibshirani, "An introduction to the bootstrap", 1993, section 17.
    """
    row_bits = [model_scores.compute_scored_bits() for model_scores in scores.values()]
    bits = _draw_rows(len(row_bits[0]), resamples, seed) @ np.stack(row_bits, axis=1)
    won = np.bincount(bits.argmin(axis=1), minlength=len(scores)) / resamples
    return dict(zip(scores, map(float, won), strict=True))


def tabulate_bits_by_piece(scores: Mapping[str, PieceScores]) -> list[list[Any]]:
    """Return rows of piece, notes and the bits per note of each architecture, whole pieces even where rows are not."""
    first = next(iter(scores.values()))
    names, piece_index = np.unique(first.piece_names, return_inverse=True)
    notes = np.bincount(piece_index, first.num_notes)
    columns = [
        np.bincount(piece_index, model_scores.compute_scored_bits()) / notes
        for model_scores in scores.values()
    ]
    table = np.round(np.stack(columns, axis=1), 4).tolist()
    return [
        [str(name), int(count), *row] for name, count, row in zip(names, notes, table, strict=True)
    ]


def build_pairs_table(
    scores: Mapping[str, PieceScores], resamples: int, seed: int
) -> dict[str, Any]:
    """Return what `metrics/pairs.json` holds."""
    rows = next(iter(scores.values()))
    return {
        "resamples": resamples,
        "rows": len(rows.num_notes),
        "unit": "pieces" if len(set(rows.piece_names)) >= MIN_PIECES else "passages",
        "best": compute_win_rates(scores, resamples, seed),
        "pairs": compute_pairwise_differences(scores, resamples, seed),
    }
