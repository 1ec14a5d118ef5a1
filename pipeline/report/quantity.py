"""Figures as rows: the numbers behind a drawing, for those who do not see it."""

from collections.abc import Sequence

from pipeline.report.charts.line import Series
from pipeline.report.tables import MISSING, Rows

MAX_ROWS = 400
"""Rows of a table at most; a page is to be read."""


def tabulate_series(series: Sequence[Series], x_name: str) -> Rows:
    """Return series as a table: x down, one column a series, a dash where a series has no such x.

    >>> tabulate_series([Series("a", 0, [(1, 2.0)])], "notes")
    [['notes', 'a'], ['1', '2']]
    """
    values: dict[float, dict[str, str]] = {}
    for line in series:
        for index, (x, y) in enumerate(line.points):
            text = f"{y:.4g}"
            if line.bounds:
                low, high = line.bounds[index]
                text += f" ({low:.4g}–{high:.4g})"
            values.setdefault(round(float(x), 4), {})[line.name] = text
    names = [line.name for line in series]
    rows = [[x_name, *names]]
    for x in sorted(values)[:MAX_ROWS]:
        x_text = f"{x:,g}" if x < 1e6 else f"{x:,.0f}"
        rows.append([x_text, *(values[x].get(name, MISSING) for name in names)])
    return rows
