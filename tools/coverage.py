"""Measure how often a 95 % interval contains the true difference: `python tools/coverage.py`.

Corpora are simulated, so the true difference is known. Lengths of pieces are distributed as in MAESTRO. On each piece
one model is better by 0.1 bits per note plus noise of the piece: normal, with heavy tails, or skewed. Prints for each
number of pieces how many intervals contain 0.1 and their mean width [bits per note], for the interval that the project
reports and for the percentile interval of the same resamples, which is too narrow if there are few pieces.
"""

import argparse
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from pipeline.core.console import track_progress
from pipeline.evaluation import bootstrap
from pipeline.evaluation.bits import PieceScores

TRUE_DIFFERENCE, PIECE_STD, NOTE_STD = 0.1, 0.3, 3.0
"""Difference, and its standard deviations between pieces and between notes of a piece [bits per note]."""
LOG_LENGTH = (8.37, 0.78)
"""Mean and standard deviation of the logarithm of the number of notes of a piece in MAESTRO."""
Noise = Callable[[np.random.Generator, int], NDArray[np.float64]]
NOISES: dict[str, Noise] = {
    "normal": lambda rng, rows: rng.normal(size=rows),
    "heavy tails (t, 3 degrees)": lambda rng, rows: rng.standard_t(3, rows) / np.sqrt(3),
    "skewed (exponential)": lambda rng, rows: rng.exponential(size=rows) - 1,
}


def simulate_corpus(
    rng: np.random.Generator, num_pieces: int, noise: Noise
) -> tuple[PieceScores, PieceScores]:
    """Return the scores of two models on simulated pieces."""
    num_notes = np.maximum(60, rng.lognormal(*LOG_LENGTH, num_pieces)).astype(np.int64)
    piece_noise = PIECE_STD * noise(rng, num_pieces)
    note_noise = rng.normal(size=num_pieces) * NOTE_STD / np.sqrt(num_notes)
    difference = TRUE_DIFFERENCE + piece_noise + note_noise
    baseline_bits = np.outer(num_notes * (4 + rng.normal(0, 1, num_pieces)), np.ones(3))
    model_bits = baseline_bits + np.outer(num_notes * difference, np.full(3, 1 / 3))
    names = np.array([str(piece) for piece in range(num_pieces)])
    return PieceScores(names, num_notes, model_bits), PieceScores(names, num_notes, baseline_bits)


def compute_percentile_interval(
    model: PieceScores, baseline: PieceScores, resamples: int, seed: int
) -> tuple[float, float]:
    """Return the percentile interval of Efron and Tibshirani (1993), chapter 13."""
    num_pieces = len(model.num_notes)
    difference = model.compute_scored_bits() - baseline.compute_scored_bits()
    shares = np.full(num_pieces, 1 / num_pieces)
    counts = np.random.default_rng(seed).multinomial(num_pieces, shares, size=resamples)
    means = counts @ difference / (counts @ model.num_notes)
    low, high = np.percentile(means, [2.5, 97.5])
    return float(low), float(high)


def main(num_corpora: int, resamples: int, piece_counts: list[int]) -> None:
    print("| pieces | noise of a piece | coverage | width | coverage, percentiles | width |")
    print("|---:|---|---:|---:|---:|---:|")
    for name, noise in NOISES.items():
        for num_pieces in piece_counts:
            rng = np.random.default_rng([num_pieces, num_corpora])
            # [corpus, method, end]
            intervals = np.empty((num_corpora, 2, 2))
            label = f"{name}, {num_pieces} pieces"
            for seed in track_progress(range(num_corpora), label, num_corpora):
                scores = simulate_corpus(rng, num_pieces, noise)
                intervals[seed, 0] = bootstrap.compute_paired_difference(*scores, resamples, seed)[
                    1:
                ]
                intervals[seed, 1] = compute_percentile_interval(*scores, resamples, seed)
            low, high = intervals[:, :, 0], intervals[:, :, 1]
            coverage = ((low <= TRUE_DIFFERENCE) & (high >= TRUE_DIFFERENCE)).mean(axis=0)
            width = (high - low).mean(axis=0)
            cells = [f"{coverage[k]:.1%} | {width[k]:.3f}" for k in range(2)]
            print(f"| {num_pieces} | {name} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description="How often does a 95 % interval contain the true difference?"
    )
    parser.add_argument("--corpora", type=int, default=2000)
    parser.add_argument("--resamples", type=int, default=2000)
    parser.add_argument("--pieces", type=int, nargs="+", default=[10, 20, 60, 137])
    args = parser.parse_args()
    main(args.corpora, args.resamples, args.pieces)
