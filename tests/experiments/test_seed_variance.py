import json
import math
import subprocess
from pathlib import Path

import pytest
from cli.test_cli import RUN

from pipeline import cli
from pipeline.core import paths
from pipeline.experiments import seed_variance
from pipeline.experiments.seed_variance import ExperimentResult

PARAMS = "seed: {seed}\nwindows:\n  length: {length}\narchitectures: [baseline, dense]\n"


def git(*arguments: str) -> str:
    identity = ("-c", "user.name=a", "-c", "user.email=a@b.c", "-c", "commit.gpgsign=false")
    return subprocess.run(
        ["git", *identity, *arguments], check=True, capture_output=True, text=True
    ).stdout.strip()


def commit(seed: int, baseline: float, dense: float, length: int = 25) -> str:
    """Leave what a run leaves, and return its commit."""
    Path("params.yaml").write_text(PARAMS.format(seed=seed, length=length))
    paths.SUMMARY.parent.mkdir(exist_ok=True)
    figures = {"baseline": {"bits_per_note": baseline}, "dense": {"bits_per_note": dense}}
    summary = {
        "best": {"bits_per_note": 0.0},
        "reference": "baseline",
        **figures,
        "ngrams": {"uniform": {}},
    }
    paths.SUMMARY.write_text(json.dumps(summary))
    git("add", "-A")
    git("commit", "-q", "--allow-empty", "-m", "run")
    return git("rev-parse", "HEAD")


def experiment(name: str, of: str) -> None:
    """Keep a commit as DVC keeps an experiment."""
    git("update-ref", f"refs/exps/{of[:2]}/{of[2:]}/{name}", of)


@pytest.fixture
def repository(in_folder: Path) -> Path:
    git("init", "-q")
    return in_folder


def test_experiments_that_differ_in_their_seed_are_one_group(repository):
    experiment("two", commit(2, 17.0, 16.0))
    experiment("longer", commit(2, 15.0, 14.0, length=50))
    experiment("three", commit(3, 18.0, 18.0))
    git("update-ref", "refs/exps/exec/EXEC_HEAD", commit(9, 0.0, 0.0))
    commit(1, 19.0, 17.0)
    (group,) = seed_variance.group_by_params(seed_variance.load_experiment_results())
    assert [(each.name, each.params["seed"]) for each in group] == [
        ("HEAD", 1),
        ("two", 2),
        ("three", 3),
    ]
    dense, baseline = seed_variance.compute_seed_statistics(group, "baseline")
    assert (baseline.architecture, baseline.num_seeds, baseline.mean, baseline.std) == (
        "baseline",
        3,
        18.0,
        1.0,
    )
    assert (baseline.mean_difference, baseline.difference_std) == (0.0, 0.0)
    # 16, 18 and 17; against 17, 18 and 19 of the same seeds: -1, 0, -2.
    assert (dense.architecture, dense.mean, dense.std) == ("dense", 17.0, 1.0)
    assert (dense.mean_difference, dense.difference_std) == (-1.0, 1.0)


def test_the_command_shows_each_group_and_in_what_they_differ(repository):
    for length in (25, 50):
        for seed in (1, 2):
            experiment(f"run-{length}-{seed}", commit(seed, 17.0 + seed / 10, 16.0, length))
    shown = RUN.invoke(cli.app, ["seed-variance"]).output
    assert "Seeds 1, 2: windows.length=25\n" in shown and "Seeds 1, 2: windows.length=50\n" in shown
    assert shown.count("| dense | 2 | 16.000 | 0.000 | -1.150 | 0.071 |\n") == 2


def test_what_is_no_run_is_passed_over(repository):
    git("commit", "-q", "--allow-empty", "-m", "nothing")
    experiment("empty", git("rev-parse", "HEAD"))
    experiment("one", commit(1, 1.0, 1.0))
    paths.SUMMARY.write_text('{"baseline": 3}')
    git("commit", "-qam", "another kind")
    experiment("torn", git("rev-parse", "HEAD"))
    assert [each.name for each in seed_variance.load_experiment_results()] == ["one"]
    assert (
        "run some with: dvc exp run --queue -S seed=1,2,3"
        in RUN.invoke(cli.app, ["seed-variance"]).output
    )


def test_an_equal_seed_is_no_second_one():
    some = [
        ExperimentResult(name, {"seed": seed}, {"a": bits})
        for name, seed, bits in (("x", 1, 3.0), ("y", 1, 3.0))
    ]
    assert seed_variance.group_by_params(some) == []
    (group,) = seed_variance.group_by_params(
        [*some, ExperimentResult("z", {"seed": 0}, {"a": 2.0})]
    )
    assert [each.name for each in group] == ["z", "x"]
    assert seed_variance.compute_seed_statistics(group, "baseline")[0].mean_difference == 0.0


@pytest.mark.parametrize("bits", [30.0, math.nan])
def test_a_seed_that_did_not_train_is_named(bits):
    group = [
        ExperimentResult(name, {"seed": seed}, {"baseline": 17.0 + seed / 10, "dense": value})
        for name, seed, value in (("x", 1, 16.5), ("y", 2, bits))
    ]
    lines = seed_variance.format_seed_tables([group], "baseline")
    problems = [line for line in lines if line.startswith("Implausible: seeds of ")]
    assert [line.split()[3] for line in problems] == ["dense"]
