"""One run of a sweep on a worker of Dask: clone the project, run the experiment, push it.

`remote_sweep` sends a task; this module runs in the process of the worker. A clone is kept in the local directory of the
worker, which Dask removes when the worker ends, so that later runs find Git history and DVC cache there.
"""

import hashlib
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline.core import threads
from pipeline.core.errors import PipelineError

RUN_DVC = (
    "import runpy; from pipeline.core import lifetime; lifetime.die_with_parent(); "
    "runpy.run_module('dvc', run_name='__main__', alter_sys=True)"
)
"""`python -m dvc`, in a process that ends with the worker: a killed worker must not go on with a run that another gets."""
NUM_LAST_LINES = 4
"""Lines of the output of a failed command that an error has."""
DASK_PREFIX = "DASK_"
"""Of environment variables of Dask. A run that read them would wait for the cluster that waits for the run."""


class TaskError(PipelineError):
    """A command of a run failed on a worker."""


@dataclass(frozen=True)
class SweepTask:
    """All that a worker gets of a run."""

    name: str
    """Of the experiment."""
    git_url: str
    """A path, ssh or https."""
    commit: str
    """That the experiment starts from, on a branch of that repository."""
    project_folder: str
    """Where dvc.yaml is, relative to the root of the repository."""
    run_arguments: tuple[str, ...]
    """Of `dvc`, such as `exp run -n NAME -S KEY=VALUE --temp STAGE`."""
    author_name: str
    author_email: str
    """Of the commit that an experiment is."""

    @property
    def ref(self) -> str:
        """Name of the experiment in Git."""
        return f"refs/exps/{self.commit[:2]}/{self.commit[2:]}/{self.name}"


def run_task(task: SweepTask) -> str:
    """Run an experiment and push it, unless the Git remote has it; called by a worker of Dask.

    Returns:
        What was done, and where, in one line.

    Raises:
        TaskError: a command failed; the last lines of its output.
    """
    from distributed import get_worker

    return run_in_clone(task, choose_clone(Path(get_worker().local_directory), task.git_url))


def choose_clone(worker_folder: Path, git_url: str) -> Path:
    """Return the folder of a clone: one for each repository and thread of a worker, so that no two runs share one."""
    repository = hashlib.sha256(git_url.encode()).hexdigest()[:12]
    return worker_folder / f"sweep-{repository}-{threading.get_ident()}"


def run_in_clone(task: SweepTask, clone: Path) -> str:
    """Run an experiment in a clone, and push it; the clone is made or updated first.

    The cache is pushed before the ref, so that an experiment which the Git remote has is complete.

    Raises:
        TaskError: a command failed; the last lines of its output.
    """
    started = time.monotonic()
    host = socket.gethostname()
    update_clone(task, clone)
    if _lists_ref(clone, task, "ls-remote", "origin"):
        return f"pushed before, seen by {host}"
    project = clone / task.project_folder
    # What a run leaves there if its process is killed.
    shutil.rmtree(project / ".dvc/tmp/exps", ignore_errors=True)
    if not _lists_ref(clone, task, "for-each-ref"):
        _run_dvc(project, *task.run_arguments)
    # The clone has the ref, so that only the cache moves.
    _run_dvc(project, "exp", "push", "--run-cache", str(clone.resolve()), task.name)
    _run_git(clone, "push", "-q", "origin", f"{task.ref}:{task.ref}")
    return f"ran on {host} in {time.monotonic() - started:.0f} s"


def update_clone(task: SweepTask, clone: Path) -> None:
    """Clone the repository, or fetch what is new, and check out the commit of a task."""
    if clone.exists():
        _run_git(clone, "fetch", "-q", "origin")
    else:
        clone.parent.mkdir(parents=True, exist_ok=True)
        _run_git(clone.parent, "clone", "-q", "--no-checkout", task.git_url, str(clone))
    _run_git(clone, "config", "user.name", task.author_name)
    _run_git(clone, "config", "user.email", task.author_email)
    _run_git(clone, "checkout", "-q", "--force", "--detach", task.commit)


def build_environment() -> dict[str, str]:
    """Return the environment of the commands of a run.

    `python` of dvc.yaml is that of the worker, BLAS uses one thread, and Git asks for no password.
    """
    kept = {key: value for key, value in os.environ.items() if not key.startswith(DASK_PREFIX)}
    programs = [str(Path(sys.executable).parent), kept.get("PATH", os.defpath)]
    return {
        **kept,
        **dict.fromkeys(threads.VARIABLES, "1"),
        "PATH": os.pathsep.join(programs),
        "GIT_TERMINAL_PROMPT": "0",
        "DVC_NO_ANALYTICS": "1",
    }


def _lists_ref(clone: Path, task: SweepTask, *command: str) -> bool:
    """Whether a command of Git lists the experiment; messages, such as those of SSH, may stand around it."""
    return f"\t{task.ref}\n" in _run_git(clone, *command, task.ref)


def _run_git(folder: Path, *arguments: str) -> str:
    return _run_command(folder, ("git", *arguments), f"git {arguments[0]}")


def _run_dvc(folder: Path, *arguments: str) -> str:
    # -P: the package of the worker, not that of the clone; stages run that of the clone.
    command = (sys.executable, "-P", "-c", RUN_DVC, *arguments)
    return _run_command(folder, command, f"dvc {' '.join(arguments[:2])}")


def _run_command(folder: Path, command: Sequence[str], title: str) -> str:
    """Run a command and return its output.

    Raises:
        TaskError: it failed; host, command and the last lines of its output.
    """
    done = subprocess.run(
        command,
        cwd=folder,
        env=build_environment(),
        check=False,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )
    if done.returncode:
        raise TaskError(f"{socket.gethostname()}: {title} failed: {get_last_lines(done.stdout)}")
    return done.stdout


def get_last_lines(output: str) -> str:
    """Return the last lines of an output in one line; a progress bar that was drawn over counts once."""
    lines = [line.rsplit("\r", 1)[-1].strip() for line in output.split("\n")]
    return " | ".join([line for line in lines if line][-NUM_LAST_LINES:]) or "no output"
