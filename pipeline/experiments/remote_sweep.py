"""A sweep on the workers of a Dask scheduler: one task a run.

A worker clones the Git remote `origin` at the commit that is checked out here, pulls what the run needs from the DVC remote,
and pushes the experiment to Git and its outputs to the DVC remote (`sweep_task`). Here it is fetched from Git. Before it
runs, a task looks for its experiment on the Git remote: a task that Dask repeats after a worker is lost does not run twice.
"""

import configparser
import logging
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.config import Params
from pipeline.core import console, git
from pipeline.core.errors import DataError
from pipeline.experiments import study, sweep_task
from pipeline.experiments.study import Run
from pipeline.experiments.sweep import (
    LAST_STAGE,
    Sweep,
    SweepError,
    check_architectures,
    find_run,
)
from pipeline.experiments.sweep_task import SweepTask

if TYPE_CHECKING:
    from distributed import Client, Future

GIT_REMOTE = "origin"
DVC_CONFIG = Path(".dvc/config")
CONNECT_SECONDS = 30
"""Seconds to wait for the scheduler."""
IDENTITY = re.compile(r"(?P<name>.*) <(?P<email>.*)> ")
"""What `git var GIT_COMMITTER_IDENT` prints, before the time."""
RUN_OPTIONS = ("--temp", "--pull", "--allow-missing")
"""Pull the inputs of stages that run, and only these."""


def run_remote_sweep(
    sweep: Sweep, params: Params, scheduler: str, print_line: Callable[[str], None]
) -> None:
    """Run what has not been run from this commit on the workers of a scheduler, and fetch the experiments.

    All runs are waited for: one that fails costs no other.

    Args:
        sweep: what to run.
        params: of the project.
        scheduler: address of a Dask scheduler, such as `tcp://10.0.0.1:8786`.
        print_line: prints a line.

    Raises:
        SweepError: workers cannot get this commit or its inputs, there is no scheduler, or a run failed.
    """
    runs = dict(sweep.list_runs())
    missing = {name: run for name, run in runs.items() if not find_run(name)}
    for name in runs.keys() - missing.keys():
        print_line(f"{name}: run before")
    if missing:
        tasks = build_tasks(missing, params)
        failures = run_tasks(tasks, scheduler, print_line)
        fetch_experiments(tasks)
        if failures:
            raise SweepError(
                f"{len(failures)} of {len(runs)} runs failed, the first: {failures[0]}"
            )
    for name in runs:
        check_architectures(name, sweep.architectures)


def build_tasks(runs: dict[str, Run], params: Params) -> list[SweepTask]:
    """Return what workers get.

    Args:
        runs: by the name of the experiment.
        params: of the project.

    Raises:
        SweepError: workers cannot get this commit or its inputs; the message has the remedy.
    """
    git_url = find_git_url()
    check_work_tree()
    check_dvc_remote()
    identity = IDENTITY.match(git.run_git("var", "GIT_COMMITTER_IDENT"))
    assert identity
    return [
        SweepTask(
            name=name,
            git_url=git_url,
            commit=git.find_commit("HEAD"),
            project_folder=git.run_git("rev-parse", "--show-prefix").strip(),
            run_arguments=(
                *study.build_command(name, run, params)[1:],
                *RUN_OPTIONS,
                LAST_STAGE,
            ),
            author_name=identity["name"],
            author_email=identity["email"],
        )
        for name, run in runs.items()
    ]


def check_work_tree() -> None:
    """Check that the Git remote has all that is here.

    Raises:
        SweepError: a file that Git tracks was changed, or the commit was not pushed.
    """
    if changes := git.run_git("status", "--porcelain", "--untracked-files=no").splitlines():
        file = changes[0][3:]
        raise SweepError(f"{file} was changed, which workers do not see; commit it and 'git push'")
    branches = f"refs/remotes/{GIT_REMOTE}"
    if not git.run_git("for-each-ref", "--count=1", "--contains=HEAD", branches):
        commit = git.find_commit("HEAD")[:7]
        raise SweepError(
            f"commit {commit} is on no branch of the Git remote {GIT_REMOTE}, which workers clone; "
            f"run 'git push {GIT_REMOTE} HEAD'"
        )


