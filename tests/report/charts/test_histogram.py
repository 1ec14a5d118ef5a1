import re

import pytest

from pipeline.report.charts import histogram
from pipeline.report.charts.line import Series


def test_bars_are_as_high_as_their_shares():
    drawn = histogram.draw_histogram([0.1, 0.2, 0.7], [], {0.0: "C"}, ("pitch", "bars"))
    real = drawn.split('class="real">')[1].split("</g>")[0]
    heights = [float(each) for each in re.findall(r'height="([\d.]+)"', real)]
    assert heights[2] == pytest.approx(7 * heights[0], rel=0.01)
    assert heights[1] == pytest.approx(2 * heights[0], rel=0.01)


def test_an_outline_of_the_same_shares_lies_on_the_bars():
    drawn = histogram.draw_histogram(
        [0.25, 0.75], [Series("one", 0, [(0, 0.25), (0, 0.75)])], {}, ("pitch", "bars")
    )
    tops = [
        float(y)
        for y in re.findall(r'<rect x="[\d.]+" y="([\d.]+)"', drawn.split('class="real">')[1])
    ][:2]
    outline = re.search(r'points="([^"]*)"', drawn)[1].split()
    assert [float(corner.split(",")[1]) for corner in outline] == pytest.approx(
        [tops[0]] * 2 + [tops[1]] * 2, abs=0.1
    )
    assert ">held-out music<" in drawn and ">one<" in drawn


def test_nothing_at_all_can_be_drawn():
    assert histogram.draw_histogram([0.0, 0.0], [], {}, ("pitch", "bars"))


def test_named_bins_stand_in_the_middle_of_their_bars():
    drawn = histogram.draw_histogram([0.25] * 4, [], {0.0: "C", 2.0: "D"}, ("pitch", "bars"))
    ticks = re.findall(r'class="tick mid" x="([\d.]+)" y="[\d.]+">([CD])<', drawn)
    assert ticks == [("118", "C"), ("318", "D")]
