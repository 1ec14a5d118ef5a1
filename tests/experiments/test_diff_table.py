"""The table of a comparison, the sentences below it, and the command, from small made-up scores in a Git repository."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from experiments.conftest import (
    commit_results,
    compare_by_name,
    describe_by_name,
    keep_experiment,
    print_table,
    write_results,
)
from factories import ROOT, run_git
from typer.testing import CliRunner

from pipeline import cli
from pipeline.core import paths

RUN = CliRunner()


def test_the_table_fits_80_columns_and_keeps_figures_whole(head: str) -> None:
    name = "seed-path-with-longer-windows-and-more-data"
    keep_experiment(name, head, {"bidirectional": -11.123, "baseline": 0.5})
    shown = print_table(compare_by_name(name))
    assert max(map(len, shown.splitlines())) <= 80
    figures = r"-\d+\.\d{3} \[-\d+\.\d{3}, -\d+\.\d{3}\] better"
    assert re.search(figures, shown)
    (first, second) = re.findall(r"^bidirectional (\S+).*\n +(\S+)", shown, re.M)[0]
    assert name.startswith(first + second)


def test_intervals_say_what_they_are_over(head: str) -> None:
    write_results({"baseline": -0.5})
    assert describe_by_name("workspace") == ["Intervals are paired, over 30 pieces, 3 replicates."]


def test_of_one_replicate_it_is_said_that_other_seeds_are_not_covered(head: str) -> None:
    commit_results({"baseline": 0.0}, num_replicates=1)
    write_results({"baseline": -0.5}, num_replicates=1)
    assert describe_by_name("workspace") == [
        "Intervals are paired, over 30 pieces, 1 replicate.",
        "One replicate says nothing of other seeds, which can change 0.2 bits (gate.tolerance_bits); replicates.count "
        "trains more.",
    ]


@pytest.fixture
def project_head(in_folder: Path) -> str:
    """A commit with two architectures and all of the project's params.yaml."""
    run_git("init", "-q", "-b", "main")
    write_results({"baseline": 0.0, "stacked": -1.0})
    shutil.copy(ROOT / paths.PARAMS, paths.PARAMS)
    run_git("add", "-A")
    run_git("commit", "-q", "-m", "run")
    return run_git("rev-parse", "HEAD")


def test_the_command_prints_a_table_and_the_same_as_json(project_head: str) -> None:
    keep_experiment("idea", project_head, {"stacked": -0.5})
    shown = RUN.invoke(cli.app, ["diff", "idea"], catch_exceptions=False)
    lines = [line.split() for line in shown.output.splitlines()]
    assert lines[1][:2] == ["stacked", "HEAD"] and lines[1][-1] == "reference"
    assert lines[2][:2] == ["stacked", "idea"] and lines[2][-1] == "worse"
    asked = ["diff", "HEAD", "idea", "--architectures", "stacked", "--json"]
    values = json.loads(RUN.invoke(cli.app, asked, catch_exceptions=False).output)
    reference, row = values["rows"]
    assert values["reference"] == "HEAD"
    assert (reference["against"], reference["difference"]) == (None, None)
    assert row["against"] == {"experiment": "HEAD", "architecture": "stacked"}
    assert row["low"] < row["difference"] < row["high"]
    assert f"{row['bits_per_note']:.3f}" == lines[2][2]
    assert row["notes"] == 4500


@pytest.mark.slow
def test_an_error_of_the_command_is_one_line(project_head: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pipeline", "diff", "HEAD~7"],
        check=False,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert done.stderr.startswith("error: no experiment or revision 'HEAD~7' here")
