"""Histograms: held-out music as filled bars, what models generated as outlines over them."""

from collections.abc import Mapping, Sequence

from markupsafe import Markup

from pipeline.report.charts import svg
from pipeline.report.charts.line import Series
from pipeline.report.charts.scale import Scale
from pipeline.report.charts.svg import PlotArea, Point

HEIGHT = 276.0
PLOT_AREA = PlotArea(left=68, right=468, top=36, bottom=228)


def draw_histogram(
    held_out: Sequence[float],
    model_series: Sequence[Series],
    tick_labels: Mapping[float, str],
    titles: tuple[str, str],
) -> Markup:
    """Draw shares [K] of held-out music, and those of models as outlines.

    Args:
        held_out: [K] shares.
        model_series: outlines; x of their points is not used.
        tick_labels: what to write below which bin.
        titles: of the axis, and what the figure shows for those who do not see it.
    """
    shares = list(held_out)
    for series in model_series:
        shares += [y for _, y in series.points]
    x_scale = Scale(0, len(held_out), PLOT_AREA.left, PLOT_AREA.right)
    y_scale = Scale(0, max(shares) * 1.05 or 1.0, PLOT_AREA.bottom, PLOT_AREA.top)
    return svg.render_chart(
        "histogram",
        height=HEIGHT,
        area=PLOT_AREA,
        x_scale=x_scale,
        y_scale=y_scale,
        title=titles[0],
        alt_text=titles[1],
        tick_labels={index + 0.5: label for index, label in tick_labels.items()},
        held_out=held_out,
        outlines=[(series, _make_outline(series, x_scale, y_scale)) for series in model_series],
    )


def _make_outline(series: Series, x_scale: Scale, y_scale: Scale) -> list[Point]:
    """Return the corners of an outline [pixels]: both ends of the top of each bin."""
    corners = []
    for index, (_, share) in enumerate(series.points):
        y = y_scale.to_pixel(share)
        corners += [(x_scale.to_pixel(index), y), (x_scale.to_pixel(index + 1), y)]
    return corners
