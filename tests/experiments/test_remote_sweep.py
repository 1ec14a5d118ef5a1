"""A sweep on the workers of a scheduler: what is checked and sent, and what comes back."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import e2e_sweep
import pytest
import toy_project as toy
from factories import ROOT, run_git

from pipeline.config import validate_params
from pipeline.core import paths, yaml
from pipeline.experiments import remote_sweep
from pipeline.experiments import sweep as sweeps
from pipeline.experiments.sweep import SweepError
from pipeline.experiments.sweep_task import TaskError

TREE: dict[str, Any] = yaml.load_yaml(ROOT / paths.PARAMS)
PITCH = "train.loss_weights.pitch"
STORE = "[core]\n    remote = store\n['remote \"store\"']\n    url = {}\n"


@pytest.fixture
def pushed(in_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The work tree of a project in a folder of a repository, whose commit was pushed."""
    monkeypatch.setenv("GIT_COMMITTER_NAME", "a caller")
    monkeypatch.setenv("GIT_COMMITTER_EMAIL", "caller@localhost")
    run_git("init", "-q", "--bare", "-b", "main", "service.git")
    run_git("clone", "-q", "service.git", "caller")
    project = in_folder / "caller/music"
    (project / ".dvc").mkdir(parents=True)
    monkeypatch.chdir(project)
    (project / "params.yaml").write_text("seed: 1\n")
    commit_config("s3://bucket/store")
    return project


def commit_config(url: str) -> None:
    Path(".dvc/config").write_text(STORE.format(url) if url else "[core]\n    analytics = false\n")
    run_git("add", ".")
    run_git("commit", "-q", "-m", f"store {url}")
    run_git("push", "-q", "origin", "HEAD:main")


def build_tasks() -> list[remote_sweep.SweepTask]:
    sweep = sweeps.parse_sweep(f"{PITCH}=0.05,0.5", ["stacked"], 3, TREE)
    return remote_sweep.build_tasks(dict(sweep.list_runs()), validate_params(TREE, "params.yaml"))


def test_a_task_has_all_that_a_worker_needs(pushed: Path) -> None:
    first, second = build_tasks()
    assert (first.name, second.name) == (f"sweep-{PITCH}-0.05-3", f"sweep-{PITCH}-0.5-3")
    assert first.git_url == str(pushed.parent.parent / "service.git")
    assert first.commit == run_git("rev-parse", "HEAD")
    assert first.project_folder == "music/"
    assert first.run_arguments[:4] == ("exp", "run", "-n", first.name)
    assert f"{PITCH}=0.05" in first.run_arguments
    assert first.run_arguments[-4:] == ("--temp", "--pull", "--allow-missing", "compare")
    assert (first.author_name, first.author_email) == ("a caller", "caller@localhost")


def test_a_change_that_workers_do_not_see_is_refused(pushed: Path) -> None:
    Path("listen.html").write_text("Git does not track this")
    build_tasks()
    Path("params.yaml").write_text("seed: 2\n")
    with pytest.raises(
        SweepError, match=r"^music/params.yaml was changed, .*commit it and 'git push'"
    ):
        build_tasks()


def test_a_commit_that_was_not_pushed_is_refused(pushed: Path) -> None:
    run_git("commit", "-q", "--allow-empty", "-m", "two")
    with pytest.raises(
        SweepError, match=r"^commit \w{7} is on no branch of .*'git push origin HEAD'"
    ):
        build_tasks()


def test_a_repository_without_a_remote_is_refused(pushed: Path) -> None:
    run_git("remote", "rename", "origin", "other")
    with pytest.raises(SweepError, match=r"^no Git remote origin, .*'git remote add origin URL'"):
        build_tasks()


@pytest.mark.parametrize("url", ["git@localhost:a/b.git", "https://localhost/a.git"])
def test_a_url_of_another_machine_is_sent_as_it_is(pushed: Path, url: str) -> None:
    run_git("remote", "set-url", "origin", url)
    assert remote_sweep.find_git_url() == url


def test_a_relative_path_is_made_absolute(pushed: Path) -> None:
    run_git("remote", "set-url", "origin", "../service.git")
    assert remote_sweep.find_git_url() == str(pushed.parent.parent / "service.git")


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("", r"^no DVC remote in \.dvc/config, .*'dvc remote add -d store URL'"),
        ("../store", r"^\.dvc/config: remote store is at \.\./store, which is another folder"),
    ],
)
def test_a_dvc_remote_that_workers_do_not_have_is_refused(
    pushed: Path, url: str, problem: str
) -> None:
    commit_config(url)
    with pytest.raises(SweepError, match=problem):
        build_tasks()


