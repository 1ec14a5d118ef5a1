"""How sure a mean of bits per note is: over other compositions and other replicates together.

The unit is a composition under a replicate; performances of one composition are summed first. Three designs occur:

    crossed      every replicate scored every composition (replicates are seeds)
    nested       every replicate scored other compositions (cross-validation)
    one replicate, of which nothing can be said about seeds

The mean is a ratio of sums, bits over notes, so the residual of a unit is `bits - mean * notes`.

Crossed: two-way random effects without replication. The variance of the mean is that over compositions plus that over
replicates less that of the interaction, which both of them hold. The mean over its standard error is compared with two
t distributions, of as many degrees of freedom as compositions and as replicates have, weighted by the two variances.
(Degrees of freedom by Satterthwaite are too many: the variance of few replicates is often small by chance.)
Nested: the variance over replicates, which holds that of their compositions.

Source: Searle, Casella and McCulloch, "Variance components", 1992, chapter 4; weights: Cochran and Cox, "Experimental
designs", 1957, section 4.14; ratio of sums over clusters: Cochran, "Sampling techniques", 1977, chapter 9.
`tools/coverage.py` measures how often the intervals hold the true mean; `docs/statistics.md` has the table.

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
from scipy import optimize, stats

from pipeline.core.errors import DataError
from pipeline.evaluation.bits import PieceScores

CONFIDENCE = 0.95
"""Of every interval; a corrected p-value below the rest is a difference."""
ROUNDING_ERROR = 1e-6
"""Bits per note: standard errors and differences below this are those of equal scores."""
POWER = 0.8
"""Chance to tell a difference, where the number of pieces that it takes is computed."""
FACTORS = np.geomspace(0.01, 10_000, 1401)
"""Times as many compositions or replicates that are tried, a hundredth apart."""
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


class TMixture(NamedTuple):
    """Distribution of a mean over its standard error: two t distributions, weighted."""

    composition_freedom: float
    replicate_freedom: float
    replicate_weight: Float64Array | float
    """Weight of the distribution with the degrees of freedom of replicates."""

    def compute_p_value(self, statistic: Float64Array | float) -> Float64Array:
        """Return the chance of a value that lies farther from zero than a statistic of 0 or more."""
        weight = self.replicate_weight
        of_compositions = stats.t.sf(statistic, self.composition_freedom)
        of_replicates = stats.t.sf(statistic, self.replicate_freedom)
        return np.asarray(2 * ((1 - weight) * of_compositions + weight * of_replicates))

    def compute_quantile(self, p_value: float) -> float:
        """Return the statistic that has a p-value."""
        fewest = min(self.composition_freedom, self.replicate_freedom)
        end = 1.01 * stats.t.isf(p_value / 2, fewest)
        return float(optimize.brentq(lambda x: self.compute_p_value(x) - p_value, 0, end))

    def compute_freedom(self) -> Float64Array:
        """Return the degrees of freedom of one t distribution that is about as wide."""
        weight = self.replicate_weight
        inverse = (1 - weight) / self.composition_freedom + weight / self.replicate_freedom
        return np.asarray(1 / inverse)


@dataclass(frozen=True)
class Estimate:
    """A mean in bits per note and the variance of it."""

    mean: float
    composition_variance: float
    """Part of the variance that more compositions reduce; not a number where there is one composition."""
    replicate_variance: float
    """Part that more replicates reduce; 0 with one replicate, of which nothing is known."""
    distribution: TMixture
    """Of the mean over its standard error, where the true mean is zero."""
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
        return self.distribution.compute_quantile(1 - CONFIDENCE) * self.standard_error

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
        return float(self.distribution.compute_p_value(abs(self.mean) / self.standard_error))


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
    by_composition, by_replicate, distribution = split_variance(residuals, notes)
    num_replicates, num_compositions = notes.shape
    return Estimate(
        mean=mean,
        composition_variance=float(by_composition),
        replicate_variance=float(by_replicate),
        distribution=distribution._replace(replicate_weight=float(distribution.replicate_weight)),
        num_compositions=num_compositions,
        num_replicates=num_replicates,
        is_nested=_is_nested(notes),
    )


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


def _is_nested(notes: Float64Array) -> bool:
    """Whether each of several replicates scored other compositions; notes are [R, C]."""
    return len(notes) > 1 and bool(((notes > 0).sum(axis=0) == 1).all())


def split_variance(
    residuals: Float64Array, notes: Float64Array
) -> tuple[Float64Array, Float64Array, TMixture]:
    """Return the parts of the variance of a mean over compositions and over replicates, and its distribution.

    Args:
        residuals: [..., R, C] of one experiment, or of many of the same design.
        notes: [R, C].

    Returns:
        As `Estimate` has them, as arrays [...].
    """
    num_replicates, num_compositions = notes.shape
    zeros = np.zeros(residuals.shape[:-2])
    if num_compositions < 2:
        return zeros + math.nan, zeros, TMixture(math.nan, math.nan, zeros)
    if num_replicates == 1:
        variance, freedom = _compute_cluster_variance(residuals[..., 0, :], notes[0])
        return variance, zeros, TMixture(freedom, freedom, zeros)
    if _is_nested(notes):
        variance, freedom = _compute_cluster_variance(residuals.sum(axis=-1), notes.sum(axis=1))
        return zeros, variance, TMixture(freedom, freedom, zeros + 1)
    return _split_crossed_variance(residuals, notes)


def _compute_cluster_variance(
    residuals: Float64Array, notes: Float64Array
) -> tuple[Float64Array, float]:
    """Return the variance [...] of a ratio over the clusters of residuals [..., K], and its degrees of freedom.

    Clusters of unequal size count as fewer: Kish, "Survey sampling", 1965, section 8.2.
    """
    num_clusters = len(notes)
    squares = (residuals**2).sum(axis=-1)
    variance = num_clusters / (num_clusters - 1) * squares / notes.sum() ** 2
    effective = notes.sum() ** 2 / (notes**2).sum()
    return np.asarray(variance), max(float(effective) - 1, 1.0)


def _split_crossed_variance(
    residuals: Float64Array, notes: Float64Array
) -> tuple[Float64Array, Float64Array, TMixture]:
    """Do what `split_variance` does where every replicate scored every composition."""
    num_replicates, num_compositions = notes.shape
    by_composition, composition_freedom = _compute_cluster_variance(
        residuals.sum(axis=-2), notes.sum(axis=0)
    )
    by_replicate, replicate_freedom = _compute_cluster_variance(
        residuals.sum(axis=-1), notes.sum(axis=1)
    )
    deviations = residuals - residuals.mean(axis=-2, keepdims=True)
    shares = notes / notes.sum(axis=1, keepdims=True)
    interactions = deviations - deviations.sum(axis=-1, keepdims=True) * shares
    freedom = (num_replicates - 1) * (num_compositions - 1)
    scale = notes.size / notes.sum() ** 2
    interaction = (interactions**2).sum(axis=(-2, -1)) / freedom * scale
    # Not below either of the two: an interaction that is large by chance must not make the sum small.
    larger = np.maximum(by_composition, by_replicate)
    total = np.maximum(by_composition + by_replicate - interaction, larger)
    both = by_composition + by_replicate
    weight = np.divide(by_replicate, both, out=np.zeros_like(both), where=both > 0)
    seeds = np.clip(by_replicate - interaction, 0.0, total)
    return total - seeds, seeds, TMixture(composition_freedom, replicate_freedom, weight)


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

    Source: power of a two-sided t-test, Cohen, "Statistical power analysis", 1988.
    """
    compositions, replicates = estimate.composition_variance, estimate.replicate_variance
    freedom = float(estimate.distribution.compute_freedom())
    return (
        _compute_factor(compositions, replicates, freedom, difference),
        _compute_factor(replicates, compositions, freedom, difference),
    )


