"""Every architecture against every other, and every piece by itself: how sure the order of the table is.

Shapes: R rows (pieces or passages), A architectures.
"""

from collections.abc import Mapping
from itertools import combinations
from typing import Any

import numpy as np

from pipeline.evaluation.bits import PIECES_ENOUGH, Scores, difference


def pairs(scores: Mapping[str, Scores], resamples: int, seed: int) -> list[dict[str, Any]]:
    """Return the paired difference of every two in bits per note, the first less the second, with its interval."""
    out: list[dict[str, Any]] = []
    for ours, theirs in combinations(scores, 2):
        mean, low, high = difference(scores[ours], scores[theirs], resamples, seed)
        figures = {"difference": round(mean, 4), "low": round(low, 4), "high": round(high, 4)}
        out.append({"a": ours, "b": theirs, **figures})
    return out


def best_shares(scores: Mapping[str, Scores], resamples: int, seed: int) -> dict[str, float]:
    """Return for each the share of resamples of the rows in which it has the fewest bits; ties go to the first.

    Of many architectures some are better than others by luck; this asks for the winner of all, not of one pair.

    Source: bootstrap selection frequency, Efron and Tibshirani, "An introduction to the bootstrap", 1993, section 17.
    """
    notes = next(iter(scores.values())).notes
    rows = len(notes)
    drawn = np.random.default_rng(seed).multinomial(rows, np.full(rows, 1 / rows), size=resamples)
    bits = drawn @ np.stack([each.counted() for each in scores.values()], axis=1)
    won = np.bincount(bits.argmin(axis=1), minlength=len(scores)) / resamples
    return dict(zip(scores, map(float, won), strict=True))


def by_piece(scores: Mapping[str, Scores]) -> list[list[Any]]:
    """Return rows of piece, notes and the bits per note of each architecture, whole pieces even where rows are not."""
    first = next(iter(scores.values()))
    names, which = np.unique(first.piece, return_inverse=True)
    notes = np.bincount(which, first.notes)
    columns = [np.bincount(which, each.counted()) / notes for each in scores.values()]
    return [
        [str(name), int(count), *(round(float(column[row]), 4) for column in columns)]
        for row, (name, count) in enumerate(zip(names, notes, strict=True))
    ]


def table(scores: Mapping[str, Scores], resamples: int, seed: int) -> dict[str, Any]:
    """Return what `metrics/pairs.json` holds."""
    rows = next(iter(scores.values()))
    return {
        "resamples": resamples,
        "rows": len(rows.notes),
        "unit": "pieces" if len(set(rows.piece)) >= PIECES_ENOUGH else "passages",
        "best": best_shares(scores, resamples, seed),
        "pairs": pairs(scores, resamples, seed),
    }
