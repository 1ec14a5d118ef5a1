"""Templates of pages and charts; in HTML and SVG, all values are escaped, since names come from people."""

import base64
import hashlib
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from pipeline.report.tables import format_markdown_table

PACKAGE = Path(__file__).parent.parent
STATIC = PACKAGE / "report/static"


def render_template(path: str, /, **values: object) -> str:
    """Return a template, by its path in the package, filled with values; equal values give equal bytes."""
    return _make_environment().get_template(path).render(values)


@cache
def _make_environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(PACKAGE),
        autoescape=select_autoescape(["html", "svg"]),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        finalize=_shorten_float,
    )
    environment.filters |= {"markdown_table": format_markdown_table, "polyline": _format_points}
    return environment


def _shorten_float(value: object) -> object:
    """Return a number as text; a hundredth of a pixel is exact enough."""
    return f"{value:.2f}".rstrip("0").rstrip(".") if isinstance(value, float) else value


def _format_points(points: Iterable[tuple[float, float]]) -> str:
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in points)


def read_static(name: str) -> str:
    """Return the text of a style sheet or script."""
    return (STATIC / name).read_text(encoding="utf-8")


def compute_csp_hash(script: str) -> str:
    """Return the name of the one script of a page that may run.

    Source: Content Security Policy Level 3, section 2.3.1, hash-source.
    """
    return f"sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}"
