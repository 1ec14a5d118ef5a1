"""How often does a 95 % interval hold the truth? `python tools/coverage.py`.

Corpora are made up, so that the truth is known: pieces of lengths that differ as those of MAESTRO do, and on each one
model is better by 0.1 bits per note plus what is peculiar to the piece, normal, with heavy tails, or skewed. Prints for
each number of pieces how many of the intervals hold 0.1, and how wide they are on average [bits per note]: the interval
that the project reports, and the percentiles of the same resamples, which hold too little where pieces are few.
"""

import argparse
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from pipeline.core.console import track_progress
from pipeline.evaluation import bits
from pipeline.evaluation.bits import PieceScores

TRUTH, PECULIAR, WITHIN = 0.1, 0.3, 3.0
"""Bits per note: of the difference, of its standard deviation between pieces, and between the notes of a piece."""
LENGTH = (8.37, 0.78)
"""Mean and standard deviation of the logarithm of the notes of a piece: those of MAESTRO."""
Noise = Callable[[np.random.Generator, int], NDArray[np.float64]]
KINDS: dict[str, Noise] = {
    "normal": lambda rng, rows: rng.normal(size=rows),
    "heavy tails (t, 3 degrees)": lambda rng, rows: rng.standard_t(3, rows) / np.sqrt(3),
    "skewed (exponential)": lambda rng, rows: rng.exponential(size=rows) - 1,
}


def corpus(rng: np.random.Generator, rows: int, noise: Noise) -> tuple[PieceScores, PieceScores]:
    """Make the scores of two models on so many pieces."""
    notes = np.maximum(60, rng.lognormal(*LENGTH, rows)).astype(np.int64)
    gap = TRUTH + PECULIAR * noise(rng, rows) + rng.normal(size=rows) * WITHIN / np.sqrt(notes)
    theirs = np.outer(notes * (4 + rng.normal(0, 1, rows)), np.ones(3))
    names = np.array([str(row) for row in range(rows)])
    return PieceScores(
        names, notes, theirs + np.outer(notes * gap, np.full(3, 1 / 3))
    ), PieceScores(names, notes, theirs)


def percentiles(
    ours: PieceScores, theirs: PieceScores, resamples: int, seed: int
) -> tuple[float, float]:
    """Return the percentile interval of Efron and Tibshirani (1993), chapter 13."""
    rows, gap = len(ours.num_notes), ours.compute_scored_bits() - theirs.compute_scored_bits()
    drawn = np.random.default_rng(seed).multinomial(rows, np.full(rows, 1 / rows), size=resamples)
    low, high = np.percentile(drawn @ gap / (drawn @ ours.num_notes), [2.5, 97.5])
    return float(low), float(high)


def main(corpora: int, resamples: int, pieces: list[int]) -> None:
    print("| pieces | peculiar to a piece | held, reported | width | held, percentiles | width |")
    print("|---:|---|---:|---:|---:|---:|")
    for kind, noise in KINDS.items():
        for rows in pieces:
            rng = np.random.default_rng([rows, corpora])
            found = np.empty((corpora, 2, 2))
            for number in track_progress(range(corpora), f"{kind}, {rows} pieces", corpora):
                ours, theirs = corpus(rng, rows, noise)
                found[number, 0] = bits.compute_paired_difference(ours, theirs, resamples, number)[
                    1:
                ]
                found[number, 1] = percentiles(ours, theirs, resamples, number)
            held = ((found[:, :, 0] <= TRUTH) & (found[:, :, 1] >= TRUTH)).mean(axis=0)
            width = np.ptp(found, axis=2).mean(axis=0)
            cells = [f"{held[k]:.1%} | {width[k]:.3f}" for k in range(2)]
            print(f"| {rows} | {kind} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="How often does a 95 % interval hold the truth?")
    parser.add_argument("--corpora", type=int, default=2000)
    parser.add_argument("--resamples", type=int, default=2000)
    parser.add_argument("--pieces", type=int, nargs="+", default=[10, 20, 60, 137])
    given = parser.parse_args()
    main(given.corpora, given.resamples, given.pieces)
