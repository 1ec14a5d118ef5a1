import re
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from pipeline.report.charts import line
from pipeline.report.charts.line import Axes, Series

TWO = [Series("one", 0, [(0, 10.0), (10, 8.0)]), Series("two", 1, [(0, 9.0), (10, 8.01)])]


def parse_points(drawn: str) -> list[list[tuple[float, float]]]:
    return [
        [tuple(map(float, pair.split(","))) for pair in points.split()]
        for points in re.findall(r'<polyline[^>]*points="([^"]*)"', drawn)
    ]


def test_every_line_has_its_points_and_its_name():
    drawn = line.draw_line_chart(TWO, Axes("notes", "bits"), "two lines")
    one, two = parse_points(drawn)
    assert one[0][0] == two[0][0] < one[1][0] == two[1][0]
    assert one[0][1] < two[0][1], "more bits are higher up"
    assert one[0][1] < one[1][1]
    assert re.findall(r'class="label (a\d)"[^>]*>(\w+)<', drawn) == [("a0", "one"), ("a1", "two")]


def test_a_square_has_the_same_scale_both_ways_and_its_diagonal():
    series = [Series("one", 0, [(0.1, 0.1), (0.2, 0.3)])]
    drawn = line.draw_line_chart(series, Axes("said", "came", identity=True), "calibration")
    (low, _) = parse_points(drawn)[0]
    x1, y1, x2, y2 = map(
        float, re.search(r'"diagonal" x1="(.*?)" y1="(.*?)" x2="(.*?)" y2="(.*?)"', drawn).groups()
    )
    assert abs((low[0] - x1) / (x2 - x1) - (low[1] - y1) / (y2 - y1)) < 1e-3, (
        "a calibrated point lies on the diagonal"
    )


def test_a_logarithmic_axis_gives_equal_room_to_equal_ratios():
    series = [Series("one", 0, [(1, 1.0), (4, 2.0), (16, 3.0)])]
    ((x1, _), (x2, _), (x3, _)) = parse_points(
        line.draw_line_chart(series, Axes("notes", "bits", log_x=True), "context")
    )[0]
    assert abs((x2 - x1) - (x3 - x2)) < 0.2


def test_one_point_and_equal_values_can_be_drawn():
    assert parse_points(
        line.draw_line_chart([Series("one", 0, [(5, 5.0)])], Axes("x", "y"), "one point")
    )
    assert parse_points(
        line.draw_line_chart(
            [Series("one", 0, [(5, 5.0)])], Axes("x", "y", log_x=True), "one point"
        )
    )


def test_a_dot_a_series():
    drawn = line.draw_scatter(TWO, Axes("size", "bits"), "dots")
    assert drawn.count("<circle") == 2
    assert "one: 10.000 at 0" in drawn


@given(st.lists(st.floats(0, 250), max_size=15))
def test_names_do_not_overlap_and_keep_their_order(wanted):
    moved = line.spread_labels(wanted, 16, 250)
    order = sorted(range(len(wanted)), key=lambda number: wanted[number])
    assert all(moved[b] - moved[a] >= 16 - 1e-9 for a, b in pairwise(order))
    assert all(place <= 250 + 1e-9 for place in moved)


def test_names_with_room_stay():
    assert line.spread_labels([10, 100, 50], 16, 250) == [10, 100, 50]
