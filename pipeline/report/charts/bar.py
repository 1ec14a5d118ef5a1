"""Rows of bars and of intervals: bits of each head one after the other, and differences with how sure they are."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise

from markupsafe import Markup

from pipeline.report.charts import svg
from pipeline.report.charts.scale import Scale, pad_range
from pipeline.report.charts.svg import PlotArea, Point

ROW_HEIGHT = 27.0
BAR_HEIGHT = 17.0
MAX_NAME_LENGTH = 18


@dataclass(frozen=True)
class Interval:
    """A value and where it lies with 95 %."""

    name: str
    color_index: int
    value: float
    low: float
    high: float

    @property
    def color(self) -> str:
        """Return its class."""
        return svg.get_color_class(self.color_index)

    @property
    def label(self) -> str:
        """Return the name, cut to fit."""
        return svg.truncate_name(self.name, MAX_NAME_LENGTH)


@dataclass(frozen=True)
class _Bar:
    """A bar made of parts."""

    name: str
    label: str
    values: Sequence[float]
    total: float
    spans: list[Point]
    """Where each part starts and ends [pixels]."""
    end: float
    """Where the last part ends [pixels]."""


def _make_plot_area(num_rows: int, top: float, right: float) -> PlotArea:
    return PlotArea(left=164, right=right, top=top, bottom=top + num_rows * ROW_HEIGHT)


def draw_stacked_bars(
    rows: Mapping[str, Sequence[float]], segment_names: Sequence[str], title: str, alt_text: str
) -> Markup:
    """Draw one bar a row, made of parts, the sum at its end.

    Args:
        rows: values [parts] by name.
        segment_names: what they are called, above the first bar.
        title: of the axis, with the unit.
        alt_text: what the figure shows, for those who do not see it.
    """
    area = _make_plot_area(len(rows), 26, 428)
    scale = Scale(0, max(map(sum, rows.values())) * 1.001, area.left, area.right)
    bars = []
    for name, values in rows.items():
        ends = list(accumulate(values, initial=0.0))
        spans = list(pairwise(map(scale.to_pixel, ends)))
        label = svg.truncate_name(name, MAX_NAME_LENGTH)
        bars.append(_Bar(name, label, values, ends[-1], spans, spans[-1][1]))
    return svg.render_chart(
        "bars",
        area=area,
        x_scale=scale,
        title=title,
        alt_text=alt_text,
        bars=bars,
        segment_names=segment_names,
        row_height=ROW_HEIGHT,
        bar_height=BAR_HEIGHT,
    )


def draw_interval_chart(intervals: Sequence[Interval], title: str, alt_text: str) -> Markup:
    """Draw a dot and its interval a row, with a line at zero."""
    area = _make_plot_area(len(intervals), 8, 462)
    ends = [0.0]
    for interval in intervals:
        ends += interval.low, interval.high
    scale = Scale(*pad_range(ends), area.left, area.right)
    return svg.render_chart(
        "intervals",
        area=area,
        x_scale=scale,
        title=title,
        alt_text=alt_text,
        intervals=intervals,
        row_height=ROW_HEIGHT,
    )
