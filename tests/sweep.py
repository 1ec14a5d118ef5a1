"""Twelve experiments, two at a time: `python tests/sweep.py [toy|real] FOLDER`; code 1 if one failed or left something.

Two sizes of one architecture, three of another, two seeds. `real` runs the project's own stages on a few made-up
pieces.
"""

import re
import sys
import time
from pathlib import Path

import rehearsal
import toy_project as toy

GRID = ("model.baseline.units=[8],[16]", "model.dense.units=[8],[16],[32]", "seed=1,2")
SHOWN = r"Experiment|best\..*|model\.(baseline|dense)\.units|seed"


def wait_for_queue(project: Path, minutes: float = 120) -> str:
    """Wait until no task is queued or running, and return what the queue says then."""
    until = time.monotonic() + 60 * minutes
    while time.monotonic() < until:
        status = toy.run(project, "dvc", "queue", "status").stdout
        if not re.search(r"\b(Queued|Running)\b", status):
            return status
        time.sleep(5)
    raise SystemExit("the queue is not done")


def list_leftovers(project: Path) -> list[str]:
    """Return what a sweep must not leave: changed files, folders of tasks, processes that work in the project."""
    remains = toy.run(
        project, "git", "status", "--porcelain", "--untracked-files=no"
    ).stdout.splitlines()
    remains += [str(path) for path in (project / ".dvc/tmp/exps").glob("tmp*")]
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if str(project) in (process / "cwd").readlink().as_posix():
                remains.append(f"process {process.name}: {(process / 'cmdline').read_text()[:80]}")
        except OSError:  # it has ended, or is another user's
            continue
    return remains


def main(kind: str, folder: Path) -> int:
    """Sweep, show the table, count; returns the exit code."""
    project = (rehearsal.make_real_project if kind == "real" else toy.make)(
        folder.resolve() / "project"
    )
    # Two trainings side by side are no place to measure time.
    rehearsal.change_yaml(project / "dvc.yaml", stages={"benchmark": None})
    toy.commit(project, "no benchmark")
    toy.run(project, "dvc", "repro", "-q")
    toy.commit(project, "results")
    began = time.monotonic()
    toy.run(
        project,
        "dvc",
        "exp",
        "run",
        "-q",
        "--queue",
        *(part for each in GRID for part in ("-S", each)),
    )
    with (folder / "queue.log").open("w") as log:  # a pipe would stay open until the workers end
        toy.run(project, "dvc", "queue", "start", "-j", "2", out=log)
    status = wait_for_queue(project)
    time.sleep(15)  # the workers see that there is nothing to do, and end
    print(status)
    show = (
        "dvc",
        "exp",
        "show",
        "--md",
        "--drop",
        ".*",
        "--keep",
        SHOWN,
        "--sort-by",
        "best.bits_per_note",
    )
    print(toy.run(project, *show).stdout)
    done, failed, remains = status.count("Success"), status.count("Failed"), list_leftovers(project)
    took = time.monotonic() - began
    print(f"{done} done, {failed} failed, left over: {remains or 'nothing'}, {took:.0f} s")
    return int(done != 12 or bool(remains))


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1], Path(sys.argv[2])))
