"""What a killed run can leave, put right before the next one: no person is needed.

DVC writes its lock files in place, so a kill can leave `.dvc/tmp/rwlock` or `dvc.lock` empty or torn, and then every
later command stops. DVC stages in Git's index and writes refs; a kill there leaves `.git/index.lock` and the like.
Files of this project that were being written leave `.<name>.<process>.part` beside their place, which no reader looks
at; DVC's own leave `.<name>.tmp` in its cache.

Nothing is lost: a torn dvc.lock is kept aside and the last whole one of Git takes its place, and DVC finds in its run
cache what was computed since.
"""

import json
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

from pipeline.core import files, git
from pipeline.core.errors import DataError, PipelineError

DVC_TMP, DVC_PROCESS_LOCK, RWLOCK = Path(".dvc/tmp"), Path(".dvc/tmp/lock"), Path(".dvc/tmp/rwlock")
GIT_DIR, DVC_CACHE = Path(".git"), Path(".dvc/cache/files")
PART_GLOB, TMP_GLOB = ".*.part", ".*.tmp"
"""Names of what this project, and what DVC in its cache, is writing."""
OUTPUT_DIRS = ("data", "models", "metrics", "docs", ".checkpoints", ".downloads", ".ingest")
"""Folders in which this project writes; it writes in its own, too."""


def repair_project() -> list[str]:
    """Put right what a killed run left in the project's folder; returns what was done, a line each.

    Raises:
        PipelineError: DVC is running here, so that nothing may be touched.
        DataError: dvc.yaml or dvc.lock needs a person.
    """
    git.check_dvc_files()
    with _hold_dvc_lock():
        return [
            *_repair_rwlock(),
            *_restore_dvc_lock(),
            *_remove_git_locks(),
            *_remove_partial_files(),
            *_remove_partial_objects(),
        ]


@contextmanager
def _hold_dvc_lock() -> Iterator[None]:
    """Hold DVC's lock meanwhile, so that no run begins.

    Raises:
        PipelineError: DVC is running, in a command or in a stage.
    """
    if runs := find_dvc_runs():
        raise PipelineError(
            f"dvc is running here ({runs[0]}); wait until it ends, or end it, and run again"
        )
    if not DVC_TMP.is_dir():
        yield
        return
    import fcntl  # not on Windows

    with DVC_PROCESS_LOCK.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise PipelineError(
                "dvc is running here; wait until it ends, or end it, and run again"
            ) from error
        yield


def find_dvc_runs() -> list[str]:
    """Return the runs of DVC that are at a stage now: process and command."""
    holders = _read_lock_holders() or {}
    return [
        f"process {pid}: {command}"
        for pid, command in sorted(holders.items())
        if "dvc" in _read_command_line(pid)
    ]


def _read_lock_holders() -> dict[int, str] | None:
    """Return who holds the read-write lock, process and command; None if it is no such file."""
    try:
        held = json.loads(RWLOCK.read_bytes())
        writers = list(held.get("write", {}).values())
        infos = [*writers, *(info for readers in held.get("read", {}).values() for info in readers)]
        return {int(info["pid"]): str(info["cmd"]) for info in infos}
    except FileNotFoundError:
        return {}
    except (
        OSError,
        ArithmeticError,
        ValueError,
        TypeError,
        LookupError,
        AttributeError,
        RecursionError,
    ):
        return None


def _read_command_line(pid: int) -> str:
    """Return the command line of a process; nothing if it is gone."""
    try:
        return " ".join(psutil.Process(pid).cmdline())
    except (psutil.Error, ValueError, OverflowError):
        return ""


def _repair_rwlock() -> Iterator[str]:
    """Remove the read-write lock if it is torn or names runs that are gone."""
    held = _read_lock_holders()
    if held is None or held:
        RWLOCK.unlink()
        yield f"{RWLOCK}: {'torn' if held is None else 'left by a run that is gone'}; removed"


def _restore_dvc_lock() -> Iterator[str]:
    """Put the last whole dvc.lock of Git in the place of a torn one; without one, DVC begins a new one."""
    if not git.DVC_LOCK.exists() or is_complete_lock(git.DVC_LOCK.read_bytes()):
        return
    aside = DVC_TMP / "dvc.lock.torn"
    DVC_TMP.mkdir(parents=True, exist_ok=True)
    git.DVC_LOCK.replace(aside)
    command = ["git", "show", f"HEAD:./{git.DVC_LOCK}"]
    committed = subprocess.run(command, capture_output=True, check=False).stdout
    if committed and is_complete_lock(committed):
        files.write_bytes(git.DVC_LOCK, committed)
    source = "the one of the last commit" if git.DVC_LOCK.exists() else "none, DVC writes a new one"
    yield f"{git.DVC_LOCK}: torn; kept as {aside}, in its place is {source}"


def is_complete_lock(data: bytes) -> bool:
    """Whether bytes are a record of stages as DVC writes it, to the last entry."""
    try:
        text = data.decode("utf-8")
        stages = git.DvcLock.parse(text).stages.values()
    except (UnicodeDecodeError, DataError):
        return False
    entries = [entry for stage in stages for entry in (*stage.deps, *stage.outs)]
    return (
        text.startswith("schema: '2.0'\nstages:\n")
        and text.endswith("\n")
        and all(stage.command for stage in stages)
        and all(len(entry.md5.removesuffix(".dir")) == 32 for entry in entries)
    )


def _remove_git_locks() -> Iterator[str]:
    """Remove the locks of Git's index, head and refs if neither git nor dvc, which writes refs itself, is at work."""
    locks = [*GIT_DIR.glob("*.lock"), *GIT_DIR.glob("refs/**/*.lock")]
    if locks and not (find_project_processes("git") or find_project_processes("dvc")):
        for path in sorted(locks):
            path.unlink()
            yield f"{path}: left by a run that is gone; removed"


def find_project_processes(program: str) -> list[int]:
    """Return the processes of git or dvc in this project, in folders of its experiments and in worktrees of its Git.

    The workers of a queue are among them, which hold no lock of the project but use its cache.
    """
    linked = (
        Path(path.read_text("utf-8").strip()).parent for path in GIT_DIR.glob("worktrees/*/gitdir")
    )
    folders = [Path.cwd(), *(folder.resolve() for folder in linked)]
    processes = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            folder = Path(process.cwd())
            if any(map(folder.is_relative_to, folders)) and _is_program(program, process.cmdline()):
                processes.append(process.pid)
    return processes


def _is_program(program: str, arguments: Sequence[str]) -> bool:
    """Whether a command is a program: by its name, or as a script or module of Python."""
    return program in [Path(word).name for word in arguments[:3]]


def _remove_partial_files() -> Iterator[str]:
    """Remove what was being written by processes that are gone."""
    inside = (path for folder in OUTPUT_DIRS for path in sorted(Path(folder).rglob(PART_GLOB)))
    for path in (*sorted(Path().glob(PART_GLOB)), *inside):
        writer = path.name.split(".")[-2]
        if writer.isdecimal() and path.exists() and not is_process_alive(int(writer)):
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink()
            yield f"{path}: half written by a run that is gone; removed"


def _remove_partial_objects() -> Iterator[str]:
    """Remove what DVC was writing into its cache if none is at work, so that nobody goes on with it."""
    halves = sorted(DVC_CACHE.rglob(TMP_GLOB))
    if halves and not find_project_processes("dvc"):
        for path in halves:
            path.unlink()
            yield f"{path}: half written by a run that is gone; removed"


def is_process_alive(pid: int) -> bool:
    """Whether there is such a process."""
    try:
        return psutil.pid_exists(pid)
    except OverflowError:
        return True
