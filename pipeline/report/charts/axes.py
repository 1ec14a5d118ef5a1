"""The frame of a figure: grid, marks and titles, as SVG.

Colours are classes (`a0`, `a1`, … for architectures; `h0`, `h1`, … for heads) that the style sheet fills, so that one
figure serves the light and the dark page. Lengths are in units of the view box, which the page scales.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pipeline.report.charts.scale import Scale, format_tick_label
from pipeline.report.charts.svg import Html, make_element

WIDTH = 480.0
NUM_COLORS = 8
"""Colours of architectures; with more, they come again with other dashes."""


@dataclass(frozen=True)
class PlotArea:
    """Where the values of a figure are drawn [units of the view box]."""

    left: float
    right: float
    top: float
    bottom: float


def make_svg(height: float, alt_text: str, *children: Html) -> Html:
    """Return a figure; `says` is read out in its place."""
    shape = {
        "class": "chart",
        "viewBox": f"0 0 {WIDTH:g} {height:g}",
        "role": "img",
        "aria-label": alt_text,
    }
    return make_element("svg", shape, *children)


def make_group(css_class: str, *children: Html) -> Html:
    """Return parts that share a class."""
    return make_element("g", {"class": css_class}, *children)


def make_line(css_class: str, start: tuple[float, float], end: tuple[float, float]) -> Html:
    """Return a straight line."""
    ends = {"x1": start[0], "y1": start[1], "x2": end[0], "y2": end[1]}
    return make_element("line", {"class": css_class, **ends})


def make_text(css_class: str, x: float, y: float, content: str, **attributes: object) -> Html:
    """Return words at a place; `kind` says where they are anchored and how they look."""
    return make_element("text", {"class": css_class, "x": x, "y": y, **attributes}, content)


def make_polyline(css_class: str, points: Sequence[tuple[float, float]]) -> Html:
    """Return a line through points."""
    through = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    return make_element("polyline", {"class": css_class, "points": through})


def get_color_class(color_index: int) -> str:
    """Return the class of the colour of an architecture by its place in the list."""
    return f"a{color_index % NUM_COLORS}" + (" again" if color_index >= NUM_COLORS else "")


def draw_x_axis(
    area: PlotArea, scale: Scale, title: str, tick_labels: Mapping[float, str] | None = None
) -> Html:
    """Return the horizontal axis: a line up from each tick, its value, and the title below."""
    ticks = (
        tick_labels
        if tick_labels is not None
        else {value: format_tick_label(value) for value in scale.make_ticks()}
    )
    parts = [
        make_line("grid", (scale.to_pixel(value), area.top), (scale.to_pixel(value), area.bottom))
        for value in ticks
    ]
    parts += [
        make_text("tick mid", scale.to_pixel(value), area.bottom + 18, words)
        for value, words in ticks.items()
    ]
    parts.append(make_text("name mid", (area.left + area.right) / 2, area.bottom + 38, title))
    return make_group("axis", *parts)


def draw_y_axis(area: PlotArea, scale: Scale, title: str) -> Html:
    """Return the vertical axis: a line from each tick, its value, and the title upright beside it."""
    ticks = scale.make_ticks()
    parts = [
        make_line("grid", (area.left, scale.to_pixel(value)), (area.right, scale.to_pixel(value)))
        for value in ticks
    ]
    parts += [
        make_text("tick end", area.left - 7, scale.to_pixel(value) + 4, format_tick_label(value))
        for value in ticks
    ]
    middle = (area.top + area.bottom) / 2
    parts.append(make_text("name mid", 13, middle, title, transform=f"rotate(-90 13 {middle:g})"))
    return make_group("axis", *parts)
