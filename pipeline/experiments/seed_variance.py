"""Seeds, the second source of spread: experiments that differ in nothing but the random seed, put together.

The bootstrap says how a difference would move with other pieces. How it would move with another start of training, only
training again can say: `dvc exp run --queue -S seed=1,2,3`, `dvc queue start`, and then `music-rnn seed-variance`.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import mean, stdev
from typing import Any

from pipeline.core import git as revisions
from pipeline.core import paths, yaml
from pipeline.core.errors import DataError
from pipeline.core.git import run_git

TABLE_HEADER = (
    "| architecture | seeds | bits per note | ± | against reference | ± |",
    "|---|---:|---:|---:|---:|---:|",
)
NON_ARCHITECTURE_KEYS = ("best", "reference", "ngrams")


@dataclass(frozen=True)
class ExperimentResult:
    """One experiment."""

    name: str
    params: Mapping[str, Any]
    """All of params.yaml."""
    bits: Mapping[str, float]
    """Bits per note of each architecture."""

    def make_params_key(self) -> str:
        """Return all parameters but the seed, as text that is equal for equal ones."""
        return json.dumps(
            {key: value for key, value in self.params.items() if key != "seed"}, sort_keys=True
        )


@dataclass(frozen=True)
class SeedStatistics:
    """What several seeds gave for one architecture; figures in bits per note."""

    architecture: str
    num_seeds: int
    mean: float
    std: float
    """Standard deviation between seeds."""
    mean_difference: float
    """Against the reference trained from the same seeds."""
    difference_std: float
    """Standard deviation of the differences between seeds."""


def load_experiment_results() -> list[ExperimentResult]:
    """Read the experiments in Git that have a summary, and the commit that is checked out."""
    found = [("HEAD", "HEAD"), *((each.commit, each.name) for each in revisions.list_experiments())]
    read = (_load_result(commit, name) for commit, name in found)
    return [result for result in read if result is not None]


def _load_result(commit: str, name: str) -> ExperimentResult | None:
    """Read one experiment; none where it has no results of this kind."""
    try:
        params = yaml.parse_yaml(run_git("show", f"{commit}:{paths.PARAMS.as_posix()}"))
        summary = json.loads(run_git("show", f"{commit}:{paths.SUMMARY.as_posix()}"))
        bits = {
            key: its["bits_per_note"]
            for key, its in summary.items()
            if key not in NON_ARCHITECTURE_KEYS
        }
    except (DataError, ValueError, LookupError, TypeError):
        return None
    return ExperimentResult(name, params, bits)


def group_by_params(results: Sequence[ExperimentResult]) -> list[list[ExperimentResult]]:
    """Put together what differs in its seed alone, and keep groups of two seeds or more; of equal seeds the first."""
    settings: dict[str, dict[int, ExperimentResult]] = {}
    for result in results:
        settings.setdefault(result.make_params_key(), {}).setdefault(result.params["seed"], result)
    return [[its[seed] for seed in sorted(its)] for its in settings.values() if len(its) > 1]


def compute_seed_statistics(
    group: Sequence[ExperimentResult], reference: str
) -> list[SeedStatistics]:
    """Return what the seeds of a group gave for each architecture, the fewest bits first."""
    out = []
    base = reference if reference in group[0].bits else next(iter(group[0].bits))
    # Another list of architectures is another setting, so all of a group have the same.
    for name in group[0].bits:
        bits = [result.bits[name] for result in group]
        gaps = [result.bits[name] - result.bits[base] for result in group]
        out.append(
            SeedStatistics(name, len(bits), mean(bits), stdev(bits), mean(gaps), stdev(gaps))
        )
    return sorted(out, key=lambda spread: spread.mean)


def describe_varying_params(groups: Sequence[Sequence[ExperimentResult]]) -> list[str]:
    """Return for each group the values of parameters in which groups differ, as `-S` takes them."""
    flat = [_flatten_params(group[0].params) for group in groups]
    keys = sorted(
        {key for each in flat for key in each if len({str(its.get(key)) for its in flat}) > 1}
        - {"seed"}
    )
    return [" ".join(f"{key}={each[key]}" for key in keys if key in each) for each in flat]


def _flatten_params(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return the values of a tree by dotted key."""
    out: dict[str, Any] = {}
    for key, value in values.items():
        out |= (
            _flatten_params(value, f"{prefix}{key}.")
            if isinstance(value, Mapping)
            else {f"{prefix}{key}": value}
        )
    return out


def format_seed_tables(groups: Sequence[Sequence[ExperimentResult]], reference: str) -> list[str]:
    """Return the lines of a Markdown table for each group."""
    lines: list[str] = []
    for group, about in zip(groups, describe_varying_params(groups), strict=True):
        seeds = ", ".join(str(result.params["seed"]) for result in group)
        lines += [f"Seeds {seeds}{': ' + about if about else ''}", "", *TABLE_HEADER]
        for its in compute_seed_statistics(group, reference):
            figures = f"{its.mean:.3f} | {its.std:.3f} | {its.mean_difference:+.3f} | {its.difference_std:.3f}"
            lines.append(f"| {its.architecture} | {its.num_seeds} | {figures} |")
        lines.append("")
    return lines
