"""Rows of bars and of intervals: bits of each head one after the other, and differences with how sure they are."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pipeline.report.charts import axes
from pipeline.report.charts.axes import Box
from pipeline.report.charts.line import shortened
from pipeline.report.charts.scale import Scale, around
from pipeline.report.charts.svg import Html, element

ROW = 27.0
THICK = 17.0


@dataclass(frozen=True)
class Interval:
    """A value and where it lies with 95 %."""

    name: str
    style: int
    value: float
    low: float
    high: float


def _box(rows: int, top: float, right: float) -> Box:
    return Box(left=132, right=right, top=top, bottom=top + rows * ROW)


def _name(box: Box, row: int, words: str) -> Html:
    return axes.text("row end", box.left - 9, box.top + (row + 0.5) * ROW + 5, shortened(words, 18))


def stacked(rows: Mapping[str, Sequence[float]], parts: Sequence[str], title: str, says: str) -> Html:
    """Draw one bar a row, made of parts, its sum at the end.

    Args:
        rows: values [parts] by name.
        parts: what they are called, above the first bar.
        title: of the axis, with the unit.
        says: what the figure shows, for those who do not see it.
    """
    box = _box(len(rows), 26, 428)
    scale = Scale(0, max(sum(values) for values in rows.values()) * 1.001, box.left, box.right)
    drawn = [axes.across(box, scale, title), *_legend(box, parts)]
    for number, (name, values) in enumerate(rows.items()):
        ends = [sum(values[:count]) for count in range(len(values) + 1)]
        bars = [_bar(box, number, (scale.at(ends[k]), scale.at(ends[k + 1])), f"h{k}") for k in range(len(values))]
        told = ", ".join(f"{part} {value:.2f}" for part, value in zip(parts, values, strict=True))
        total = axes.text("tick", scale.at(ends[-1]) + 5, box.top + (number + 0.5) * ROW + 5, f"{ends[-1]:.2f}")
        title_of = element("title", {}, f"{name}: {told}")
        drawn.append(axes.group("bars", title_of, *bars, _name(box, number, name), total))
    return axes.picture(box.bottom + 46, says, *drawn)


def _legend(box: Box, parts: Sequence[str]) -> list[Html]:
    places = [box.left + number * 100 for number in range(len(parts))]
    swatches = [
        element("rect", {"class": f"h{k}", "x": x, "y": 5.0, "width": 12, "height": 12}) for k, x in enumerate(places)
    ]
    return swatches + [axes.text("tick", x + 17, 16, part) for x, part in zip(places, parts, strict=True)]


def _bar(box: Box, row: int, span: tuple[float, float], kind: str) -> Html:
    top = box.top + row * ROW + (ROW - THICK) / 2
    width = max(span[1] - span[0] - 1, 0.5)
    return element("rect", {"class": kind, "x": span[0], "y": top, "width": width, "height": THICK})


def intervals(rows: Sequence[Interval], title: str, says: str) -> Html:
    """Draw a dot and its interval a row, with a line at zero."""
    box = _box(len(rows), 8, 462)
    low, high = around([0.0, *(end for each in rows for end in (each.low, each.high))])
    scale = Scale(low, high, box.left, box.right)
    zero = axes.line("zero", (scale.at(0), box.top), (scale.at(0), box.bottom))
    drawn = [axes.across(box, scale, title), zero]
    for number, each in enumerate(rows):
        y = box.top + (number + 0.5) * ROW
        told = f"{each.name}: {each.value:+.3f} [{each.low:+.3f}, {each.high:+.3f}]"
        whisker = axes.line("whisker", (scale.at(each.low), y), (scale.at(each.high), y))
        dot = element("circle", {"class": "dot", "cx": scale.at(each.value), "cy": y, "r": 4.5})
        kind = f"series {axes.colour(each.style)}"
        drawn.append(axes.group(kind, element("title", {}, told), whisker, dot, _name(box, number, each.name)))
    return axes.picture(box.bottom + 46, says, *drawn)
