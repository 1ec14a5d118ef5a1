"""What is made of intervals: corrected p-values, decimals, and how many more compositions or replicates it takes."""

import math
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from pipeline.evaluation import intervals
from pipeline.evaluation.intervals import Estimate, Interval, TMixture

P_VALUES = st.lists(st.floats(0, 1), max_size=12)


def name_pairs(p_values: list[float]) -> dict[tuple[str, str], float]:
    """Give p-values names of pairs."""
    return {(str(number), "other"): value for number, value in enumerate(p_values)}


@given(P_VALUES)
def test_correction_is_that_of_the_textbook(p_values):
    corrected = intervals.correct_p_values(name_pairs(p_values))
    order = sorted(range(len(p_values)), key=lambda number: p_values[number])
    for place, number in enumerate(order):
        # Holm 1979: the largest of (m - j + 1) p_(j) over the ranks j up to this one, and no more than 1.
        up_to_here = [(len(order) - k) * p_values[order[k]] for k in range(place + 1)]
        assert corrected[str(number), "other"] == min(1.0, max(up_to_here))


@given(P_VALUES)
def test_corrected_values_keep_the_order_and_lie_between_raw_and_bonferroni(p_values):
    raw = name_pairs(p_values)
    corrected = intervals.correct_p_values(raw)
    assert corrected.keys() == raw.keys()
    for pair, value in raw.items():
        assert value <= corrected[pair] <= min(1.0, len(raw) * value)
    for first, second in combinations(raw, 2):
        if raw[first] <= raw[second]:
            assert corrected[first] <= corrected[second]


@pytest.mark.parametrize(
    ("half_widths", "decimals"),
    [
        ([], 1),
        ([math.nan], 1),
        ([12.0], 0),
        ([1.0], 0),
        ([0.5], 1),
        ([0.1], 1),
        ([0.09], 2),
        ([0.02], 2),
        ([0.009], 3),
        ([0.00001], 3),
        ([0.0], 3),
        ([0.5, math.nan, 0.05, 0.04], 2),
    ],
)
def test_decimals_worked_by_hand(half_widths, decimals):
    assert intervals.choose_decimals(half_widths) == decimals


@given(st.lists(st.floats(1e-9, 100), min_size=1, max_size=9))
def test_the_last_decimal_is_the_first_that_noise_touches(half_widths):
    decimals = intervals.choose_decimals(half_widths)
    median = float(np.median(half_widths))
    assert 0 <= decimals <= intervals.MAX_DECIMALS
    assert (
        10.0**-decimals <= median * (1 + 1e-9) or decimals == intervals.MAX_DECIMALS or median < 1
    )
    if 10.0**-intervals.MAX_DECIMALS < median < 1:
        assert 10.0**-decimals <= median * (1 + 1e-9) < 10 * 10.0**-decimals


def make_estimate(
    composition_variance: float, replicate_variance: float, freedom: float = 1e6
) -> Estimate:
    distribution = TMixture(freedom, freedom, 0.5)
    return Estimate(0.0, composition_variance, replicate_variance, distribution, 100, 5, False)


def test_factors_worked_by_hand():
    # A difference of 1.960 + 0.842 = 2.802 standard errors is detected with 80 % power.
    variance = (0.05 / 2.802) ** 2
    cases = {
        (4 * variance, 0.0): (4.0, math.inf),
        (0.0, 4 * variance): (math.inf, 4.0),
        (variance / 2, variance / 2): (1.0, 1.0),
        (1.5 * variance, variance / 2): (3.0, math.inf),
        (3 * variance, 2 * variance): (math.inf, math.inf),
        (variance / 4, 0.0): (0.25, math.inf),
        (0.0, 0.0): (0.0, 0.0),
        (1e5 * variance, 0.0): (math.inf, math.inf),
    }
    for parts, factors in cases.items():
        computed = intervals.compute_replication_factor(make_estimate(*parts), 0.05)
        assert computed == pytest.approx(factors, rel=0.011), parts
    unknown = intervals.compute_replication_factor(make_estimate(math.nan, 0.0), 0.05)
    assert unknown == (math.inf, math.inf)


@given(st.floats(1e-6, 1), st.floats(0, 1e-3), st.floats(2, 100), st.floats(0.01, 1))
def test_after_a_factor_the_difference_lies_as_far_from_zero_as_power_takes(
    part, other, freedom, difference
):
    def compute_reach(factor: float) -> float:
        quantiles = stats.t.ppf([0.975, 0.8], freedom * max(factor, 1)).sum()
        return float(quantiles * math.sqrt(part / factor + other))

    factor, _ = intervals.compute_replication_factor(
        make_estimate(part, other, freedom), difference
    )
    if math.isinf(factor):
        assert compute_reach(10_000) > difference
    else:
        assert compute_reach(factor) <= difference * (1 + 1e-9)
        assert factor == 0.01 or compute_reach(factor / 1.011) > difference


@given(st.floats(1e-6, 1), st.floats(1, 100), st.floats(0.01, 1))
def test_few_degrees_of_freedom_take_more(part, freedom, difference):
    few, many = (
        intervals.compute_replication_factor(make_estimate(part, 0.0, value), difference)[0]
        for value in (freedom, 1e6)
    )
    assert few >= many


def test_figures_of_files_are_rounded_and_null_where_unknown():
    assert [intervals.round_figure(value) for value in (1.23456, math.nan, math.inf)] == [
        1.2346,
        None,
        None,
    ]
    assert intervals.round_interval(Interval(0.12345, -1.0, math.nan)) == {
        "difference": 0.1235,
        "low": -1.0,
        "high": None,
    }
