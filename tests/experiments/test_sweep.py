"""A sweep: what is run, under which names, and the mean over seeds."""

import json
import os
import re
import sys
from pathlib import Path
from typing import Any

import pytest
import toy_project as toy
from experiments.conftest import commit_results, keep_experiment
from factories import ROOT, run_git

from pipeline.config import validate_params
from pipeline.core import paths, yaml
from pipeline.core.errors import ParamsError
from pipeline.experiments import sweep as sweeps
from pipeline.experiments.sweep import SweepError

TREE: dict[str, Any] = yaml.load_yaml(ROOT / paths.PARAMS)
PITCH = "train.loss_weights.pitch"


def test_each_value_is_one_run_of_all_replicates() -> None:
    sweep = sweeps.parse_sweep(f"{PITCH}=0.05,0.5", ["stacked"], 3, TREE)
    assert [(name, run.params, run.architectures) for name, run in sweep.list_runs()] == [
        (f"sweep-{PITCH}-{value}-3", {PITCH: value, "replicates.count": 3}, ["stacked"])
        for value in ("0.05", "0.5")
    ]


def test_without_options_all_architectures_have_the_replicates_of_the_project() -> None:
    sweep = sweeps.parse_sweep("windows.sequence_length=25,50", [], None, TREE)
    assert list(sweep.architectures) == TREE["architectures"]
    assert sweep.num_replicates == TREE["replicates"]["count"]


def test_lists_are_values_and_names_have_no_brackets() -> None:
    sweep = sweeps.parse_sweep("model.stacked.units=[8,4], [16,8]", ["stacked"], 1, TREE)
    assert list(sweep.values) == ["[8,4]", "[16,8]"]
    names = [name for name, _ in sweep.list_runs()]
    assert names[0] == "sweep-model.stacked.units-_8_4_-1"
    assert all(re.fullmatch(r"[\w.+-]+", name) for name in names)


@pytest.mark.parametrize(
    ("assignment", "why"),
    [
        ("windows.sequence_length", "is not KEY=VALUE,VALUE"),
        ("windows.sequence_length=25", "two or more different values"),
        ("windows.sequence_length=25,25", "two or more different values"),
        ("replicates.count=1,2", "replicates.count is varied by --seeds"),
        ("architectures=[baseline],[dense]", "architectures is varied by --architectures"),
    ],
)
def test_what_is_no_sweep_says_why(assignment: str, why: str) -> None:
    with pytest.raises(SweepError, match=why):
        sweeps.parse_sweep(assignment, [], 1, TREE)


@pytest.mark.parametrize(
    ("assignment", "why"),
    [
        ("windows.sequence_lenght=25,50", "sequence_lenght.*did you mean .*sequence_length"),
        ("windows.sequence_length=25,-1", "^windows.sequence_length=-1: windows.sequence_length: "),
        ("windows.sequence_length=25,x", "^windows.sequence_length=x: "),
        ("windows.sequence_length=25,{", "^windows.sequence_length={: not YAML"),
        ("seed.x=1,2", "^seed.x=1: "),
        ("=1,2", "=1: "),
    ],
)
def test_a_wrong_key_or_value_ends_before_anything_runs(assignment: str, why: str) -> None:
    with pytest.raises(ParamsError, match=why):
        sweeps.parse_sweep(assignment, [], 1, TREE)


def test_a_wrong_architecture_ends_before_anything_runs() -> None:
    with pytest.raises(ParamsError, match=r"'stackd' .*did you mean 'stacked'"):
        sweeps.parse_sweep(f"{PITCH}=0.05,0.5", ["stackd"], 1, TREE)


def test_a_run_of_another_commit_is_none_of_this_sweep(in_folder: Path) -> None:
    run_git("init", "-q", "-b", "main")
    first = commit_results({"baseline": 0.0})
    commit = keep_experiment("sweep-a-1-1", first, {"baseline": -0.5})
    assert sweeps.find_run("sweep-a-1-1") == commit
    assert sweeps.find_run("sweep-a-1-2") == ""
    commit_results({"baseline": 0.1})
    assert sweeps.find_run("sweep-a-1-1") == ""


@pytest.mark.slow
def test_a_run_that_fails_ends_the_sweep_and_is_named(
    in_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """DVC refuses a folder that is no project of it."""
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    run_git("init", "-q", "-b", "main")
    commit_results({"baseline": 0.0})
    sweep = sweeps.parse_sweep(f"{PITCH}=0.05,0.5", ["baseline"], 1, TREE)
    lines: list[str] = []
    name = f"sweep-{PITCH}-0.05-1"
    with pytest.raises(SweepError, match=f"^{name} failed; correct what DVC says above"):
        sweeps.run_sweep(sweep, validate_params(TREE, "params.yaml"), lines.append)
    assert lines == [f"[1/2] {name}"]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A toy project, whose bits are fewer the more units a model has."""
    return toy.make(tmp_path / "project")


@pytest.mark.slow
def test_a_sweep_runs_what_it_needs_once_and_prints_one_table(project: Path) -> None:
    command = ("sweep", "model.dense.units=[8],[16]", "--architectures", "dense", "--seeds", "2")
    done = toy.music_rnn(project, *command)
    for number, value in enumerate(("_8_", "_16_"), 1):
        assert f"[{number}/2] sweep-model.dense.units-{value}-2\n" in done.stderr
    assert done.stdout.startswith("model.dense.units\narchitecture ")
    assert re.search(r"^dense +\[8\] .* reference *$", done.stdout, re.M)
    assert re.search(r"^dense +\[16\] .* better *$", done.stdout, re.M)
    assert "Intervals are paired, over 2 pieces, 2 replicates.\n" in done.stdout
    assert "train@dense" in toy.list_run_stages(done.stderr)
    assert not {"benchmark", "sample_metrics@dense"} & toy.list_run_stages(done.stderr)
    assert toy.run(project, "git", "status", "--short").stdout == ""

    again = toy.music_rnn(project, *command, "--json")
    assert again.stderr.count(": run before\n") == 2
    assert toy.list_run_stages(again.stderr) == set()
    reference, row = json.loads(again.stdout)["rows"]
    assert (reference["experiment"], reference["verdict"]) == ("[8]", "reference")
    assert (row["experiment"], row["verdict"], row["replicates"]) == ("[16]", "better", 2)

    other = toy.music_rnn(project, *command[:3], "baseline", *command[4:], check=False)
    assert other.returncode == 1
    assert "has no results of baseline; run 'dvc exp remove sweep-model.dense.units-_8_" in (
        other.stderr
    )


@pytest.mark.slow
def test_under_cross_validation_each_replicate_holds_out_other_pieces(project: Path) -> None:
    toy.edit(project, "replicates.scheme", "cross_validation")
    toy.commit(project, "cross-validation")
    command = ("sweep", "model.dense.units=[8],[64]", "--architectures", "dense", "--seeds", "3")
    row = json.loads(toy.music_rnn(project, *command, "--json").stdout)["rows"][1]
    assert (row["replicates"], row["compositions"], row["verdict"]) == (3, 5, "better")
