"""Lines by architecture, each named at its end: learning curves, calibration, bits by context."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from markupsafe import Markup

from pipeline.report.charts import svg
from pipeline.report.charts.scale import Scale, pad_range
from pipeline.report.charts.svg import PlotArea, Point

HEIGHT = 310.0
PLOT_AREA = PlotArea(left=68, right=352, top=12, bottom=262)
MIN_LABEL_GAP = 16.0
"""Least distance of two names, one above the other."""


@dataclass(frozen=True)
class Series:
    """One line."""

    name: str
    color_index: int
    """Place in the list of architectures: gives the color."""
    points: Sequence[Point]
    bounds: Sequence[Point] = ()
    """Of each point, the lower and the upper end of a band; empty: no band."""

    @property
    def color(self) -> str:
        """Return its class."""
        return svg.get_color_class(self.color_index)

    @property
    def label(self) -> str:
        """Return the name, cut to fit."""
        return svg.truncate_name(self.name)


@dataclass(frozen=True)
class Axes:
    """Titles and kind of the two axes."""

    x_title: str
    y_title: str
    log_x: bool = False
    """Whether x is logarithmic."""
    identity: bool = False
    """Both from 0 to the same end, with the diagonal: where a perfectly calibrated model would lie."""


def draw_line_chart(series: Sequence[Series], axes: Axes, alt_text: str) -> Markup:
    """Draw lines.

    Args:
        series: at least one, each with at least one point.
        axes: titles and kind of the axes.
        alt_text: what the figure shows, for those who do not see it.
    """
    return _draw("line", series, axes, alt_text, (0.0, PLOT_AREA.bottom + 4))


def draw_scatter(series: Sequence[Series], axes: Axes, alt_text: str) -> Markup:
    """Draw one dot a series, its name beside it; arguments as of `draw_line_chart`."""
    # Names are below their dots, so that none lies on another dot of the same height.
    return _draw("scatter", series, axes, alt_text, (MIN_LABEL_GAP, PLOT_AREA.bottom - 8))


def _draw(
    template: str, series: Sequence[Series], axes: Axes, alt_text: str, label_limits: Point
) -> Markup:
    """Fill a template; names are moved down by the first of the limits, and stay above the second [pixels]."""
    x_scale, y_scale = _make_scales(series, axes)
    lines = [
        (line, [(x_scale.to_pixel(x), y_scale.to_pixel(y)) for x, y in line.points])
        for line in series
    ]
    bands = [(line, _outline_band(line, x_scale, y_scale)) for line in series if line.bounds]
    offset, max_height = label_limits
    ends = [points[-1][1] + offset for _, points in lines]
    return svg.render_chart(
        template,
        height=HEIGHT,
        area=PLOT_AREA,
        x_scale=x_scale,
        y_scale=y_scale,
        axes=axes,
        lines=lines,
        bands=bands,
        label_heights=spread_labels(ends, MIN_LABEL_GAP, max_height),
        alt_text=alt_text,
    )


def _outline_band(series: Series, x_scale: Scale, y_scale: Scale) -> list[Point]:
    """Return the corners of a band [pixels]: along its lower ends, and back along its upper ends."""
    columns = [x_scale.to_pixel(x) for x, _ in series.points]
    low, high = ([y_scale.to_pixel(ends[side]) for ends in series.bounds] for side in (0, 1))
    lower = list(zip(columns, low, strict=True))
    upper = list(zip(columns, high, strict=True))[::-1]
    return lower + upper


def _make_scales(series: Sequence[Series], axes: Axes) -> tuple[Scale, Scale]:
    points = [point for line in series for point in line.points]
    x, y = ([point[axis] for point in points] for axis in (0, 1))
    y += [end for line in series for ends in line.bounds for end in ends]
    x_range, y_range = pad_range(x, 0.02), pad_range(y)
    if axes.log_x:
        x_range = min(x), max(max(x), min(x) * 1.01)
    if axes.identity:
        x_range = y_range = 0, min(1.0, max(x + y) * 1.05) or 1.0
    x_scale = Scale(*x_range, PLOT_AREA.left, PLOT_AREA.right, axes.log_x)
    return x_scale, Scale(*y_range, PLOT_AREA.bottom, PLOT_AREA.top)


def spread_labels(positions: Sequence[float], min_gap: float, max_position: float) -> list[float]:
    """Return places in the same order, at least `min_gap` from each other, near where they were."""
    order = sorted(range(len(positions)), key=lambda number: positions[number])
    moved = list(positions)
    for before, number in pairwise(order):
        moved[number] = max(moved[number], moved[before] + min_gap)
    limit = max_position
    for number in reversed(order):
        moved[number] = min(moved[number], limit)
        limit = moved[number] - min_gap
    return moved
