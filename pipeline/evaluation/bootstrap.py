"""Every architecture against every other, and every piece by itself: how sure the order of the table is.

Shapes: R rows (pieces or passages), A architectures.
"""

from collections.abc import Mapping
from itertools import combinations
from typing import Any

import numpy as np

from pipeline.evaluation.bits import MIN_PIECES, PieceScores, compute_paired_difference


def compute_pairwise_differences(
    scores: Mapping[str, PieceScores], resamples: int, seed: int
) -> list[dict[str, Any]]:
    """Return the paired difference of every two in bits per note, the first less the second, with its interval."""
    out: list[dict[str, Any]] = []
    for ours, theirs in combinations(scores, 2):
        mean, low, high = compute_paired_difference(scores[ours], scores[theirs], resamples, seed)
        figures = {"difference": round(mean, 4), "low": round(low, 4), "high": round(high, 4)}
        out.append({"a": ours, "b": theirs, **figures})
    return out


def compute_win_rates(
    scores: Mapping[str, PieceScores], resamples: int, seed: int
) -> dict[str, float]:
    """Return for each the share of resamples of the rows in which it has the fewest bits; ties go to the first.

    Of many architectures some are better than others by luck; this asks for the winner of all, not of one pair.

    Source: bootstrap selection frequency, Efron and Tibshirani, "An introduction to the bootstrap", 1993, section 17.
    """
    notes = next(iter(scores.values())).num_notes
    rows = len(notes)
    drawn = np.random.default_rng(seed).multinomial(rows, np.full(rows, 1 / rows), size=resamples)
    bits = drawn @ np.stack([each.compute_scored_bits() for each in scores.values()], axis=1)
    won = np.bincount(bits.argmin(axis=1), minlength=len(scores)) / resamples
    return dict(zip(scores, map(float, won), strict=True))


def tabulate_bits_by_piece(scores: Mapping[str, PieceScores]) -> list[list[Any]]:
    """Return rows of piece, notes and the bits per note of each architecture, whole pieces even where rows are not."""
    first = next(iter(scores.values()))
    names, which = np.unique(first.piece_names, return_inverse=True)
    notes = np.bincount(which, first.num_notes)
    columns = [np.bincount(which, each.compute_scored_bits()) / notes for each in scores.values()]
    return [
        [str(name), int(count), *(round(float(column[row]), 4) for column in columns)]
        for row, (name, count) in enumerate(zip(names, notes, strict=True))
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
