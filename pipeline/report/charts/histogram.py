"""Histograms: held-out music as filled bars, what models played as outlines over them."""

from collections.abc import Mapping, Sequence

from pipeline.report.charts import axes
from pipeline.report.charts.axes import PlotArea
from pipeline.report.charts.line import Series, truncate_name
from pipeline.report.charts.scale import Scale
from pipeline.report.charts.svg import Html, make_element

HEIGHT = 276.0
PLOT_AREA = PlotArea(left=68, right=468, top=36, bottom=228)


def draw_histogram(
    held_out: Sequence[float],
    model_series: Sequence[Series],
    tick_labels: Mapping[float, str],
    titles: tuple[str, str],
) -> Html:
    """Draw shares [K] of held-out music, and those of models as outlines.

    Args:
        held_out: [K] shares.
        model_series: outlines; x of their points is not used.
        tick_labels: what to write below which bin.
        titles: of the axis, and what the figure shows for those who do not see it.
    """
    tallest = max([*held_out, *(y for each in model_series for _, y in each.points)])
    xs = Scale(0, len(held_out), PLOT_AREA.left, PLOT_AREA.right)
    ys = Scale(0, tallest * 1.05 or 1.0, PLOT_AREA.bottom, PLOT_AREA.top)
    places = {where + 0.5: words for where, words in tick_labels.items()}
    bars = [
        make_element(
            "rect",
            {
                "x": xs.to_pixel(k),
                "y": ys.to_pixel(y),
                "width": xs.to_pixel(1) - xs.to_pixel(0),
                "height": PLOT_AREA.bottom - ys.to_pixel(y),
            },
        )
        for k, y in enumerate(held_out)
    ]
    frame = (
        axes.draw_x_axis(PLOT_AREA, xs, titles[0], places),
        axes.draw_y_axis(PLOT_AREA, ys, "share of notes"),
    )
    outlines = [_draw_outline(each, xs, ys) for each in model_series]
    return axes.make_svg(
        HEIGHT,
        titles[1],
        *frame,
        axes.make_group("real", *bars),
        *outlines,
        *_draw_legend(model_series),
    )


def _draw_outline(series: Series, x_scale: Scale, y_scale: Scale) -> Html:
    corners = [
        (x_scale.to_pixel(k + side), y_scale.to_pixel(y))
        for k, (_, y) in enumerate(series.points)
        for side in (0, 1)
    ]
    return axes.make_group(
        f"series {axes.get_color_class(series.color_index)}",
        make_element("title", {}, series.name),
        axes.make_polyline("line", corners),
    )


def _draw_legend(model_series: Sequence[Series]) -> list[Html]:
    swatch = make_element(
        "rect", {"class": "swatch", "x": PLOT_AREA.left, "y": 8.0, "width": 12, "height": 12}
    )
    parts = [
        axes.make_group("real", swatch),
        axes.make_text("tick", PLOT_AREA.left + 17, 19, "held-out music"),
    ]
    for number, each in enumerate(model_series):
        x = PLOT_AREA.left + 134 + number * 128
        kind = axes.get_color_class(each.color_index)
        parts.append(
            axes.make_group(f"series {kind}", axes.make_line("line", (x, 14), (x + 18, 14)))
        )
        parts.append(axes.make_text(f"label {kind}", x + 23, 19, truncate_name(each.name)))
    return parts
