import re
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.report.charts import bar, svg
from pipeline.report.charts.bar import Interval
from pipeline.report.charts.line import Axes, Series, draw_line_chart

HOSTILE = '<img src=x onerror="alert(1)">&"\''


class Reader(HTMLParser):
    """Reads a chart back as a browser would."""

    def __init__(self, drawn: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[str] = []
        self.alt_text = ""
        self.words: list[str] = []
        self.feed(drawn)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.alt_text = self.alt_text or dict(attrs).get("aria-label") or ""

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def draw_chart(title: str, alt_text: str) -> str:
    return bar.draw_interval_chart([Interval("one", 0, 10, 0, 20)], title, alt_text)


@given(st.text(st.characters(exclude_characters="\r\n\t \0", exclude_categories=["Cs", "Z", "C"])))
def test_whatever_goes_in_comes_out_as_text(words):
    read = Reader(draw_chart(f"a{words}", f"b{words}"))
    assert read.tags == Reader(draw_chart("plain", "plain")).tags
    assert f"a{words}" in read.words
    assert read.alt_text == f"b{words}"


@pytest.mark.parametrize(
    "draw_names",
    [
        lambda name: bar.draw_stacked_bars({name: [1.0]}, ["a"], "x", "y"),
        lambda name: draw_line_chart([Series(name, 0, [(1, 1.0)])], Axes("x", "y"), "z"),
    ],
)
def test_a_hostile_name_is_text(draw_names):
    read = Reader(draw_names(HOSTILE))
    assert "img" not in read.tags
    assert any(HOSTILE[:12] in words for words in read.words)


def test_numbers_are_short():
    drawn = draw_chart("bits", "one")
    lengths = re.findall(r' (?:x|y|cx|cy|x1|x2|y1|y2|r)="([^"]*)"', drawn)
    assert len(lengths) > 20
    assert all(re.fullmatch(r"-?\d+(\.\d\d?)?", length) for length in lengths)
    assert not any("." in length and length.endswith("0") for length in lengths)


def test_a_line_and_a_value_a_tick():
    drawn = draw_chart("bits", "one")
    labels = re.findall(r'class="tick mid"[^>]*>([\d.]+)</text>', drawn)
    assert labels == ["0", "5", "10", "15", "20"]
    lines = [float(x) for x in re.findall(r'class="grid" x1="([\d.]+)"', drawn)]
    assert lines == sorted(lines) and len(lines) == len(labels)
    assert ">bits</text>" in drawn


def test_higher_values_are_higher_up():
    drawn = draw_line_chart([Series("one", 0, [(0, 0.0), (1, 2.0)])], Axes("x", "y"), "a line")
    heights = [float(y) for y in re.findall(r'class="tick end" x="61" y="([\d.]+)"', drawn)]
    assert len(heights) > 2
    assert heights == sorted(heights, reverse=True)


def test_colors_come_again_with_a_mark():
    assert [svg.get_color_class(number) for number in (0, 7, 8)] == ["a0", "a7", "a0 again"]


def test_a_long_name_is_cut_with_a_sign():
    assert svg.truncate_name("expressive") == "expressive"
    assert svg.truncate_name("an-architecture-of-great-size") == "an-architectu…"
