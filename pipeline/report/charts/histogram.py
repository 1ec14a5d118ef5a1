"""Histograms: held-out music as filled bars, what models played as outlines over them."""

from collections.abc import Mapping, Sequence

from pipeline.report.charts import axes
from pipeline.report.charts.axes import Box
from pipeline.report.charts.line import Series, shortened
from pipeline.report.charts.scale import Scale
from pipeline.report.charts.svg import Html, element

HEIGHT = 276.0
BOX = Box(left=68, right=468, top=36, bottom=228)


def chart(real: Sequence[float], played: Sequence[Series], named: Mapping[float, str], titles: tuple[str, str]) -> Html:
    """Draw shares [K] of held-out music, and those of models as outlines.

    Args:
        real: [K] shares.
        played: outlines; x of their points is not used.
        named: what to write below which bin.
        titles: of the axis, and what the figure shows for those who do not see it.
    """
    tallest = max([*real, *(y for each in played for _, y in each.points)])
    xs = Scale(0, len(real), BOX.left, BOX.right)
    ys = Scale(0, tallest * 1.05 or 1.0, BOX.bottom, BOX.top)
    places = {where + 0.5: words for where, words in named.items()}
    bars = [
        element("rect", {"x": xs.at(k), "y": ys.at(y), "width": xs.at(1) - xs.at(0), "height": BOX.bottom - ys.at(y)})
        for k, y in enumerate(real)
    ]
    frame = (axes.across(BOX, xs, titles[0], places), axes.up(BOX, ys, "share of notes"))
    outlines = [_outline(each, xs, ys) for each in played]
    return axes.picture(HEIGHT, titles[1], *frame, axes.group("real", *bars), *outlines, *_legend(played))


def _outline(series: Series, xs: Scale, ys: Scale) -> Html:
    corners = [(xs.at(k + side), ys.at(y)) for k, (_, y) in enumerate(series.points) for side in (0, 1)]
    return axes.group(
        f"series {axes.colour(series.style)}", element("title", {}, series.name), axes.polyline("line", corners)
    )


def _legend(played: Sequence[Series]) -> list[Html]:
    swatch = element("rect", {"class": "swatch", "x": BOX.left, "y": 8.0, "width": 12, "height": 12})
    parts = [axes.group("real", swatch), axes.text("tick", BOX.left + 17, 19, "held-out music")]
    for number, each in enumerate(played):
        x = BOX.left + 134 + number * 128
        kind = axes.colour(each.style)
        parts.append(axes.group(f"series {kind}", axes.line("line", (x, 14), (x + 18, 14))))
        parts.append(axes.text(f"label {kind}", x + 23, 19, shortened(each.name)))
    return parts