@pytest.mark.parametrize("url", ["/srv/store", '"/srv/our, store"', "ssh://localhost/store"])
def test_a_dvc_remote_that_all_machines_have_is_taken(pushed: Path, url: str) -> None:
    commit_config(url)
    assert len(build_tasks()) == 2


def test_only_experiments_that_were_pushed_are_fetched(pushed: Path) -> None:
    first, second = build_tasks()
    run_git("push", "-q", "origin", f"HEAD:{first.ref}")
    remote_sweep.fetch_experiments([first, second])
    assert sweeps.find_run(first.name) == first.commit
    assert sweeps.find_run(second.name) == ""


class FakeFuture:
    """A task that has ended without a result."""

    def __init__(self, status: str, error: Exception | None = None) -> None:
        self.status, self.error = status, error

    def cancelled(self) -> bool:
        return self.status == "cancelled"

    def exception(self) -> Exception | None:
        return self.error


def describe_failure(status: str, error: Exception | None = None) -> str:
    future: Any = FakeFuture(status, error)
    return remote_sweep.describe_failure("sweep-a", future)


def test_why_a_task_failed_is_one_line() -> None:
    from distributed import KilledWorker

    killed = KilledWorker("sweep-a", None, 3)  # type: ignore[arg-type]
    assert describe_failure("finished") == ""
    assert describe_failure("error", TaskError("m1: dvc exp run failed: x")) == (
        "sweep-a: m1: dvc exp run failed: x"
    )
    assert describe_failure("error", killed).startswith("sweep-a: 4 workers died while they ran it")
    assert describe_failure("cancelled").startswith("sweep-a: the scheduler was lost")
    assert describe_failure("error", ModuleNotFoundError("No module named 'pipeline'")) == (
        "sweep-a: ModuleNotFoundError: No module named 'pipeline'"
    )


@pytest.mark.slow
def test_an_address_without_a_scheduler_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote_sweep, "CONNECT_SECONDS", 1)
    with pytest.raises(SweepError, match=r"^no Dask scheduler at tcp://127.0.0.1:9 within 1 s; "):
        remote_sweep.connect("tcp://127.0.0.1:9")


def test_a_wait_for_a_sweep_that_ended_early_ends_at_once_with_its_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(toy.LOG, str(tmp_path / "toy.log"))
    monkeypatch.setattr(e2e_sweep, "TIMEOUT_SECONDS", 10.0)
    (tmp_path / "sweep.log").write_text("error: no worker")
    sweep = subprocess.Popen([sys.executable, "-c", ""], text=True)
    with pytest.raises(AssertionError, match=r"^error: no worker"):
        e2e_sweep.kill_worker(tmp_path, sweep, 0, sweep)


@pytest.mark.slow
def test_a_worker_that_is_killed_costs_no_row_and_nothing_runs_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(toy.LOG, str(tmp_path / "toy.log"))
    monkeypatch.setenv(toy.SECONDS, "4")
    project = e2e_sweep.make_project(tmp_path)
    (tmp_path / "toy.log").unlink(missing_ok=True)
    with e2e_sweep.run_cluster(tmp_path, 2) as (address, workers):
        sweep = e2e_sweep.start_sweep(project, 4, "--scheduler", address)
        e2e_sweep.kill_worker(tmp_path, workers[0], 0, sweep)
        rows = e2e_sweep.finish_sweep(project, sweep)
    units = ["9", "10", "11", "12"]
    assert [row["experiment"] for row in rows] == [f"[{unit}]" for unit in units]
    assert sorted(e2e_sweep.read_trainings("ended"), key=int) == units
    assert len(e2e_sweep.read_trainings("began")) == len(units) + 1
    assert e2e_sweep.list_experiments(project) == sorted(
        f"sweep-model.dense.units-_{unit}_-1" for unit in units
    )
    log = (tmp_path / "sweep.log").read_text()
    assert re.search(r"^\[4/4\] sweep-", log, re.M)
    # No stage of the commit ran again: inputs came from the DVC remote.
    stages = (tmp_path / "toy.log").read_text()
    assert not re.search("^(fetch|ingest|windows) ", stages, re.M)