def _compute_factor(part: float, other: float, freedom: float, difference: float) -> float:
    """Return the least of `FACTORS` by which a part of the variance is divided where, with the other part, it is enough."""
    if part == 0:
        return math.inf if other else 0.0
    # Times as many units have times as many degrees of freedom; no fewer than now, for a factor below 1.
    freedoms = freedom * np.maximum(FACTORS, 1)
    quantiles = stats.t.ppf((1 + CONFIDENCE) / 2, freedoms) + stats.t.ppf(POWER, freedoms)
    is_enough = part / FACTORS + other <= (difference / quantiles) ** 2
    return float(FACTORS[is_enough.argmax()]) if is_enough.any() else math.inf


def format_difference(estimate: Estimate) -> str:
    """Return a difference with its interval, for people."""
    mean, low, high = estimate.interval
    if math.isnan(low):
        return f"{mean:+.3f} [one composition: no interval]"
    return f"{mean:+.3f} [{low:+.3f}, {high:+.3f}]"


def round_figure(value: float) -> float | None:
    """Return a figure as files of results have it, to a ten-thousandth; null where it is unknown or infinite."""
    # Plus zero, since a difference of -0.00001 is no -0.
    return round(value, 4) + 0.0 if math.isfinite(value) else None


def round_interval(interval: Interval) -> dict[str, float | None]:
    """Return a difference as files of results have it."""
    names = ("difference", "low", "high")
    return {name: round_figure(value) for name, value in zip(names, interval, strict=True)}
