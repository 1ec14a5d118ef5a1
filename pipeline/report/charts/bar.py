"""Rows of bars and of intervals: bits of each head one after the other, and differences with how sure they are."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pipeline.report.charts import axes
from pipeline.report.charts.axes import PlotArea
from pipeline.report.charts.line import truncate_name
from pipeline.report.charts.scale import Scale, pad_range
from pipeline.report.charts.svg import Html, make_element

ROW_HEIGHT = 27.0
BAR_HEIGHT = 17.0


@dataclass(frozen=True)
class Interval:
    """A value and where it lies with 95 %."""

    name: str
    color_index: int
    value: float
    low: float
    high: float


def _make_plot_area(num_rows: int, top: float, right: float) -> PlotArea:
    return PlotArea(left=132, right=right, top=top, bottom=top + num_rows * ROW_HEIGHT)


def _draw_row_name(area: PlotArea, row: int, name: str) -> Html:
    return axes.make_text(
        "row end", area.left - 9, area.top + (row + 0.5) * ROW_HEIGHT + 5, truncate_name(name, 18)
    )


def draw_stacked_bars(
    rows: Mapping[str, Sequence[float]], segment_names: Sequence[str], title: str, alt_text: str
) -> Html:
    """Draw one bar a row, made of parts, its sum at the end.

    Args:
        rows: values [parts] by name.
        segment_names: what they are called, above the first bar.
        title: of the axis, with the unit.
        alt_text: what the figure shows, for those who do not see it.
    """
    box = _make_plot_area(len(rows), 26, 428)
    scale = Scale(0, max(sum(values) for values in rows.values()) * 1.001, box.left, box.right)
    drawn = [axes.draw_x_axis(box, scale, title), *_draw_legend(box, segment_names)]
    for number, (name, values) in enumerate(rows.items()):
        ends = [sum(values[:count]) for count in range(len(values) + 1)]
        bars = [
            _draw_bar(box, number, (scale.to_pixel(ends[k]), scale.to_pixel(ends[k + 1])), f"h{k}")
            for k in range(len(values))
        ]
        told = ", ".join(
            f"{part} {value:.2f}" for part, value in zip(segment_names, values, strict=True)
        )
        total = axes.make_text(
            "tick",
            scale.to_pixel(ends[-1]) + 5,
            box.top + (number + 0.5) * ROW_HEIGHT + 5,
            f"{ends[-1]:.2f}",
        )
        title_of = make_element("title", {}, f"{name}: {told}")
        drawn.append(
            axes.make_group("bars", title_of, *bars, _draw_row_name(box, number, name), total)
        )
    return axes.make_svg(box.bottom + 46, alt_text, *drawn)


def _draw_legend(area: PlotArea, segment_names: Sequence[str]) -> list[Html]:
    places = [area.left + number * 100 for number in range(len(segment_names))]
    swatches = [
        make_element("rect", {"class": f"h{k}", "x": x, "y": 5.0, "width": 12, "height": 12})
        for k, x in enumerate(places)
    ]
    return swatches + [
        axes.make_text("tick", x + 17, 16, part)
        for x, part in zip(places, segment_names, strict=True)
    ]


def _draw_bar(area: PlotArea, row: int, span: tuple[float, float], css_class: str) -> Html:
    top = area.top + row * ROW_HEIGHT + (ROW_HEIGHT - BAR_HEIGHT) / 2
    width = max(span[1] - span[0] - 1, 0.5)
    return make_element(
        "rect", {"class": css_class, "x": span[0], "y": top, "width": width, "height": BAR_HEIGHT}
    )


def draw_interval_chart(intervals: Sequence[Interval], title: str, alt_text: str) -> Html:
    """Draw a dot and its interval a row, with a line at zero."""
    box = _make_plot_area(len(intervals), 8, 462)
    low, high = pad_range([0.0, *(end for each in intervals for end in (each.low, each.high))])
    scale = Scale(low, high, box.left, box.right)
    zero = axes.make_line("zero", (scale.to_pixel(0), box.top), (scale.to_pixel(0), box.bottom))
    drawn = [axes.draw_x_axis(box, scale, title), zero]
    for number, each in enumerate(intervals):
        y = box.top + (number + 0.5) * ROW_HEIGHT
        told = f"{each.name}: {each.value:+.3f} [{each.low:+.3f}, {each.high:+.3f}]"
        whisker = axes.make_line(
            "whisker", (scale.to_pixel(each.low), y), (scale.to_pixel(each.high), y)
        )
        dot = make_element(
            "circle", {"class": "dot", "cx": scale.to_pixel(each.value), "cy": y, "r": 4.5}
        )
        kind = f"series {axes.get_color_class(each.color_index)}"
        drawn.append(
            axes.make_group(
                kind,
                make_element("title", {}, told),
                whisker,
                dot,
                _draw_row_name(box, number, each.name),
            )
        )
    return axes.make_svg(box.bottom + 46, alt_text, *drawn)
