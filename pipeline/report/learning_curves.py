"""Learning curves of all replicates as one line an architecture, with a band from the least to the greatest."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean

from pipeline.report.charts.svg import Point

Rows = Sequence[Mapping[str, str]]
"""Rows of `metrics/learning_curves.csv`."""


@dataclass
class Curve:
    """How the validation bits of one architecture fell."""

    points: list[Point] = field(default_factory=list)
    """Target notes trained on, and bits per note, averaged over replicates."""
    bounds: list[Point] = field(default_factory=list)
    """Of each point, the least and the greatest of the replicates."""


def summarize_curves(rows: Rows, is_cross_validation: bool) -> dict[str, Curve]:
    """Return the curve of each architecture.

    Args:
        rows: of every architecture, replicate and epoch.
        is_cross_validation: whether replicates are validated on different pieces, whose difference is then taken out.
    """
    offsets = _compute_offsets(rows) if is_cross_validation else {}
    values: dict[str, dict[float, list[float]]] = defaultdict(lambda: defaultdict(list))
    for row in rows:
        bits = float(row["bits_per_note"]) - offsets.get(row["replicate"], 0.0)
        values[row["architecture"]][float(row["notes"])].append(bits)
    return {name: _make_curve(bits_by_notes) for name, bits_by_notes in values.items()}


def _make_curve(bits_by_notes: Mapping[float, Sequence[float]]) -> Curve:
    curve = Curve()
    for notes, bits in sorted(bits_by_notes.items()):
        curve.points.append((notes, fmean(bits)))
        curve.bounds.append((min(bits), max(bits)))
    return curve


def _compute_offsets(rows: Rows) -> dict[str, float]:
    """Return how much harder the pieces of each replicate are than those of all, for all architectures together.

    Source: Cousineau, "Confidence intervals in within-subject designs", Tutor. Quant. Methods Psychol. 1, 2005.
    """
    bits: dict[str, list[float]] = defaultdict(list)
    for row in _select_last_epochs(rows):
        bits[row["replicate"]].append(float(row["bits_per_note"]))
    means = {replicate: fmean(values) for replicate, values in bits.items()}
    overall = fmean(means.values()) if means else 0.0
    return {replicate: mean - overall for replicate, mean in means.items()}


def _select_last_epochs(rows: Rows) -> list[Mapping[str, str]]:
    """Return the last row of each architecture and replicate; rows are in order of epochs."""
    last = {(row["architecture"], row["replicate"]): row for row in rows}
    return list(last.values())
