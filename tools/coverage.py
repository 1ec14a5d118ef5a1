"""Measure how often a 95 % interval contains the truth: `python tools/coverage.py`, minutes; `--quick`, seconds.

Experiments are simulated by `simulated_scores.py`, so that the truth is known. Prints tables in Markdown:

1. coverage of the intervals of the pipeline, by design, distribution, and share of the noise that seeds make up
2. how often at least one of 28 pairs of 8 equal models is called different
3. the interval by file where some files are of one work, and a bootstrap over passages of one piece from one seed
4. the chance to detect a difference after as many more compositions or replicates as the pipeline names

Equal arguments give equal tables.
"""

import argparse
import itertools
import math
from dataclasses import dataclass, replace

import numpy as np
import simulated_scores
from numpy.typing import NDArray
from simulated_scores import DISTRIBUTIONS, Design, EffectSizes, Float64Array

from pipeline.evaluation import intervals
from pipeline.evaluation.decision import POWER_DIFFERENCE
from pipeline.evaluation.intervals import CONFIDENCE, Estimate, TMixture

STANDARD_ERROR = 0.05
"""Of the mean of every experiment, about [bits per note]; what is counted does not depend on it."""
REPLICATE_SHARES = (0.1, 0.5, 0.9)
NUM_MODELS = 8
PAIRS = [
    (str(first), str(second)) for first, second in itertools.combinations(range(NUM_MODELS), 2)
]
CROSSED_COMPOSITIONS = 137
"""Validation files of MAESTRO."""
NUM_PASSAGES, PASSAGE_STD, PIECE_STD, SEED_STD = 58, 0.05, 0.1, 0.1
"""Passages of 200 notes of the one piece that the default corpus holds out, and standard deviations of the difference of
two models [bits per note]: over passages as measured, over pieces as assumed, over seeds as three of them differed."""
NUM_RESAMPLES = 1000
DEFAULT_FOLDS = 4
"""Replicates of the default corpus."""


@dataclass(frozen=True)
class Estimates:
    """Means of simulated experiments and their standard errors, as `intervals.Estimate` has them."""

    means: Float64Array
    composition_variances: Float64Array
    replicate_variances: Float64Array
    distribution: TMixture

    @property
    def standard_errors(self) -> Float64Array:
        """Standard errors of the means."""
        return np.sqrt(self.composition_variances + self.replicate_variances)

    def compute_coverage(self) -> float:
        """Return how often the 95 % interval contains the truth, which is 0."""
        return float((self.compute_p_values() >= 1 - CONFIDENCE).mean())

    def compute_p_values(self, shift: float = 0.0) -> Float64Array:
        """Return p-values of the means, shifted by a true difference."""
        statistics = np.abs(self.means + shift) / self.standard_errors
        return self.distribution.compute_p_value(statistics)


def make_designs() -> list[Design]:
    """Return the designs that are measured."""
    notes = simulated_scores.SAMPLE_CORPUS_NOTES
    crossed = [
        simulated_scores.make_crossed_design(
            f"{count} × {CROSSED_COMPOSITIONS}", count, CROSSED_COMPOSITIONS
        )
        for count in (3, 5)
    ]
    nested = [
        simulated_scores.make_nested_design(f"{count} folds of 10", count, notes)
        for count in (DEFAULT_FOLDS, 5)
    ]
    works = simulated_scores.make_performances_design("3 × 100 works", 3)
    return [*nested, *crossed, works]


def draw_differences(
    seed: list[int], design: Design, sizes: EffectSizes, distribution: str, count: int
) -> Float64Array:
    """Return simulated differences [E, R, P] in bits per note, whose truth is 0."""
    rng = np.random.default_rng(seed)
    draw = DISTRIBUTIONS[distribution]
    return simulated_scores.draw_differences(rng, design, sizes, draw, count)


def estimate_means(
    design: Design,
    differences: Float64Array,
    composition_of_piece: NDArray[np.int64] | None = None,
) -> Estimates:
    """Estimate the mean of each experiment, as `intervals.estimate_mean` does."""
    units = design.composition_of_piece if composition_of_piece is None else composition_of_piece
    bits, notes = simulated_scores.tabulate_units(design, differences, units)
    means = bits.sum(axis=(1, 2)) / notes.sum()
    residuals = bits - means[:, None, None] * notes
    return Estimates(means, *intervals.split_variance(residuals, notes))


