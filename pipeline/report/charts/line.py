"""Lines by architecture, each named at its end: learning curves, calibration, bits by context."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from pipeline.report.charts import axes
from pipeline.report.charts.axes import Box
from pipeline.report.charts.scale import Scale, around
from pipeline.report.charts.svg import Html, element

HEIGHT = 310.0
BOX = Box(left=68, right=352, top=12, bottom=262)
GAP = 16.0
"""Least distance of two names, one above the other."""

Point = tuple[float, float]


@dataclass(frozen=True)
class Series:
    """One line."""

    name: str
    style: int
    """Place in the list of architectures: gives the colour."""
    points: Sequence[Point]


@dataclass(frozen=True)
class Axes:
    """What the two axes say."""

    x: str
    y: str
    log: bool = False
    """Whether x is logarithmic."""
    square: bool = False
    """Both from 0 to the same end, with the diagonal: where a perfectly calibrated model would lie."""


def chart(series: Sequence[Series], told: Axes, says: str) -> Html:
    """Draw lines.

    Args:
        series: at least one, each with at least one point.
        told: titles and kind of the axes.
        says: what the figure shows, for those who do not see it.
    """
    xs, ys = _scales(series, told)
    drawn = [_drawn(each, xs, ys) for each in series]
    corners = (xs.begin, ys.begin), (xs.end, ys.end)
    diagonal = [axes.line("diagonal", *corners)] if told.square else []
    frame = (axes.across(BOX, xs, told.x), axes.up(BOX, ys, told.y))
    return axes.picture(HEIGHT, says, *frame, *diagonal, *drawn, *_names(series, xs, ys))


def _scales(series: Sequence[Series], told: Axes) -> tuple[Scale, Scale]:
    points = [point for each in series for point in each.points]
    if told.square:
        most = min(1.0, max(max(point) for point in points) * 1.05) or 1.0
        return Scale(0, most, BOX.left, BOX.right), Scale(0, most, BOX.bottom, BOX.top)
    x = [point[0] for point in points]
    low, high = (min(x), max(max(x), min(x) * 1.01)) if told.log else around(x, 0.02)
    return Scale(low, high, BOX.left, BOX.right, told.log), Scale(*around([p[1] for p in points]), BOX.bottom, BOX.top)


def _drawn(series: Series, xs: Scale, ys: Scale) -> Html:
    places = [(xs.at(x), ys.at(y)) for x, y in series.points]
    dots = [element("circle", {"class": "dot", "cx": x, "cy": y, "r": 2.8}) for x, y in places]
    whole = f"{series.name}: last {series.points[-1][1]:.4g}"
    return axes.group(
        f"series {axes.colour(series.style)}",
        element("title", {}, whole),
        axes.polyline("line", places),
        *dots,
    )


def _names(series: Sequence[Series], xs: Scale, ys: Scale) -> list[Html]:
    """Return the name of each line to the right of its end, moved apart where they would overlap."""
    ends = [(xs.at(each.points[-1][0]), ys.at(each.points[-1][1])) for each in series]
    places = apart([y for _, y in ends], GAP, BOX.bottom + 4)
    parts = []
    for each, (x, y), place in zip(series, ends, places, strict=True):
        kind = axes.colour(each.style)
        parts.append(axes.group(f"lead {kind}", axes.line("thin", (x, y), (BOX.right + 8, place))))
        parts.append(axes.text(f"label {kind}", BOX.right + 11, place + 4, shortened(each.name)))
    return parts


def dots(series: Sequence[Series], told: Axes, says: str) -> Html:
    """Draw one dot a series, its name beside it; arguments as of `chart`."""
    xs, ys = _scales(series, told)
    places = [(xs.at(each.points[0][0]), ys.at(each.points[0][1])) for each in series]
    # Below their dots, so that no name lies on another dot of the same height.
    heights = apart([y + GAP for _, y in places], GAP, BOX.bottom - 8)
    drawn = []
    for each, (x, y), height in zip(series, places, heights, strict=True):
        kind = axes.colour(each.style)
        dot = element("circle", {"class": "dot", "cx": x, "cy": y, "r": 5})
        told_value = element("title", {}, f"{each.name}: {each.points[0][1]:.3f} at {each.points[0][0]:,.6g}")
        drawn.append(axes.group(f"series {kind}", told_value, dot))
        drawn.append(axes.group(f"lead {kind}", axes.line("thin", (x, y), (x + 11, height))))
        drawn.append(axes.text(f"label {kind}", x + 14, height + 4, shortened(each.name)))
    return axes.picture(HEIGHT, says, axes.across(BOX, xs, told.x), axes.up(BOX, ys, told.y), *drawn)


def shortened(name: str, most: int = 14) -> str:
    """Return a name that fits beside a figure; the table below has it whole."""
    return name if len(name) <= most else name[: most - 1] + "…"


def apart(places: Sequence[float], gap: float, most: float) -> list[float]:
    """Return places in the same order, at least `gap` from each other, near where they were and not beyond `most`."""
    order = sorted(range(len(places)), key=lambda number: places[number])
    moved = list(places)
    for before, number in pairwise(order):
        moved[number] = max(moved[number], moved[before] + gap)
    limit = most
    for number in reversed(order):
        moved[number] = min(moved[number], limit)
        limit = moved[number] - gap
    return moved
