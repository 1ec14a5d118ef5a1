import re

import pytest

from pipeline.report.charts import bar
from pipeline.report.charts.bar import Interval


def test_parts_are_as_wide_as_their_bits():
    drawn = bar.draw_stacked_bars(
        {"one": [4.0, 2.0, 2.0], "two": [8.0, 4.0, 4.0]},
        ("pitch", "step", "duration"),
        "bits",
        "by part",
    )
    part = re.compile(r'class="h\d" x="([\d.]+)" y="[\d.]+" width="([\d.]+)"')
    one, two = (part.findall(row) for row in drawn.split('"bars">')[1:])
    widths = [[float(width) + 1 for _, width in row] for row in (one, two)]
    assert widths[0][0] == pytest.approx(2 * widths[0][1], abs=0.05)
    assert widths[1] == pytest.approx([2 * width for width in widths[0]], abs=0.05)
    begins = [float(x) for x, _ in one]
    assert begins[1] == pytest.approx(begins[0] + widths[0][0], abs=0.05), "one after the other"
    assert ">8.00</text>" in drawn and ">16.00</text>" in drawn
    assert all(f">{part}</text>" in drawn for part in ("pitch", "step", "duration"))


def test_an_interval_lies_around_its_value_and_beside_zero():
    drawn = bar.draw_interval_chart(
        [Interval("one", 0, -0.5, -0.75, -0.25), Interval("two", 1, 0.1, -0.1, 0.3)], "bits", "gaps"
    )
    zero = float(re.search(r'class="zero" x1="([\d.]+)"', drawn)[1])
    ends = [
        (float(a), float(b))
        for a, b in re.findall(r'"whisker" x1="([\d.]+)" y1="[\d.]+" x2="([\d.]+)"', drawn)
    ]
    dots = [float(x) for x in re.findall(r'cx="([\d.]+)"', drawn)]
    assert ends[0][0] < dots[0] < ends[0][1] < zero
    assert ends[1][0] < zero < dots[1] < ends[1][1]
    assert "one: -0.500 [-0.750, -0.250]" in drawn


def test_a_hostile_name_is_text():
    drawn = bar.draw_interval_chart([Interval("<img onerror=1>", 0, 1, 0.5, 2)], "bits", "gaps")
    assert "<img" not in drawn