def simulate(
    seed: list[int], design: Design, share: float, distribution: str, count: int
) -> Estimates:
    """Estimate the means of simulated experiments, of whose noise replicates make up a share."""
    sizes = simulated_scores.choose_effect_sizes(design, share, STANDARD_ERROR)
    return estimate_means(design, draw_differences(seed, design, sizes, distribution, count))


def print_table(header: list[str], rows: list[list[str]]) -> None:
    """Print a table in Markdown; the first column is text."""
    print("| " + " | ".join(header) + " |")
    print("|---|" + "---:|" * (len(header) - 1))
    for row in rows:
        print("| " + " | ".join(row) + " |", flush=True)
    print(flush=True)


def print_coverage(count: int) -> None:
    """Print the coverage of each design and distribution, by the share of the variance that replicates make up."""
    rows = []
    for number, design in enumerate(make_designs()):
        for name in DISTRIBUTIONS:
            cells = [
                simulate([number, int(100 * share)], design, share, name, count).compute_coverage()
                for share in REPLICATE_SHARES
            ]
            rows.append([f"{design.name}, {name}", *(f"{value:.1%}" for value in cells)])
    print_table(["coverage of 95 % intervals; seeds make up", "10 %", "50 %", "90 %"], rows)


def print_one_replicate(count: int) -> None:
    """Print the coverage of one replicate, where the truth is that of all seeds."""
    design = simulated_scores.make_crossed_design("", 1, CROSSED_COMPOSITIONS)
    rows = []
    for name in DISTRIBUTIONS:
        cells = [
            simulate([9, int(100 * share)], design, share, name, count).compute_coverage()
            for share in (0.0, *REPLICATE_SHARES)
        ]
        rows.append([f"1 × {CROSSED_COMPOSITIONS}, {name}", *(f"{value:.1%}" for value in cells)])
    print_table(["coverage from one seed; seeds make up", "0 %", "10 %", "50 %", "90 %"], rows)


def print_family_errors(count: int) -> None:
    """Print how often models that are equal are not all tied, where replicates make up half of the noise and more."""
    rows = []
    cases = itertools.product(make_designs()[:-1], list(DISTRIBUTIONS)[:3])
    for number, (design, name) in enumerate(cases):
        cells = []
        for share in (0.5, 0.9):
            p_values = compare_equal_models([number, 1], design, share, name, count)
            corrected = [
                min(intervals.correct_p_values(dict(zip(PAIRS, row, strict=True))).values())
                for row in p_values.tolist()
            ]
            errors = np.array([corrected, p_values.min(axis=1)]) < 1 - CONFIDENCE
            cells += [f"{value:.1%}" for value in errors.mean(axis=1)]
        rows.append([f"{design.name}, {name}", *cells])
    header = ["Holm, 50 %", "uncorrected", "Holm, 90 %", "uncorrected"]
    print_table(
        [f"any of {NUM_MODELS} equal models called different; seeds make up", *header], rows
    )


def compare_equal_models(
    seed: list[int], design: Design, share: float, distribution: str, count: int
) -> Float64Array:
    """Return the p-values [E, pairs] of every two of several models that are equal."""
    sizes = simulated_scores.choose_effect_sizes(design, share, STANDARD_ERROR)
    models = [
        draw_differences([*seed, model], design, sizes, distribution, count)
        for model in range(NUM_MODELS)
    ]
    columns = [
        estimate_means(design, models[int(first)] - models[int(second)]).compute_p_values()
        for first, second in PAIRS
    ]
    return np.stack(columns, axis=1)


def print_by_file(count: int) -> None:
    """Print the coverage where files of one work are taken for independent, and for works."""
    design = make_designs()[-1]
    sizes = simulated_scores.choose_effect_sizes(design, 0.1, STANDARD_ERROR)
    rows = []
    for name in DISTRIBUTIONS:
        differences = draw_differences([8], design, sizes, name, count)
        by_work = estimate_means(design, differences)
        by_file = estimate_means(design, differences, np.arange(len(design.num_notes)))
        ratio = np.median(by_file.standard_errors) / np.median(by_work.standard_errors)
        cells = [f"{item.compute_coverage():.1%}" for item in (by_work, by_file)]
        rows.append([name, *cells, f"{ratio:.2f}"])
    header = [
        "3 seeds, 176 files of 100 works",
        "by work",
        "by file",
        "standard error by file / by work",
    ]
    print_table(header, rows)


