import re

from pipeline.report.charts import axes
from pipeline.report.charts.axes import PlotArea
from pipeline.report.charts.scale import Scale

BOX = PlotArea(left=50, right=450, top=10, bottom=210)


def test_a_line_and_a_value_a_tick():
    drawn = axes.draw_x_axis(BOX, Scale(0, 20, BOX.left, BOX.right), "bits")
    assert re.findall(r">(\d+)</text>", drawn) == ["0", "5", "10", "15", "20"]
    assert re.findall(r'x1="([\d.]+)"', drawn) == ["50", "150", "250", "350", "450"]
    assert ">bits</text>" in drawn


def test_named_bins_stand_where_they_are():
    drawn = axes.draw_x_axis(BOX, Scale(0, 4, BOX.left, BOX.right), "pitch", {0.5: "C", 2.5: "D"})
    assert re.findall(r'x="([\d.]+)" y="[\d.]+">([CD])<', drawn) == [("100", "C"), ("300", "D")]


def test_higher_values_are_higher_up():
    drawn = axes.draw_y_axis(BOX, Scale(0, 2, BOX.bottom, BOX.top), "bits")
    heights = [float(y) for y in re.findall(r'y1="([\d.]+)"', drawn)]
    assert heights == sorted(heights, reverse=True)
    assert heights[0] == BOX.bottom


def test_a_picture_says_what_it_shows():
    drawn = axes.make_svg(100, 'bits of "baseline"')
    assert 'role="img"' in drawn
    assert 'aria-label="bits of &quot;baseline&quot;"' in drawn


def test_colours_come_again_with_a_mark():
    assert [axes.get_color_class(number) for number in (0, 7, 8)] == ["a0", "a7", "a0 again"]
