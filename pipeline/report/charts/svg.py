"""Charts as SVG, filled from the templates in `report/static`.

Colors are classes (`a0`, `a1`, … for architectures; `h0`, `h1`, … for heads) that the style sheet fills, so that one
figure serves the light and the dark page. Lengths are in units of the view box, which the page scales.
"""

import re
from dataclasses import dataclass

from markupsafe import Markup

from pipeline.report.templates import render_template

NUM_COLORS = 8
"""Colors of architectures; with more, they come again with other dashes."""

Point = tuple[float, float]


@dataclass(frozen=True)
class PlotArea:
    """Where the values of a figure are drawn [units of the view box]."""

    left: float
    right: float
    top: float
    bottom: float


def render_chart(template: str, **values: object) -> Markup:
    """Return a figure; names in it come from people, so the template escapes them."""
    text = render_template(f"report/static/{template}.svg", **values)
    return Markup(re.sub(r">\s+<", "><", text.strip()))


def get_color_name(color_index: int) -> str:
    """Return the name of the color of an architecture by its place in the list."""
    return f"a{color_index % NUM_COLORS}"


def get_color_class(color_index: int) -> str:
    """Return the class of a figure's parts in that color."""
    return get_color_name(color_index) + (" again" if color_index >= NUM_COLORS else "")


def truncate_name(name: str, max_length: int = 14) -> str:
    """Return a name that fits beside a figure; the table below has it whole."""
    return name if len(name) <= max_length else name[: max_length - 1] + "…"
