"""Figures as rows: the numbers behind a drawing, for those who do not see it."""

from collections.abc import Sequence

from pipeline.report.charts.line import Series
from pipeline.report.tables import Rows

MAX_ROWS = 400
"""Rows of a table at most; a page is to be read."""


def tabulate_series(series: Sequence[Series], x_name: str) -> Rows:
    """Return series as a table: x down, one column a series, a dash where a series has no such x.

    >>> across([Series("a", 0, [(1, 2.0)])], "notes")
    [['notes', 'a'], ['1', '2']]
    """
    places = sorted({round(float(x), 4) for each in series for x, _ in each.points})
    found = [{round(float(x), 4): y for x, y in each.points} for each in series]
    rows = [
        [f"{x:,g}" if x < 1e6 else f"{x:,.0f}", *(_format_value(each.get(x)) for each in found)]
        for x in places
    ]
    return [[x_name, *(each.name for each in series)], *rows[:MAX_ROWS]]


def _format_value(value: float | None) -> str:
    return "–" if value is None else f"{value:.4g}"
