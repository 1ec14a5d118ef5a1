"""Figures of the work tree beside those of the last commit: how many differ, and how many by more than noise.

Another processor takes sums in another order, so that the last bits of weights differ, and with them some figures. What
chance explains is noise: bits per note within half the 95 % interval of a difference, what has a range within it, and
anything else within its rounding or 1 %.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeGuard

from pipeline.core import git, paths
from pipeline.core.errors import DataError

PATTERNS = ("summary.json", "benchmark.json", "sample_metrics/*.json", "two_sample/*.json")
"""Files of `metrics/` whose figures a reader sees; those of the n-gram models are in the summary."""
REPEATED = "best"
"""The row of the summary that repeats another."""
BITS = {
    *("bits_per_note", "pitch", "step", "duration", "velocity", "pedal"),
    *("half_width", "difference", "low", "high"),
}
ROUNDING = 0.0005
"""Bits that rounding to a thousandth may change."""
RELATIVE_NOISE = 0.01
OF_THE_MACHINE = ("_us", "_mib", "_seconds_per_million")
"""Ends of names of times and sizes of memory, which no other machine repeats; ratios of times are compared."""
MAX_SHOWN = 5


@dataclass(frozen=True)
class Figure:
    """A number that a reader sees, and the range in which noise may move it."""

    name: str
    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Change:
    """A figure that differs from the committed one."""

    committed: Figure
    value: float

    @property
    def is_beyond_noise(self) -> bool:
        """Whether it is outside the range of the committed one."""
        return not self.committed.low <= self.value <= self.committed.high

    def __str__(self) -> str:
        return f"{self.committed.name} {self.committed.value:.6g} -> {self.value:.6g}"


def describe_changes() -> str:
    """Say in one line how the figures of the work tree differ from those of the last commit."""
    try:
        commit = git.find_commit("HEAD")
        if not commit:
            return "figures not compared: this folder has no commit of Git"
        committed, current = _read_figures("HEAD"), _read_figures("")
    except (DataError, OSError) as error:
        return f"figures not compared with those committed: {error}"
    names = committed.keys() & current.keys()
    if not names:
        return f"figures not compared: commit {commit[:7]} has none of them"
    changes = [
        Change(figure, current[name].value)
        for name, figure in committed.items()
        if name in names and current[name].value != figure.value
    ]
    return f"{len(names):,} figures: {_count_changes(changes, commit[:7])}"


def _count_changes(changes: list[Change], commit: str) -> str:
    """Say how many figures differ, and name the first of those beyond noise."""
    differing = f"{len(changes):,} differ from those committed at {commit}"
    if not changes:
        return differing
    large = [str(change) for change in changes if change.is_beyond_noise]
    if not large:
        return f"{differing}, none of them beyond noise"
    shown = ", ".join(large[:MAX_SHOWN])
    if len(large) > MAX_SHOWN:
        shown += f" and {len(large) - MAX_SHOWN:,} more"
    return f"{differing}, {len(large):,} of them beyond noise: {shown}"


def _read_figures(revision: str) -> dict[str, Figure]:
    """Return the figures of a revision, or of the work tree, by name; the files are those of the work tree."""
    read_json = git.make_json_reader(revision)
    figures: list[Figure] = []
    for pattern in PATTERNS:
        for path in sorted(paths.SUMMARY.parent.glob(pattern)):
            values = read_json(path)
            if path == paths.SUMMARY:
                figures += list_summary_figures(values)
            else:
                figures += list_figures(path.stem, values)
    return {figure.name: figure for figure in figures}


def list_summary_figures(summary: Mapping[str, Any]) -> Iterator[Figure]:
    """Return the figures of `metrics/summary.json`; noise of bits is that of the difference to the reference."""
    rows = {
        name: row
        for name, row in {**summary, **summary.get("ngrams", {})}.items()
        if name not in (REPEATED, "ngrams") and isinstance(row, dict)
    }
    half_widths = {name: _compute_half_width(row) for name, row in rows.items()}
    # The reference has no difference to itself, but its noise is in the differences of the others.
    narrowest = min(filter(None, half_widths.values()), default=0.0)
    for name, row in rows.items():
        noise = max(ROUNDING, half_widths[name] or narrowest)
        for key in filter(BITS.__contains__, row):
            if _is_number(row[key]):
                yield Figure(f"{name} {key}", row[key], row[key] - noise, row[key] + noise)
        yield from list_figures(name, {key: row[key] for key in row.keys() - BITS})


def _compute_half_width(row: Mapping[str, Any]) -> float:
    """Return half the width of the interval of a difference, 0 where there is none."""
    low, high = row.get("low"), row.get("high")
    return 0.0 if low is None or high is None else (high - low) / 2


def list_figures(name: str, node: object) -> Iterator[Figure]:
    """Return the figures of a tree of JSON: numbers, medians with their range, and means with theirs.

    Longer lists are rows and bins, which are points of a chart. What is null was not measured.
    """
    if name.endswith(OF_THE_MACHINE):
        return
    if _is_number(node):
        noise = max(ROUNDING, RELATIVE_NOISE * abs(node))
        yield Figure(name, node, node - noise, node + noise)
    elif isinstance(node, list) and len(node) == 3 and all(map(_is_number, node)):
        yield Figure(name, *node)
    elif isinstance(node, dict):
        median, least, greatest = (node.get(key) for key in ("median", "min", "max"))
        if _is_number(median) and _is_number(least) and _is_number(greatest):
            yield Figure(name, median, least, greatest)
        elif "reason" not in node:
            for key, value in node.items():
                yield from list_figures(f"{name} {key}", value)


def _is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool)
