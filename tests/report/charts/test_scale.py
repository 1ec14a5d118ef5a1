import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.report.charts.scale import Scale, format_tick_label, pad_range

RANGES = st.tuples(st.floats(-1e6, 1e6), st.floats(1e-3, 1e6)).map(
    lambda pair: (pair[0], pair[0] + pair[1])
)


@given(RANGES)
def test_ends_and_middle_are_where_they_belong(span):
    low, high = span
    scale = Scale(low, high, 100, 300)
    assert scale.to_pixel(low) == pytest.approx(100)
    assert scale.to_pixel(high) == pytest.approx(300)
    assert scale.to_pixel((low + high) / 2) == pytest.approx(200, abs=1e-3)


@given(RANGES)
def test_ticks_are_few_even_and_within(span):
    low, high = span
    ticks = Scale(low, high, 0, 1).make_ticks()
    room = 1e-8 * (high - low)
    assert 2 <= len(ticks) <= 11
    assert all(low - room <= tick <= high + room for tick in ticks)
    gaps = [after - before for before, after in pairwise(ticks)]
    assert max(gaps) == pytest.approx(min(gaps), rel=1e-3)


def test_ticks_are_round():
    assert Scale(0, 26.9, 0, 1).make_ticks() == [0, 10, 20]
    assert Scale(-0.1, 0.01, 0, 1).make_ticks() == [-0.1, -0.075, -0.05, -0.025, 0]


def test_a_logarithmic_axis_gives_equal_room_to_equal_ratios():
    scale = Scale(1, 1000, 0, 300, log=True)
    assert [scale.to_pixel(value) for value in (1, 10, 100, 1000)] == pytest.approx(
        [0, 100, 200, 300]
    )


@pytest.mark.parametrize(
    ("high", "ticks"),
    [
        (30, [1, 2, 5, 10, 20]),
        (2000, [1, 3, 10, 30, 100, 300, 1000]),
        (1e5, [1, 10, 100, 1e3, 1e4, 1e5]),
    ],
)
def test_marks_of_a_logarithmic_axis(high, ticks):
    assert Scale(1, high, 0, 1, log=True).make_ticks() == pytest.approx(ticks)


@given(st.lists(st.floats(-1e9, 1e9), min_size=1))
def test_a_range_around_values_is_never_empty(values):
    low, high = pad_range(values)
    assert low < high
    assert low <= min(values) and max(values) <= high
    assert math.isfinite(low) and math.isfinite(high)


def test_labels_are_short():
    assert [format_tick_label(value) for value in (0, 0.25, 12, 4000, 20_000, 1e6)] == [
        "0",
        "0.25",
        "12",
        "4000",
        "20k",
        "1M",
    ]
