"""Ties in words: how many more pieces and replicates it would take to tell a small difference."""

import math
from collections.abc import Mapping
from typing import Any

from pipeline.evaluation.decision import POWER_DIFFERENCE
from pipeline.report import tables
from pipeline.report.tables import Rows, RunResults

TIE_COLUMNS = {
    "tie": "{a} and {b}",
    "difference, 95 % interval": "{versus}",
    f"a difference of {POWER_DIFFERENCE:g} bits": "{power}",
}
Pair = Mapping[str, Any]
"""A row of `metrics/pairs.json`."""


def list_ties(results: RunResults) -> list[Pair]:
    """Return the pairs that are tied, those that would take most first."""
    ties = [pair for pair in results.pairs["pairs"] if pair["tie"]]
    return sorted(ties, key=_compute_effort, reverse=True)


def list_best_ties(results: RunResults) -> list[Pair]:
    """Return the ties among the best, those that would take most first."""
    best = {results.summary["best"]["architecture"], *results.tied}
    return [pair for pair in list_ties(results) if {pair["a"], pair["b"]} <= best]


def _compute_effort(pair: Pair) -> float:
    """Return the least factor that is enough, infinite where no factor alone is."""
    factors = [factor for factor in (pair["more_compositions"], pair["more_replicates"]) if factor]
    return min(factors, default=math.inf)


def describe_tie(pair: Pair, results: RunResults) -> str:
    """Return a tie and what it would take, as one sentence."""
    power = describe_power(pair, results)
    return f"{pair['a']} and {pair['b']}: a difference of {POWER_DIFFERENCE:g} bits {power}."


def describe_power(pair: Pair, results: RunResults) -> str:
    """Return what it would take to tell a small difference of two that are tied."""
    if not results.has_intervals:
        return "cannot be told from one composition"
    if results.is_cross_validation:
        return _describe_both_factors(pair["more_replicates"], results)
    return _describe_separate_factors(pair, results)


def _describe_both_factors(factor: float, results: RunResults) -> str:
    """Under cross-validation, replicates bring their compositions along: one factor is of both."""
    if factor <= 1:
        return "would have shown"
    replicates = _format_count(factor, results.num_replicates, "replicate")
    compositions = _format_count(factor, results.num_compositions, "composition")
    times = format_factor(factor)
    return f"would show with {times} as many compositions and replicates ({replicates} of {compositions})"


def _describe_separate_factors(pair: Pair, results: RunResults) -> str:
    """Where all replicates scored the same compositions, either of the two numbers may be raised."""
    seeds = tables.format_count(results.num_replicates, "seed")
    factor = pair["more_compositions"]
    if factor is not None and factor <= 1:
        return "would have shown"
    if factor is not None:
        compositions = _format_count(factor, results.num_compositions, "composition")
        return f"would show with {format_factor(factor)} as many compositions ({compositions}, with {seeds})"
    more_seeds = pair["more_replicates"]
    if more_seeds is None:
        return f"would show only with both more compositions and more than {seeds}"
    count = _format_count(more_seeds, results.num_replicates, "seed")
    return f"would show with {count}; no number of compositions is enough with {seeds}"


def format_factor(factor: float) -> str:
    """Return a factor in words.

    >>> format_factor(11.7), format_factor(1.64)
    ('about 12 times', 'about 1.6 times')
    """
    return f"about {factor:.0f} times" if factor >= 10 else f"about {factor:.1f} times"


def _format_count(factor: float, count: int, noun: str) -> str:
    return tables.format_count(math.ceil(factor * count), noun)


def build_tie_table(results: RunResults) -> Rows:
    """Return one row a tie, those that would take most first."""
    records = [
        {
            **pair,
            "versus": tables.format_difference(dict(pair), results.decimals),
            "power": describe_power(pair, results),
        }
        for pair in list_ties(results)
    ]
    return tables.tabulate(TIE_COLUMNS, records)
