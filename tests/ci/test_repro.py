"""`music-rnn repro`: DVC's run with numbered stages."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import toy_project as toy

from pipeline.ci import repro
from pipeline.core.errors import DataError

LINES = """Stage 'fetch' didn't change, skipping
Stage 'train@dense' is cached - skipping run, checking out outputs
Updating lock file 'dvc.lock'

Running stage 'train@wide':
> exec python -m pipeline.stages.train wide
going on after epoch 2
Generating lock file 'dvc.lock'
Use `dvc push` to send your updates to remote storage.
"""


def test_stages_are_numbered_and_lines_that_help_nobody_are_dropped() -> None:
    lines = map(str, repro.number_stages(LINES.splitlines(keepends=True), 9))
    assert list(lines) == [
        "[1/9] fetch: up to date",
        "[2/9] train dense: cached",
        "[3/9] train wide",
        "going on after epoch 2",
        "Use `dvc push` to send your updates to remote storage.",
    ]


@pytest.mark.slow
def test_a_run_numbers_all_stages_of_the_project(tmp_path: Path) -> None:
    project = Path(shutil.copytree(toy.make_finished(), tmp_path / "project", symlinks=True))
    toy.edit(project, "benchmark.repeats", 7)
    lines = toy.music_rnn(project, "repro").stdout.splitlines()
    stages = [re.fullmatch(r"\[(\d+)/12\] (.*)", line) for line in lines]
    assert [match[1] for match in stages if match] == [str(number) for number in range(1, 13)]
    ran = [match[2] for match in stages if match and ":" not in match[2]]
    assert ran == ["check", "benchmark"]
    assert not any("> exec" in line or "lock file" in line for line in lines)
    # The figures of the toy project are not committed.
    assert re.fullmatch(r"figures not compared: commit [0-9a-f]{7} has none of them", lines[-2])
    assert re.fullmatch(r"CPU \d+ s in \d+ s: \d+ % of \d+ cores", lines[-1])


def test_usage_counts_processes_that_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    start = os.times()
    subprocess.run([sys.executable, "-c", "sum(range(10**7))"], check=True)
    assert os.times().children_user > start.children_user
    end = os.times_result((1.0, 2.0, 300.0, 40.0, 500.0))
    monkeypatch.setattr(os, "times", lambda: end)
    monkeypatch.setattr(repro.parallel, "count_cores", lambda: 2)
    before = os.times_result((0.0, 0.0, 3.0, 0.0, 100.0))
    assert repro.describe_usage(before) == "CPU 340 s in 400 s: 42 % of 2 cores"


@pytest.mark.slow
def test_a_stage_that_fails_ends_the_run_with_code_1_and_its_reason(tmp_path: Path) -> None:
    project = Path(shutil.copytree(toy.make_finished(), tmp_path / "project", symlinks=True))
    (project / "code/train.py").write_text("# changed, so that it runs\n")
    text = (project / "toy.py").read_text("utf-8")
    (project / "toy.py").write_text(text.replace('elif name == "train":', "elif 1 / 0:"))
    done = toy.music_rnn(project, "repro", check=False)
    assert done.returncode == 1
    assert "ZeroDivisionError" in done.stderr
    assert done.stderr.endswith("error: 'dvc repro' ended with 255; its reason is above\n")


@pytest.mark.slow
def test_architectures_that_are_no_list_are_one_line_before_dvc_reads_them(tmp_path: Path) -> None:
    """DVC itself says "'Value' object is not iterable"."""
    project = Path(shutil.copytree(toy.make_finished(), tmp_path / "project", symlinks=True))
    toy.edit(project, "architectures", "baseline")
    done = toy.music_rnn(project, "repro", check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        "error: params.yaml: architectures: Input should be a valid list, not 'baseline'\n"
    )


@pytest.mark.slow
def test_a_folder_without_a_project_is_one_line(
    in_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent), prepend=os.pathsep)
    with pytest.raises(DataError, match="not inside of a DVC repository") as error:
        repro.run_repro(print)
    assert "\n" not in str(error.value)
