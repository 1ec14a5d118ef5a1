"""A sweep: one value of params.yaml, varied, and one table of all.

Each value is one `dvc exp run --temp` up to the stage `compare`, so that the work tree stays as it is, and without samples,
benchmark and report. What was run before from the same commit is not run again.
"""

import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from pipeline.config import Params, validate_params
from pipeline.core import git, path_encoding, yaml
from pipeline.core.errors import ParamsError, PipelineError
from pipeline.experiments import diff, study
from pipeline.experiments.diff import ExperimentScores
from pipeline.experiments.study import Run

LAST_STAGE = "compare"
"""The stage that makes all that a sweep reads."""
COMMA = re.compile(r",(?![^\[]*\])")
"""A comma between values, not within a list."""
FORBIDDEN_CHARACTERS = re.compile(r"[^\w.+-]")
"""What a name of an experiment may not have, or had better not."""
OWN_OPTIONS = {"replicates.count": "--seeds", "architectures": "--architectures"}
"""Keys that are varied by an option."""


class SweepError(PipelineError):
    """A sweep makes no sense, or a run of it failed."""


@dataclass(frozen=True)
class Sweep:
    """One key, its values, and what each is run with."""

    key: str
    values: Sequence[str]
    """As `-S` takes them."""
    architectures: Sequence[str]
    num_replicates: int

    def list_runs(self) -> Iterator[tuple[str, Run]]:
        """Return name and description of every run."""
        for value in self.values:
            params = {self.key: value, "replicates.count": self.num_replicates}
            yield (
                self.name_run(value),
                Run(description="", params=params, architectures=list(self.architectures)),
            )

    def name_run(self, value: str) -> str:
        """Return the name of the experiment of a value."""
        safe_value = FORBIDDEN_CHARACTERS.sub("_", value)
        return f"sweep-{self.key}-{safe_value}-{self.num_replicates}"


def parse_sweep(
    assignment: str, architectures: Sequence[str], num_seeds: int | None, tree: Mapping[str, Any]
) -> Sweep:
    """Read a sweep, and check every value.

    Args:
        assignment: such as `train.loss_weights.pitch=0.05,0.5`.
        architectures: what to train; none for those of params.yaml.
        num_seeds: replicates, each from a seed of its own; none for `replicates.count` of params.yaml.
        tree: params.yaml.

    Raises:
        SweepError: the text is no assignment, or has one value only.
        ParamsError: there is no such key or architecture, or a value is out of range.
    """
    key, _, text = assignment.partition("=")
    values = [value.strip() for value in COMMA.split(text) if value.strip()]
    if len(set(values)) < 2 or len(set(values)) < len(values):
        raise SweepError(
            f"{assignment!r} is not KEY=VALUE,VALUE with two or more different values, such as "
            "train.loss_weights.pitch=0.05,0.5"
        )
    if key in OWN_OPTIONS:
        raise SweepError(f"{key} is varied by {OWN_OPTIONS[key]}; name another key")
    for value in values:
        params = _override(tree, key, value)
        for architecture in architectures:
            params.get_model_config(architecture)
    num_replicates = num_seeds or params.replicates.count
    return Sweep(key, values, architectures or params.architectures, num_replicates)


def _override(tree: Mapping[str, Any], key: str, text: str) -> Params:
    """Return the parameters with one value changed.

    Raises:
        ParamsError: there is no such key, or the value is wrong.
    """
    try:
        value = yaml.parse_yaml(text)
    except yaml.YamlError as error:
        raise ParamsError(f"{key}={text}: not YAML: {error}") from error
    return validate_params(_set_value(tree, key.split("."), value), f"{key}={text}")


def _set_value(tree: Any, keys: Sequence[str], value: Any) -> Any:
    """Return a copy of a tree with one value changed; a section that is not there is made."""
    if not keys:
        return value
    section = tree if isinstance(tree, Mapping) else {}
    return {**section, keys[0]: _set_value(section.get(keys[0]), keys[1:], value)}


def run_sweep(sweep: Sweep, params: Params, print_line: Callable[[str], None]) -> None:
    """Run what has not been run from this commit, one after another.

    Raises:
        SweepError: a run failed, and what DVC printed stands above; or an earlier one of its name trained others.
    """
    if problem := path_encoding.find_cache_path_problem():
        raise SweepError(problem)
    runs = list(sweep.list_runs())
    for number, (name, run) in enumerate(runs, 1):
        is_known = bool(find_run(name))
        print_line(f"[{number}/{len(runs)}] {name}{': run before' if is_known else ''}")
        if not is_known:
            _run_experiment(name, run, params)
        check_architectures(name, sweep.architectures)


def find_run(name: str) -> str:
    """Return the commit of an experiment that started from the commit that is checked out, or nothing."""
    head = git.find_commit(diff.DEFAULT_REFERENCE)
    for experiment in git.list_experiments():
        if (experiment.name, experiment.baseline_commit) == (name, head):
            return experiment.commit
    return ""


def _run_experiment(name: str, run: Run, params: Params) -> None:
    command = [*study.build_command(name, run, params), "--temp", LAST_STAGE]
    # Its progress is no result: a table or JSON follows on stdout.
    done = subprocess.run(command, check=False, stdout=sys.stderr)
    if done.returncode or not find_run(name):
        raise SweepError(f"{name} failed; correct what DVC says above and run the sweep again")


def check_architectures(name: str, architectures: Sequence[str]) -> None:
    """Check that an experiment has results of all architectures.

    Raises:
        SweepError: it has not.
    """
    scores = diff.load_experiment(name, find_run(name)).scores
    if missing := [architecture for architecture in architectures if architecture not in scores]:
        raise SweepError(
            f"{name} has no results of {', '.join(missing)}; run 'dvc exp remove {name}' and the sweep again"
        )


def load_sweep(sweep: Sweep) -> list[ExperimentScores]:
    """Return one experiment for each value, by the name of the value."""
    experiments = []
    for value in sweep.values:
        name = sweep.name_run(value)
        experiments.append(replace(diff.load_experiment(name, find_run(name)), name=value))
    return experiments
