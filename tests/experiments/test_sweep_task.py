"""One run of a sweep on a worker: the clone, the order of pushes, the environment and the errors."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from factories import run_git

from pipeline.experiments import sweep_task
from pipeline.experiments.sweep_task import SweepTask, TaskError


@pytest.fixture
def task(in_folder: Path) -> SweepTask:
    """A task whose repository has one commit of a project in a folder."""
    run_git("init", "-q", "--bare", "-b", "main", "service.git")
    run_git("clone", "-q", "service.git", "caller")
    Path("caller/music").mkdir()
    Path("caller/music/params.yaml").write_text("seed: 1\n")
    run_git("-C", "caller", "add", ".")
    run_git("-C", "caller", "commit", "-q", "-m", "one")
    run_git("-C", "caller", "push", "-q", "origin", "HEAD:main")
    return SweepTask(
        name="sweep-seed-1",
        git_url=str(in_folder / "service.git"),
        commit=run_git("-C", "caller", "rev-parse", "HEAD"),
        project_folder="music/",
        run_arguments=("exp", "run"),
        author_name="a caller",
        author_email="caller@localhost",
    )


@pytest.fixture
def commands(task: SweepTask, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Commands of DVC, which are noted and not run; `exp run` makes the experiment."""
    noted: list[str] = []

    def note_command(folder: Path, *arguments: str) -> str:
        is_pushed = bool(run_git("ls-remote", task.git_url, task.ref))
        noted.append(f"{' '.join(arguments[:2])}, pushed: {is_pushed}")
        if arguments == task.run_arguments:
            assert (folder / "params.yaml").is_file()
            run_git("-C", str(folder), "update-ref", task.ref, task.commit)
        return ""

    monkeypatch.setattr(sweep_task, "_run_dvc", note_command)
    return noted


def test_the_cache_is_pushed_before_the_experiment(
    task: SweepTask, commands: list[str], in_folder: Path
) -> None:
    assert sweep_task.run_in_clone(task, in_folder / "clone").startswith("ran on ")
    assert commands == ["exp run, pushed: False", "exp push, pushed: False"]
    assert task.commit in run_git("ls-remote", task.git_url, task.ref)


def test_messages_of_git_are_no_experiment(
    task: SweepTask, commands: list[str], in_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_TRACE", "1")
    assert sweep_task.run_in_clone(task, in_folder / "clone").startswith("ran on ")
    assert "exp run, pushed: False" in commands


def test_an_experiment_that_was_pushed_does_not_run(
    task: SweepTask, commands: list[str], in_folder: Path
) -> None:
    sweep_task.run_in_clone(task, in_folder / "clone")
    commands.clear()
    assert "pushed before" in sweep_task.run_in_clone(task, in_folder / "other")
    assert commands == []


def test_an_experiment_that_ran_and_was_not_pushed_is_pushed(
    task: SweepTask, commands: list[str], in_folder: Path
) -> None:
    sweep_task.run_in_clone(task, in_folder / "clone")
    commands.clear()
    run_git("-C", task.git_url, "update-ref", "-d", task.ref)
    sweep_task.run_in_clone(task, in_folder / "clone")
    assert commands == ["exp push, pushed: False"]


def test_a_clone_that_is_there_gets_what_is_new(task: SweepTask, in_folder: Path) -> None:
    clone = in_folder / "worker/clone"
    sweep_task.update_clone(task, clone)
    (clone / "music/params.yaml").write_text("torn")
    Path("caller/music/params.yaml").write_text("seed: 2\n")
    run_git("-C", "caller", "commit", "-q", "-a", "-m", "two")
    run_git("-C", "caller", "push", "-q", "origin", "HEAD:main")
    newer = replace(task, commit=run_git("-C", "caller", "rev-parse", "HEAD"))
    sweep_task.update_clone(newer, clone)
    assert (clone / "music/params.yaml").read_text() == "seed: 2\n"
    assert "email = caller@localhost" in (clone / ".git/config").read_text()


def test_a_repository_or_a_thread_has_a_clone_of_its_own(in_folder: Path) -> None:
    urls = ("https://localhost/a.git", "https://localhost/b.git")
    folders = {sweep_task.choose_clone(in_folder, url) for url in urls}
    assert len(folders) == 2
    assert sweep_task.choose_clone(in_folder, urls[0]) in folders


def test_a_commit_that_the_repository_lacks_is_one_line(task: SweepTask, in_folder: Path) -> None:
    with pytest.raises(TaskError, match=r"^\S+: git checkout failed: ") as caught:
        sweep_task.update_clone(replace(task, commit="1" * 40), in_folder / "clone")
    assert "\n" not in str(caught.value)


def test_children_use_python_of_the_worker_one_thread_and_no_cluster(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DASK_SCHEDULER_ADDRESS", "tcp://10.0.0.1:8786")
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "8")
    environment = sweep_task.build_environment()
    assert environment["PATH"].split(os.pathsep)[0] == str(Path(sys.executable).parent)
    assert environment["OPENBLAS_NUM_THREADS"] == "1"
    assert not any(name.startswith("DASK_") for name in environment)
    assert environment["GIT_TERMINAL_PROMPT"] == "0"


def test_the_last_lines_of_an_output_are_one_line() -> None:
    output = "start\n\n  0%\r 50%\r100%\nStage 'train' failed:\nERROR: no memory\n"
    assert sweep_task.get_last_lines(output) == (
        "start | 100% | Stage 'train' failed: | ERROR: no memory"
    )
    assert sweep_task.get_last_lines("\n") == "no output"
    assert sweep_task.get_last_lines("x\n" * 9).count("x") == sweep_task.NUM_LAST_LINES


def test_dvc_runs_in_a_process_that_ends_with_the_worker() -> None:
    command = [sys.executable, "-P", "-c", sweep_task.RUN_DVC, "--version"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "die_with_parent()" in sweep_task.RUN_DVC
