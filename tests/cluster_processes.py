"""A Dask scheduler and workers as processes of their own, and work that misbehaves in the workers."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from pipeline.core.errors import CorpusError

ROOT = Path(__file__).parent.parent


@dataclass(frozen=True)
class Work:
    """Returns an item, or fails in the manner that the item names."""

    name: str = "work"

    def __call__(self, item: object) -> object:
        if item == "kill reader":
            os._exit(7)
        if item == "kill worker":
            os.kill(os.getppid(), signal.SIGKILL)
            time.sleep(60)
        if item == "fault":
            raise CorpusError("the corpus is damaged")
        return item


@dataclass
class ClusterProcesses:
    """A scheduler, and workers that a nanny starts again when they die."""

    address: str
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def kill_worker(self) -> None:
        """Kill one of the worker processes, not its nanny."""
        nannies = [psutil.Process(process.pid) for process in self.processes[1:]]
        children = [child for nanny in nannies for child in nanny.children()]
        workers = [child for child in children if "spawn_main" in read_command(child)]
        workers[0].kill()


def read_command(process: psutil.Process) -> str:
    """Return the command line of a process; nothing if it has just ended."""
    try:
        return " ".join(process.cmdline())
    except psutil.NoSuchProcess:
        return ""


@contextmanager
def start_cluster(
    folder: Path, num_workers: int, variables: dict[str, str] | None = None
) -> Iterator[ClusterProcesses]:
    """Start a scheduler and workers in a folder that has no file of the project.

    Args:
        folder: where they run.
        num_workers: of one thread each.
        variables: more of their environment.
    """
    environment = os.environ | {
        "PYTHONPATH": f"{ROOT}:{ROOT / 'tests'}",
        "DASK_DISTRIBUTED__WORKER__DAEMON": "False",
        "DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": "1",
        **(variables or {}),
    }
    environment.pop("DASK_SCHEDULER_ADDRESS", None)
    file = folder / "scheduler.json"
    shared = f"--no-dashboard --scheduler-file {file}"
    commands = [f"scheduler --host 127.0.0.1 --port 0 {shared}"]
    commands += [
        f"worker --nthreads 1 {shared} --local-directory {folder / str(number)}"
        for number in range(num_workers)
    ]
    cluster = ClusterProcesses("")
    try:
        for command in commands:
            cluster.processes.append(
                subprocess.Popen(
                    [sys.executable, "-m", "dask", *command.split()],
                    cwd=folder,
                    env=environment,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                )
            )
            while not file.exists():
                time.sleep(0.1)
        cluster.address = json.loads(file.read_text())["address"]
        yield cluster
    finally:
        for process in reversed(cluster.processes):
            _kill_tree(process)


def _kill_tree(process: subprocess.Popen[bytes]) -> None:
    """Kill a process and what it started."""
    children = psutil.Process(process.pid).children(recursive=True)
    process.kill()
    process.wait()
    for child in children:
        if child.is_running():
            child.kill()