def find_git_url() -> str:
    """Return the URL of the Git remote; a path is made absolute.

    Raises:
        SweepError: there is no such remote.
    """
    try:
        url = git.run_git("remote", "get-url", GIT_REMOTE).strip()
    except DataError as error:
        raise SweepError(
            f"no Git remote {GIT_REMOTE}, which workers clone; run 'git remote add {GIT_REMOTE} URL' and 'git push'"
        ) from error
    root = git.run_git("rev-parse", "--show-toplevel").strip()
    path = Path(root, url)
    return str(path.resolve()) if path.exists() else url


def check_dvc_remote() -> None:
    """Check that the commit names a DVC remote that means the same on other machines.

    DVC quotes a URL that has a comma.

    Raises:
        SweepError: it names none, or one by a relative path.
    """
    config = configparser.ConfigParser(interpolation=None)
    config.read_string(git.read_text("HEAD", DVC_CONFIG) or "[core]")
    name = config.get("core", "remote", fallback="")
    url = config.get(f"'remote \"{name}\"'", "url", fallback="").strip("\"'")
    if not url:
        raise SweepError(
            f"no DVC remote in {DVC_CONFIG}, where workers get inputs; run 'dvc remote add -d store URL', commit and "
            "'git push'"
        )
    if "://" not in url and not Path(url).is_absolute():
        raise SweepError(
            f"{DVC_CONFIG}: remote {name} is at {url}, which is another folder in each clone; set a URL or an "
            f"absolute path, commit and 'git push'"
        )


def run_tasks(
    tasks: Sequence[SweepTask], scheduler: str, print_line: Callable[[str], None]
) -> list[str]:
    """Run tasks on the workers of a scheduler while showing progress.

    Returns:
        A line for each that failed.

    Raises:
        SweepError: there is no scheduler at that address.
    """
    from distributed import as_completed

    failures = []
    with connect(scheduler) as client:
        print_line(f"{len(client.nthreads())} workers at {scheduler}")
        # A key is a run: a second caller of the same sweep waits for the same task.
        names = {
            client.submit(sweep_task.run_task, task, key=f"{task.name}-{task.commit}"): task.name
            for task in tasks
        }
        ended = as_completed(names, loop=client.loop)
        done = console.track_progress(ended, "running experiments", len(tasks))
        for number, future in enumerate(done, 1):
            name = names[future]
            failure = describe_failure(name, future)
            if failure:
                failures.append(failure)
            print_line(f"[{number}/{len(tasks)}] {failure or f'{name}: {future.result()}'}")
            # The worker that has a result may die: what nobody waits for is not computed again.
            future.release()
    return failures


def connect(scheduler: str) -> "Client":
    """Connect to a scheduler; with `tls://`, certificates are those of the configuration of Dask.

    Raises:
        SweepError: there is none at that address.
    """
    from distributed import Client

    # The error that follows says what happened; a traceback before it helps nobody.
    logging.getLogger("distributed.client").setLevel(logging.CRITICAL)
    try:
        return Client(scheduler, timeout=CONNECT_SECONDS, set_as_default=False)
    except (OSError, ValueError, TypeError) as error:
        raise SweepError(
            f"no Dask scheduler at {scheduler} within {CONNECT_SECONDS} s; start one with 'dask scheduler' and pass "
            "the address that it prints"
        ) from error


def describe_failure(name: str, future: "Future[Any]") -> str:
    """Return why a task has no result, or nothing if it has one."""
    from distributed import KilledWorker

    if future.status == "finished":
        return ""
    if future.cancelled():
        return f"{name}: the scheduler was lost; run the sweep again"
    error = future.exception()
    if isinstance(error, KilledWorker):
        return (
            f"{name}: {error.allowed_failures + 1} workers died while they ran it; see their logs"
        )
    if isinstance(error, sweep_task.TaskError):
        return f"{name}: {error}"
    return f"{name}: {type(error).__name__}: {error}"


def fetch_experiments(tasks: Sequence[SweepTask]) -> None:
    """Fetch the experiments that the Git remote has; their outputs stay in the DVC remote."""
    listed = git.run_git("ls-remote", GIT_REMOTE, "refs/exps/*")
    refs = [task.ref for task in tasks if f"\t{task.ref}\n" in listed]
    if refs:
        git.run_git("fetch", "-q", GIT_REMOTE, *(f"{ref}:{ref}" for ref in refs))
