"""Seeds, the second source of spread: experiments that differ in nothing but the random seed, put together.

The bootstrap says how a difference would move with other pieces. How it would move with another start of training, only
training again can say: `dvc exp run --queue -S seed=1,2,3`, `dvc queue start`, and then `music-rnn seed-variance`.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

import numpy as np

from pipeline.core import git, paths, yaml
from pipeline.core.errors import DataError
from pipeline.evaluation.bootstrap import MAX_SEED_SPREAD

TABLE_HEADER = (
    "| architecture | seeds | bits per note | ± | against reference | ± |",
    "|---|---:|---:|---:|---:|---:|",
)
ROW = "| {architecture} | {num_seeds} | {mean:.3f} | {std:.3f} | {mean_difference:+.3f} | {difference_std:.3f} |"
PROBLEM = (
    "Implausible: seeds of {architecture} lie {spread:.3f} bits per note apart, more than chance in training; look at "
    "the learning curves of these runs."
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


Group = Sequence[ExperimentResult]


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
    spread: float
    """Between the best and the worst seed."""

    @property
    def is_plausible(self) -> bool:
        """Whether the seeds lie no further apart than chance in training moves them."""
        return self.spread <= MAX_SEED_SPREAD * self.mean


def load_experiment_results() -> list[ExperimentResult]:
    """Read the experiments in Git that have a summary, and the commit that is checked out."""
    commits = [("HEAD", "HEAD")]
    commits += [(experiment.commit, experiment.name) for experiment in git.list_experiments()]
    return [result for commit in commits if (result := _load_result(*commit))]


def _load_result(commit: str, name: str) -> ExperimentResult | None:
    """Read one experiment; none where it has no results of this kind."""
    try:
        params = yaml.parse_yaml(git.run_git("show", f"{commit}:{paths.PARAMS.as_posix()}"))
        summary = json.loads(git.run_git("show", f"{commit}:{paths.SUMMARY.as_posix()}"))
        for key in NON_ARCHITECTURE_KEYS:
            summary.pop(key, None)
        bits = {architecture: row["bits_per_note"] for architecture, row in summary.items()}
    except (DataError, ValueError, LookupError, TypeError, AttributeError):
        return None
    return ExperimentResult(name, params, bits)


def group_by_params(results: Group) -> list[list[ExperimentResult]]:
    """Put together what differs in its seed alone, and keep groups of two seeds or more; of equal seeds the first."""
    groups: dict[str, dict[int, ExperimentResult]] = {}
    for result in results:
        by_seed = groups.setdefault(result.make_params_key(), {})
        by_seed.setdefault(result.params["seed"], result)
    return [
        [by_seed[seed] for seed in sorted(by_seed)]
        for by_seed in groups.values()
        if len(by_seed) > 1
    ]


def compute_seed_statistics(group: Group, reference: str) -> list[SeedStatistics]:
    """Return what the seeds of a group gave for each architecture, the fewest bits first."""
    # Another list of architectures is another setting, so all of a group have the same.
    architectures = list(group[0].bits)
    if reference not in architectures:
        reference = architectures[0]
    # [architecture, seed]
    bits = np.array([[result.bits[name] for result in group] for name in architectures])
    differences = bits - bits[architectures.index(reference)]
    columns = bits.mean(1), bits.std(1, ddof=1), differences.mean(1), differences.std(1, ddof=1)
    rows = np.stack([*columns, np.ptp(bits, 1)], 1).tolist()
    statistics = [
        SeedStatistics(name, len(group), *row)
        for name, row in zip(architectures, rows, strict=True)
    ]
    return sorted(statistics, key=attrgetter("mean"))


def describe_varying_params(groups: Sequence[Group]) -> list[str]:
    """Return for each group the values of parameters in which groups differ, as `-S` takes them."""
    flat = [_flatten_params(group[0].params) for group in groups]
    varying = []
    for key in sorted(set().union(*flat) - {"seed"}):
        if len({str(values.get(key)) for values in flat}) > 1:
            varying.append(key)
    return [" ".join(f"{key}={values[key]}" for key in varying if key in values) for values in flat]


def _flatten_params(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return the values of a tree by dotted key."""
    flat: dict[str, Any] = {}
    for key, value in values.items():
        if isinstance(value, Mapping):
            flat |= _flatten_params(value, f"{prefix}{key}.")
        else:
            flat[prefix + key] = value
    return flat


def format_seed_tables(groups: Sequence[Group], reference: str) -> list[str]:
    """Return the lines of a Markdown table for each group, and a line for seeds that are implausible."""
    lines: list[str] = []
    for group, description in zip(groups, describe_varying_params(groups), strict=True):
        seeds = ", ".join(str(result.params["seed"]) for result in group)
        title = f"Seeds {seeds}: {description}" if description else f"Seeds {seeds}"
        statistics = compute_seed_statistics(group, reference)
        lines += [title, "", *TABLE_HEADER, *(ROW.format_map(vars(row)) for row in statistics), ""]
        lines += [PROBLEM.format_map(vars(row)) for row in statistics if not row.is_plausible]
    return lines
