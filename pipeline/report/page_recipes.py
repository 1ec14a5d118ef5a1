"""The architectures of the page of opinions, trained as the page says and at their best, from the study of rates."""

import json
from collections.abc import Mapping
from typing import Any

from pipeline.core import paths
from pipeline.report.tables import Rows, tabulate

PAGE_RUN = "page"
"""Name of a run as the page says; those of the grid are named by their rate."""
PAGE_RECIPE_COLUMNS = {
    "architecture": "{architecture}",
    "as the page says": "{bits_per_note:.3f}",
    "at its best here": "{best[bits_per_note]:.3f}",
    "difference": "{difference:+.3f}",
    "best rate": "{best[learning_rate]:g}",
}


def tabulate_page_recipes(tuned: Mapping[str, Any]) -> Rows:
    """Return bits per note of each architecture of the page as the page trains it, and at the best learning rate here.

    Args:
        tuned: what `metrics/studies/tune.json` holds.
    """
    records = []
    for row in tuned.values():
        best = tuned["best"].get(row.get("architecture"))
        if row.get("run") == PAGE_RUN and best:
            difference = best["bits_per_note"] - row["bits_per_note"]
            records.append({**row, "best": best, "difference": difference})
    return tabulate(PAGE_RECIPE_COLUMNS, records)


def load_page_recipes() -> Rows:
    """Return that table of the committed study; nothing where there is none."""
    path = paths.STUDIES / "tune.json"
    if not path.exists():
        return []
    return tabulate_page_recipes(json.loads(path.read_text(encoding="utf-8")))
