"""A sweep on two workers that share no folder with the caller, end to end, on one machine.

    PYTHONPATH=. python tests/e2e_sweep.py FOLDER RUNS SECONDS

A bare repository is the Git remote, a folder is the DVC remote, and the stages are toys: a training takes SECONDS. One worker
is killed in the middle. Then the same sweep runs on two workers of which none is killed, and on this machine alone. Prints
rows, trainings and times of all three.
"""

import contextlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import toy_project as toy

SWEEP = ("sweep", "--architectures", "dense", "--seeds", "1", "--json")
TIMEOUT_SECONDS = 900.0
"""Long, since a busy machine must not fail the test."""


def make_project(home: Path) -> Path:
    """Return a toy project that has run and was pushed to a Git remote and a DVC remote."""
    home.mkdir(exist_ok=True)
    project = Path(shutil.copytree(toy.make_finished(), home / "project", symlinks=True))
    toy.run(home, "git", "init", "-q", "--bare", "-b", "main", "service.git")
    toy.run(project, "git", "remote", "add", "origin", "../service.git")
    toy.run(project, "dvc", "remote", "add", "-q", "-d", "store", str(home / "store"))
    toy.commit(project, "results and a remote")
    toy.run(project, "git", "push", "-q", "-u", "origin", "main")
    toy.run(project, "dvc", "push", "-q", "--run-cache")
    return project


def start_dask(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    """Start a program of Dask in a folder of its own, with the environment of a machine without configuration."""
    folder.mkdir()
    environment = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
    environment |= {"PYTHONPATH": str(toy.ROOT), "HOME": str(folder)}
    with (folder / "log").open("w") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "dask", *arguments],
            cwd=folder,
            env=environment,
            stdout=log,
            stderr=log,
            text=True,
        )


@contextlib.contextmanager
def run_cluster(home: Path, num_workers: int) -> Iterator[tuple[str, list[subprocess.Popen[str]]]]:
    """Run a scheduler and workers of one thread; yields its address, and the processes of the workers."""
    file = home / "scheduler.json"
    options = ("--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--scheduler-file")
    running = [start_dask(home / "scheduler", "scheduler", *options, str(file))]
    try:
        wait_until(file.exists)
        address = json.loads(file.read_text())["address"]
        for number in range(num_workers):
            folder = home / f"worker-{number}"
            options = ("--nthreads", "1", "--no-nanny", "--no-dashboard", "--local-directory")
            running.append(start_dask(folder, "worker", address, *options, str(folder)))
        yield address, running[1:]
    finally:
        for process in running:
            process.kill()
            process.wait()


def wait_until(
    condition: Callable[[], bool], sweep: subprocess.Popen[str] | None = None, log: Path = Path()
) -> None:
    """Wait until a condition holds, or until a sweep that it waits for has ended; then fail with the log of the sweep."""
    end = time.monotonic() + TIMEOUT_SECONDS
    while not condition():
        assert time.monotonic() < end, "too long"
        assert sweep is None or sweep.poll() is None, log.read_text()
        time.sleep(0.05)


def name_values(num_runs: int) -> str:
    """Return the assignment of a sweep of so many values."""
    return "model.dense.units=" + ",".join(f"[{8 + number}]" for number in range(1, num_runs + 1))


def read_trainings(event: str, folder: Path | str = "") -> list[str]:
    """Return the units of the models whose training began or ended below a folder, in order."""
    log = Path(os.environ[toy.LOG])
    lines = log.read_text().splitlines() if log.exists() else []
    prefix = f" {event} {folder}"
    return [line.split()[1] for line in lines if line.startswith("train") and prefix in line]


def kill_worker(
    home: Path, worker: subprocess.Popen[str], number: int, sweep: subprocess.Popen[str]
) -> None:
    """Kill a worker while it trains, once it has finished a run of a sweep."""

    def is_training() -> bool:
        folder = home / f"worker-{number}"
        ended = len(read_trainings("ended", folder))
        return ended >= 1 and len(read_trainings("began", folder)) > ended

    wait_until(is_training, sweep, home / "sweep.log")
    worker.kill()


def start_sweep(project: Path, num_runs: int, *options: str) -> subprocess.Popen[str]:
    """Start a sweep; the result is on stdout, the rest in `sweep.log` beside the project."""
    key, *rest = SWEEP
    with (project.parent / "sweep.log").open("w") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "pipeline", key, name_values(num_runs), *rest, *options],
            cwd=project,
            env=toy.build_environment(),
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )


def finish_sweep(project: Path, sweep: subprocess.Popen[str]) -> list[dict[str, object]]:
    """Wait for a sweep and return the rows of its table."""
    shown, _ = sweep.communicate()
    assert sweep.returncode == 0, (project.parent / "sweep.log").read_text()
    return list(json.loads(shown)["rows"])


def list_experiments(project: Path) -> list[str]:
    """Return the names of the experiments that `dvc exp show` has below the commit that is checked out."""
    shown = toy.run(project, "dvc", "exp", "show", "--json").stdout
    (baseline,) = [each for each in json.loads(shown) if each["rev"] != "workspace"]
    return sorted(each["name"] for each in baseline["experiments"] or [])


def main(home: Path, num_runs: int, seconds: float) -> None:
    """Run the three sweeps and print figures."""
    home.mkdir(parents=True)
    log = home / "toy.log"
    os.environ |= {toy.LOG: str(log), toy.SECONDS: str(seconds)}
    for title, kills in (("one of two workers killed", True), ("two workers", False)):
        folder = home / title.replace(" ", "-")
        project = make_project(folder)
        log.unlink(missing_ok=True)
        with run_cluster(folder, 2) as (address, workers):
            began = time.monotonic()
            sweep = start_sweep(project, num_runs, "--scheduler", address)
            if kills:
                kill_worker(folder, workers[0], 0, sweep)
            rows = finish_sweep(project, sweep)
        print_figures(title, rows, time.monotonic() - began)
        print(f"dvc exp show: {len(list_experiments(project))} experiments", flush=True)
    alone = make_project(home / "alone")
    log.unlink()
    began = time.monotonic()
    rows = finish_sweep(alone, start_sweep(alone, num_runs))
    print_figures("this machine alone", rows, time.monotonic() - began)


def print_figures(title: str, rows: list[dict[str, object]], seconds: float) -> None:
    """Print how many rows and trainings there were, and how long it took."""
    ended = read_trainings("ended")
    trained = f"{len(ended)} trainings of {len(set(ended))} values"
    print(f"{title}: {len(rows)} rows, {trained}, {seconds:.0f} s", flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]))
