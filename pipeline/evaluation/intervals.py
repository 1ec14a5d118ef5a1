"""How sure a mean of bits per note is: over other compositions and other replicates together.

The unit is a composition under a replicate; performances of one composition are summed first. Three designs occur:

    crossed      every replicate scored every composition (replicates are seeds)
    nested       every replicate scored other compositions (cross-validation)
    one replicate, of which nothing can be said about seeds

The mean is a ratio of sums, bits over notes, so the residual of a unit is `bits - mean * notes`.

Crossed: two-way random effects without replication. The variance of the mean is that over compositions plus that over
replicates less that of the interaction, which both of them hold; degrees of freedom by Satterthwaite.
Nested: the variance over replicates, which holds that of their compositions.

Source: Searle, Casella and McCulloch, "Variance components", 1992, chapter 4; Satterthwaite, "An approximate distribution
of estimates of variance components", Biometrics Bulletin 2, 1946; ratio of sums over clusters: Cochran, "Sampling
techniques", 1977, chapter 9. `tools/coverage.py` measures how often the intervals hold the true mean.

Shapes: S scores, R replicates, C compositions.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from pipeline.core.errors import DataError
from pipeline.evaluation.bits import PieceScores

CONFIDENCE = 0.95
"""Of every interval; a corrected p-value below the rest is a difference."""
ROUNDING_ERROR = 1e-6
"""Bits per note: standard errors and differences below this are those of equal scores."""
POWER = 0.8
"""Chance to tell a difference, where the number of pieces that it takes is computed."""
MAX_DECIMALS = 3
"""Of bits per note in tables."""

Float64Array = NDArray[np.float64]


class Interval(NamedTuple):
    """A mean in bits per note, and the ends of its 95 % interval; of a difference, below zero is better.

    The ends are not a number where the scores are too few to give an interval.
    """

    mean: float
    low: float
    high: float

    @property
    def includes_zero(self) -> bool:
        """Whether the interval of a difference leaves open which of the two is better."""
        return not (self.low > 0 or self.high < 0)


@dataclass(frozen=True)
class Estimate:
    """A mean in bits per note and the variance of it."""

    mean: float
    composition_variance: float
    """Part of the variance that more compositions reduce; not a number where there is one composition."""
    replicate_variance: float
    """Part that more replicates reduce; 0 with one replicate, of which nothing is known."""
    degrees_of_freedom: float
    num_compositions: int
    num_replicates: int
    is_nested: bool
    """Whether each replicate scored other compositions: then both parts are in `replicate_variance`."""

    @property
    def standard_error(self) -> float:
        """Standard error of the mean; not a number where it is unknown."""
        return math.sqrt(self.composition_variance + self.replicate_variance)

    @cached_property
    def half_width(self) -> float:
        """Half the width of the 95 % interval."""
        if math.isnan(self.standard_error) or self.standard_error < ROUNDING_ERROR:
            return self.standard_error
        quantile = stats.t.ppf((1 + CONFIDENCE) / 2, self.degrees_of_freedom)
        return float(quantile * self.standard_error)

    @property
    def interval(self) -> Interval:
        """The mean and its 95 % interval."""
        return Interval(self.mean, self.mean - self.half_width, self.mean + self.half_width)

    @cached_property
    def p_value(self) -> float:
        """Two-sided p-value of the mean against zero; 1 where the standard error is unknown."""
        if math.isnan(self.standard_error) or abs(self.mean) < ROUNDING_ERROR:
            return 1.0
        if self.standard_error < ROUNDING_ERROR:
            return 0.0
        statistic = abs(self.mean) / self.standard_error
        return float(2 * stats.t.sf(statistic, self.degrees_of_freedom))


def estimate_mean(scores: PieceScores) -> Estimate:
    """Return the mean bits per note of a model.

    Between two models, the interval of `estimate_difference` is far narrower.

    Raises:
        DataError: bits are not finite.
    """
    return _estimate_ratio(scores, scores.compute_scored_bits())


def estimate_difference(scores: PieceScores, reference: PieceScores) -> Estimate:
    """Return the mean bits per note of a model less those of a reference, paired by replicate and piece.

    What makes a piece hard for every model cancels.

    Raises:
        ValueError: the two were not scored on the same notes.
        DataError: bits are not finite.
    """
    for name in ("replicates", "piece_names", "num_notes"):
        if not np.array_equal(getattr(scores, name), getattr(reference, name)):
            raise ValueError(
                f"paired scores must be of the same notes, and their {name} differ; score both again"
            )
    return _estimate_ratio(scores, scores.compute_scored_bits() - reference.compute_scored_bits())


def _estimate_ratio(scores: PieceScores, bits: Float64Array) -> Estimate:
    """Return the sum of bits [S] over the number of notes, with its variance."""
    if not np.isfinite(bits).all():
        bad = int((~np.isfinite(bits)).sum())
        raise DataError(f"the bits of {bad} of {len(bits)} pieces are not finite; evaluate again")
    mean = float(bits.sum() / scores.num_notes.sum())
    residuals, notes = _tabulate_units(scores, bits - mean * scores.num_notes)
    num_replicates, num_compositions = residuals.shape
    is_nested = num_replicates > 1 and bool(((notes > 0).sum(axis=0) == 1).all())
    if num_compositions < 2:
        parts = (math.nan, 0.0, math.nan)
    elif num_replicates == 1:
        variance, freedom = _compute_cluster_variance(residuals[0], notes[0])
        parts = (variance, 0.0, freedom)
    elif is_nested:
        variance, freedom = _compute_cluster_variance(residuals.sum(axis=1), notes.sum(axis=1))
        parts = (0.0, variance, freedom)
    else:
        parts = _split_crossed_variance(residuals, notes)
    return Estimate(mean, *parts, num_compositions, num_replicates, is_nested)


def _tabulate_units(
    scores: PieceScores, residuals: Float64Array
) -> tuple[Float64Array, Float64Array]:
    """Return residuals and notes by replicate and composition [R, C]; 0 where a replicate lacks a composition."""
    names, rows = np.unique(scores.replicates, return_inverse=True)
    compositions, columns = np.unique(scores.compositions, return_inverse=True)
    table = np.zeros((2, len(names), len(compositions)))
    np.add.at(table[0], (rows, columns), residuals)
    np.add.at(table[1], (rows, columns), scores.num_notes)
    return table[0], table[1]


def _compute_cluster_variance(residuals: Float64Array, notes: Float64Array) -> tuple[float, float]:
    """Return the variance of a ratio over clusters, and its degrees of freedom.

    Clusters of unequal size count as fewer: Kish, "Survey sampling", 1965, section 8.2.
    """
    num_clusters = len(residuals)
    variance = num_clusters / (num_clusters - 1) * (residuals**2).sum() / notes.sum() ** 2
    effective = notes.sum() ** 2 / (notes**2).sum()
    return float(variance), max(float(effective) - 1, 1.0)


def _split_crossed_variance(
    residuals: Float64Array, notes: Float64Array
) -> tuple[float, float, float]:
    """Return the parts of the variance over compositions and over replicates, and the degrees of freedom."""
    num_replicates, num_compositions = residuals.shape
    by_composition, composition_freedom = _compute_cluster_variance(
        residuals.sum(axis=0), notes.sum(axis=0)
    )
    by_replicate, replicate_freedom = _compute_cluster_variance(
        residuals.sum(axis=1), notes.sum(axis=1)
    )
    deviations = residuals - residuals.mean(axis=0)
    shares = notes / notes.sum(axis=1, keepdims=True)
    interactions = deviations - deviations.sum(axis=1, keepdims=True) * shares
    freedom = (num_replicates - 1) * (num_compositions - 1)
    scale = num_replicates * num_compositions / notes.sum() ** 2
    interaction = float((interactions**2).sum() / freedom * scale)
    # Not below either of the two: an interaction that is large by chance must not make the sum small.
    total = max(by_composition + by_replicate - interaction, by_composition, by_replicate)
    squares = (
        by_composition**2 / composition_freedom
        + by_replicate**2 / replicate_freedom
        + interaction**2 / freedom
    )
    seeds = min(max(by_replicate - interaction, 0.0), total)
    return total - seeds, seeds, total**2 / squares if squares else float(freedom)


def correct_p_values(p_values: Mapping[tuple[str, str], float]) -> dict[tuple[str, str], float]:
    """Return p-values corrected for the number of comparisons.

    Source: Holm, "A simple sequentially rejective multiple test procedure", Scand. J. Statist. 6, 1979.
    """
    corrected, largest = {}, 0.0
    for rank, pair in enumerate(sorted(p_values, key=lambda pair: p_values[pair])):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[pair]))
        corrected[pair] = largest
    return corrected


@dataclass(frozen=True)
class PairDifference:
    """The difference of two models in bits per note, the first less the second."""

    first: str
    second: str
    estimate: Estimate
    corrected_p: float
    """p-value, corrected for all comparisons."""

    @property
    def is_tie(self) -> bool:
        """Whether nobody can say which of the two is better."""
        return self.corrected_p >= 1 - CONFIDENCE


def compare_pairs(scores: Mapping[str, PieceScores]) -> list[PairDifference]:
    """Return the difference of every two models, corrected over all pairs."""
    return compare_selected(scores, list(combinations(scores, 2)))


def compare_selected(
    scores: Mapping[str, PieceScores], pairs: list[tuple[str, str]]
) -> list[PairDifference]:
    """Return the difference of some pairs of models, corrected over these pairs."""
    return correct_differences(
        {pair: estimate_difference(scores[pair[0]], scores[pair[1]]) for pair in pairs}
    )


def correct_differences(estimates: Mapping[tuple[str, str], Estimate]) -> list[PairDifference]:
    """Return differences with p-values corrected for the number of them."""
    corrected = correct_p_values({pair: item.p_value for pair, item in estimates.items()})
    return [PairDifference(*pair, estimates[pair], corrected[pair]) for pair in estimates]


def choose_decimals(half_widths: list[float]) -> int:
    """Return how many decimals of bits per note the noise leaves: those of the median half width of an interval."""
    known = [width for width in half_widths if math.isfinite(width)]
    if not known:
        return 1
    median = max(float(np.median(known)), 10.0**-MAX_DECIMALS)
    return min(max(-math.floor(math.log10(median)), 0), MAX_DECIMALS)


def compute_replication_factor(estimate: Estimate, difference: float) -> tuple[float, float]:
    """Return how many times as many compositions, or replicates, it takes to tell a difference of so many bits.

    Replicates of a cross-validation bring their compositions along, so that one factor is of both and the other infinite.

    Returns:
        Factor of compositions and factor of replicates, each with the other number as it is; infinite where that alone
        is never enough.

    Source: power of a two-sided test of a normal mean, Cohen, "Statistical power analysis", 1988.
    """
    quantiles = stats.norm.ppf((1 + CONFIDENCE) / 2) + stats.norm.ppf(POWER)
    target = (difference / quantiles) ** 2
    parts = estimate.composition_variance, estimate.replicate_variance
    factors = [
        part / (target - other) if target > other else math.inf
        for part, other in (parts, parts[::-1])
    ]
    return factors[0], factors[1]


def format_difference(estimate: Estimate) -> str:
    """Return a difference with its interval, for people."""
    mean, low, high = estimate.interval
    if math.isnan(low):
        return f"{mean:+.3f} [one composition: no interval]"
    return f"{mean:+.3f} [{low:+.3f}, {high:+.3f}]"


def round_figure(value: float) -> float | None:
    """Return a figure as files of results have it, to a ten-thousandth; null where it is unknown or infinite."""
    return round(value, 4) if math.isfinite(value) else None


def round_interval(interval: Interval) -> dict[str, float | None]:
    """Return a difference as files of results have it."""
    names = ("difference", "low", "high")
    return {name: round_figure(value) for name, value in zip(names, interval, strict=True)}
