"""Lines by architecture, each named at its end: learning curves, calibration, bits by context."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from pipeline.report.charts import axes
from pipeline.report.charts.axes import PlotArea
from pipeline.report.charts.scale import Scale, pad_range
from pipeline.report.charts.svg import Html, make_element

HEIGHT = 310.0
PLOT_AREA = PlotArea(left=68, right=352, top=12, bottom=262)
MIN_LABEL_GAP = 16.0
"""Least distance of two names, one above the other."""

Point = tuple[float, float]


@dataclass(frozen=True)
class Series:
    """One line."""

    name: str
    color_index: int
    """Place in the list of architectures: gives the colour."""
    points: Sequence[Point]


@dataclass(frozen=True)
class Axes:
    """What the two axes say."""

    x_title: str
    y_title: str
    log_x: bool = False
    """Whether x is logarithmic."""
    identity: bool = False
    """Both from 0 to the same end, with the diagonal: where a perfectly calibrated model would lie."""


def draw_line_chart(series: Sequence[Series], axes_spec: Axes, alt_text: str) -> Html:
    """Draw lines.

    Args:
        series: at least one, each with at least one point.
        axes_spec: titles and kind of the axes.
        alt_text: what the figure shows, for those who do not see it.
    """
    xs, ys = _make_scales(series, axes_spec)
    drawn = [_draw_series(each, xs, ys) for each in series]
    corners = (xs.low_pixel, ys.low_pixel), (xs.high_pixel, ys.high_pixel)
    diagonal = [axes.make_line("diagonal", *corners)] if axes_spec.identity else []
    frame = (
        axes.draw_x_axis(PLOT_AREA, xs, axes_spec.x_title),
        axes.draw_y_axis(PLOT_AREA, ys, axes_spec.y_title),
    )
    return axes.make_svg(
        HEIGHT, alt_text, *frame, *diagonal, *drawn, *_draw_series_names(series, xs, ys)
    )


def _make_scales(series: Sequence[Series], axes_spec: Axes) -> tuple[Scale, Scale]:
    points = [point for each in series for point in each.points]
    if axes_spec.identity:
        most = min(1.0, max(max(point) for point in points) * 1.05) or 1.0
        return Scale(0, most, PLOT_AREA.left, PLOT_AREA.right), Scale(
            0, most, PLOT_AREA.bottom, PLOT_AREA.top
        )
    x = [point[0] for point in points]
    low, high = (min(x), max(max(x), min(x) * 1.01)) if axes_spec.log_x else pad_range(x, 0.02)
    return Scale(low, high, PLOT_AREA.left, PLOT_AREA.right, axes_spec.log_x), Scale(
        *pad_range([p[1] for p in points]), PLOT_AREA.bottom, PLOT_AREA.top
    )


def _draw_series(series: Series, x_scale: Scale, y_scale: Scale) -> Html:
    places = [(x_scale.to_pixel(x), y_scale.to_pixel(y)) for x, y in series.points]
    dots = [make_element("circle", {"class": "dot", "cx": x, "cy": y, "r": 2.8}) for x, y in places]
    whole = f"{series.name}: last {series.points[-1][1]:.4g}"
    return axes.make_group(
        f"series {axes.get_color_class(series.color_index)}",
        make_element("title", {}, whole),
        axes.make_polyline("line", places),
        *dots,
    )


def _draw_series_names(series: Sequence[Series], x_scale: Scale, y_scale: Scale) -> list[Html]:
    """Return the name of each line to the right of its end, moved apart where they would overlap."""
    ends = [
        (x_scale.to_pixel(each.points[-1][0]), y_scale.to_pixel(each.points[-1][1]))
        for each in series
    ]
    places = spread_labels([y for _, y in ends], MIN_LABEL_GAP, PLOT_AREA.bottom + 4)
    parts = []
    for each, (x, y), place in zip(series, ends, places, strict=True):
        kind = axes.get_color_class(each.color_index)
        parts.append(
            axes.make_group(
                f"lead {kind}", axes.make_line("thin", (x, y), (PLOT_AREA.right + 8, place))
            )
        )
        parts.append(
            axes.make_text(
                f"label {kind}", PLOT_AREA.right + 11, place + 4, truncate_name(each.name)
            )
        )
    return parts


def draw_scatter(series: Sequence[Series], axes_spec: Axes, alt_text: str) -> Html:
    """Draw one dot a series, its name beside it; arguments as of `chart`."""
    xs, ys = _make_scales(series, axes_spec)
    places = [(xs.to_pixel(each.points[0][0]), ys.to_pixel(each.points[0][1])) for each in series]
    # Below their dots, so that no name lies on another dot of the same height.
    heights = spread_labels(
        [y + MIN_LABEL_GAP for _, y in places], MIN_LABEL_GAP, PLOT_AREA.bottom - 8
    )
    drawn = []
    for each, (x, y), height in zip(series, places, heights, strict=True):
        kind = axes.get_color_class(each.color_index)
        dot = make_element("circle", {"class": "dot", "cx": x, "cy": y, "r": 5})
        told_value = make_element(
            "title", {}, f"{each.name}: {each.points[0][1]:.3f} at {each.points[0][0]:,.6g}"
        )
        drawn.append(axes.make_group(f"series {kind}", told_value, dot))
        drawn.append(
            axes.make_group(f"lead {kind}", axes.make_line("thin", (x, y), (x + 11, height)))
        )
        drawn.append(axes.make_text(f"label {kind}", x + 14, height + 4, truncate_name(each.name)))
    return axes.make_svg(
        HEIGHT,
        alt_text,
        axes.draw_x_axis(PLOT_AREA, xs, axes_spec.x_title),
        axes.draw_y_axis(PLOT_AREA, ys, axes_spec.y_title),
        *drawn,
    )


def truncate_name(name: str, max_length: int = 14) -> str:
    """Return a name that fits beside a figure; the table below has it whole."""
    return name if len(name) <= max_length else name[: max_length - 1] + "…"


def spread_labels(positions: Sequence[float], min_gap: float, max_position: float) -> list[float]:
    """Return places in the same order, at least `gap` from each other, near where they were and not beyond `most`."""
    order = sorted(range(len(positions)), key=lambda number: positions[number])
    moved = list(positions)
    for before, number in pairwise(order):
        moved[number] = max(moved[number], moved[before] + min_gap)
    limit = max_position
    for number in reversed(order):
        moved[number] = min(moved[number], limit)
        limit = moved[number] - min_gap
    return moved
