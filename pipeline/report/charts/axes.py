"""The frame of a figure: grid, marks and titles, as SVG.

Colours are classes (`a0`, `a1`, … for architectures; `h0`, `h1`, … for heads) that the style sheet fills, so that one
figure serves the light and the dark page. Lengths are in units of the view box, which the page scales.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pipeline.report.charts.scale import Scale, label
from pipeline.report.charts.svg import Html, element

WIDTH = 480.0
STYLES = 8
"""Colours of architectures; with more, they come again with other dashes."""


@dataclass(frozen=True)
class Box:
    """Where the values of a figure are drawn [units of the view box]."""

    left: float
    right: float
    top: float
    bottom: float


def picture(height: float, says: str, *parts: Html) -> Html:
    """Return a figure; `says` is read out in its place."""
    shape = {"class": "chart", "viewBox": f"0 0 {WIDTH:g} {height:g}", "role": "img", "aria-label": says}
    return element("svg", shape, *parts)


def group(kind: str, *parts: Html) -> Html:
    """Return parts that share a class."""
    return element("g", {"class": kind}, *parts)


def line(kind: str, begin: tuple[float, float], end: tuple[float, float]) -> Html:
    """Return a straight line."""
    ends = {"x1": begin[0], "y1": begin[1], "x2": end[0], "y2": end[1]}
    return element("line", {"class": kind, **ends})


def text(kind: str, x: float, y: float, words: str, **more: object) -> Html:
    """Return words at a place; `kind` says where they are anchored and how they look."""
    return element("text", {"class": kind, "x": x, "y": y, **more}, words)


def polyline(kind: str, points: Sequence[tuple[float, float]]) -> Html:
    """Return a line through points."""
    through = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    return element("polyline", {"class": kind, "points": through})


def colour(number: int) -> str:
    """Return the class of the colour of an architecture by its place in the list."""
    return f"a{number % STYLES}" + (" again" if number >= STYLES else "")


def across(box: Box, scale: Scale, title: str, named: Mapping[float, str] | None = None) -> Html:
    """Return the horizontal axis: a line up from each tick, its value, and the title below."""
    ticks = named if named is not None else {value: label(value) for value in scale.ticks()}
    parts = [line("grid", (scale.at(value), box.top), (scale.at(value), box.bottom)) for value in ticks]
    parts += [text("tick mid", scale.at(value), box.bottom + 18, words) for value, words in ticks.items()]
    parts.append(text("name mid", (box.left + box.right) / 2, box.bottom + 38, title))
    return group("axis", *parts)


def up(box: Box, scale: Scale, title: str) -> Html:
    """Return the vertical axis: a line from each tick, its value, and the title upright beside it."""
    ticks = scale.ticks()
    parts = [line("grid", (box.left, scale.at(value)), (box.right, scale.at(value))) for value in ticks]
    parts += [text("tick end", box.left - 7, scale.at(value) + 4, label(value)) for value in ticks]
    middle = (box.top + box.bottom) / 2
    parts.append(text("name mid", 13, middle, title, transform=f"rotate(-90 13 {middle:g})"))
    return group("axis", *parts)