def print_bootstrap_of_passages(count: int) -> None:
    """Print how often a percentile bootstrap over passages of one piece, from one seed, contains the truth."""
    rng = np.random.default_rng(7)
    shares = np.full(NUM_PASSAGES, 1 / NUM_PASSAGES)
    wider = {"that seed and piece": (0.0, 0.0), "other seeds": (SEED_STD, 0.0)}
    wider |= {"other pieces": (0.0, PIECE_STD), "other seeds and pieces": (SEED_STD, PIECE_STD)}
    rows = []
    for name, (seed_std, piece_std) in wider.items():
        num_held = 0
        for _ in range(count):
            center = rng.normal(0, seed_std) + rng.normal(0, piece_std)
            passages = center + rng.normal(0, PASSAGE_STD, NUM_PASSAGES)
            resamples = rng.multinomial(NUM_PASSAGES, shares, NUM_RESAMPLES)
            low, high = np.percentile(resamples @ passages / NUM_PASSAGES, [2.5, 97.5])
            num_held += low <= 0 <= high
        rows.append([name, f"{num_held / count:.1%}"])
    print_table(["bootstrap over passages of one piece, one seed: truth of", "coverage"], rows)


def print_power(count: int) -> None:
    """Print how often a difference is detected after as many more compositions or replicates as it is said to take."""
    notes = simulated_scores.SAMPLE_CORPUS_NOTES
    nested = simulated_scores.make_nested_design("", DEFAULT_FOLDS, notes)
    crossed = simulated_scores.make_crossed_design("3 × 40", 3, 40)
    nested_sizes = EffectSizes(0.05, 0.1, 0.05)
    piece_sizes, seed_sizes = EffectSizes(0.01, 0.15, 0.05), EffectSizes(0.06, 0.05, 0.02)
    folds = measure_factors(nested, nested_sizes)[1]
    pieces = measure_factors(crossed, piece_sizes)[0]
    seeds = measure_factors(crossed, seed_sizes)[1]
    num_folds, num_pieces, num_seeds = (
        math.ceil(f * n) for f, n in ((folds, DEFAULT_FOLDS), (pieces, 40), (seeds, 3))
    )
    num_compositions = num_folds * len(notes) // DEFAULT_FOLDS
    repeated = (notes * math.ceil(folds))[:num_compositions]
    more_folds = simulated_scores.make_nested_design("", num_folds, repeated)
    more_pieces = simulated_scores.make_crossed_design("", 3, num_pieces)
    more_seeds = replace(crossed, num_replicates=num_seeds)
    cases = {
        f"{DEFAULT_FOLDS} folds of 10; {num_folds} folds of {num_compositions}": (
            more_folds,
            nested_sizes,
            folds,
        ),
        f"3 × 40, pieces differ; 3 × {num_pieces}": (more_pieces, piece_sizes, pieces),
        f"3 × 40, seeds differ; {num_seeds} × 40": (more_seeds, seed_sizes, seeds),
    }
    rows = []
    for name, (design, sizes, factor) in cases.items():
        estimates = estimate_means(design, draw_differences([6], design, sizes, "normal", count))
        power = (estimates.compute_p_values(POWER_DIFFERENCE) < 1 - CONFIDENCE).mean()
        rows.append([name, f"{factor:.1f}", f"{power:.1%}"])
    print_table(
        [f"measured; to detect {POWER_DIFFERENCE} bits per note", "times as many", "detected"], rows
    )


def measure_factors(design: Design, sizes: EffectSizes) -> tuple[float, float]:
    """Return the factors of compositions and replicates for the mean variances of many experiments."""
    estimates = estimate_means(design, draw_differences([5], design, sizes, "normal", 2000))
    freedom = float(np.median(estimates.distribution.compute_freedom()))
    typical = Estimate(
        mean=0.0,
        composition_variance=float(estimates.composition_variances.mean()),
        replicate_variance=float(estimates.replicate_variances.mean()),
        distribution=TMixture(freedom, freedom, 0.0),
        num_compositions=len(design.num_notes),
        num_replicates=design.num_replicates,
        is_nested=design.folds is not None,
    )
    return intervals.compute_replication_factor(typical, POWER_DIFFERENCE)


def main() -> None:
    """Print all tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--experiments", type=int, default=4000, help="of each cell of the tables")
    parser.add_argument("--quick", action="store_true", help="100 experiments")
    args = parser.parse_args()
    count = 100 if args.quick else args.experiments
    print_coverage(count)
    print_one_replicate(count)
    print_family_errors(count // 2)
    print_by_file(count)
    print_bootstrap_of_passages(count // 4)
    print_power(count)


if __name__ == "__main__":
    main()
