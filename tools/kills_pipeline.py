"""Kill `dvc repro` at random moments and start it again, until it ends; then hold every output against a quiet run.

    python tools/kills_pipeline.py /tmp/kills --kills 100 [--each-stage] [--bare] [--target ngrams]

A kill is SIGKILL to dvc alone, to the stage alone, or to both at once. It comes at a random moment after the start, so
that long stages have most of them; or, with --each-stage, at a random moment of each stage in turn. A start is
`music-rnn repair`, then `dvc repro`, as in `make repro`; with --bare, repair comes only where DVC alone was stuck.

What is counted: starts that did not go on by themselves, processes that outlived their run, and outputs that are not,
byte for byte, those of the run that nobody disturbed. Timings and the page that shows them differ between any two runs
and are left out.
"""

import argparse
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from itertools import pairwise
from pathlib import Path

import small

TIMED = ("metrics/benchmark.json", "metrics/decision.md", "metrics/report.html")
SHARE = 4
"""A kill comes within this share of the time of a quiet run; less, and the longest stage, which begins anew each time,
would never come to its end."""
PATIENCE = 10.0
"""Seconds that a stage may outlive its run: one that was just born must import before it can see that it is alone."""
LONGEST = "longest that a process outlived its run [ms]"
WHOM = ("dvc", "stage", "both")
Moment = tuple[list[str], float]
"""Stages, or none for any, and the seconds after one of them began."""


def processes(folder: Path) -> list[int]:
    """Return the processes that stand in a folder."""
    found = []
    for each in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if (each / "cwd").readlink().is_relative_to(folder):
                found.append(int(each.name))
    return found


def start(folder: Path, command: list[str], mend: bool = True) -> subprocess.Popen[str]:
    """Repair, then begin a run in a group of its own."""
    if mend:
        repaired = small.run(folder, sys.executable, "-m", "pipeline", "repair", check=False)
        print(repaired.stderr, end="", flush=True)
    with (folder.parent / "log.txt").open("w") as log:
        return subprocess.Popen(
            command,
            cwd=folder,
            env=small.environment(),
            stdout=log,
            stderr=log,
            text=True,
            process_group=0,
        )


def kill(run: subprocess.Popen[str], whom: str) -> bool:
    """Kill dvc, its stage or both; between two stages, the next one. Returns whether there was anything to kill."""
    if whom == "stage":
        while not (children := stages_of(run)) and run.poll() is None:
            time.sleep(0.005)
        for child in children:
            with suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)
        run.wait()
        return bool(children)
    if run.poll() is not None:
        return False
    (os.killpg if whom == "both" else os.kill)(run.pid, signal.SIGKILL)
    run.wait()
    return True


def stages_of(run: subprocess.Popen[str]) -> list[int]:
    """Return the children of a run that are stages, or about to be."""
    found = []
    with suppress(OSError):
        for child in Path(f"/proc/{run.pid}/task/{run.pid}/children").read_text().split():
            if b"pipeline.stages" in Path(f"/proc/{child}/cmdline").read_bytes():
                found.append(int(child))
    return found


def stage(folder: Path) -> str:
    """Return the stage that ran last."""
    lines = (folder.parent / "log.txt").read_text().splitlines()
    named = [line.split("'")[1] for line in lines if line.startswith("Running stage")]
    return named[-1] if named else ""


def undisturbed(folder: Path, command: list[str]) -> dict[str, float]:
    """Run to the end; returns how long each stage took [s], in the order of the run.

    Raises:
        SystemExit: it failed.
    """
    run = start(folder, command)
    began: dict[str, float] = {}
    while run.poll() is None:
        began.setdefault(stage(folder), time.monotonic())
        time.sleep(0.02)
    if run.returncode:
        raise SystemExit((folder.parent / "log.txt").read_text()[-2000:])
    times = [*began.values(), time.monotonic()]
    return {
        name: after - before for name, (before, after) in zip(began, pairwise(times), strict=True)
    }


def anywhere(rng: random.Random, lasted: dict[str, float]) -> Iterator[Moment]:
    """Give moments at any time after a start, without end."""
    while True:
        yield [], rng.uniform(0.3, sum(lasted.values()) / SHARE)


def in_each_stage(rng: random.Random, lasted: dict[str, float]) -> Iterator[Moment]:
    """Give a moment of each stage, or of one after it where that stage has been passed."""
    for place, seconds in enumerate(lasted.values()):
        yield list(lasted)[place:], rng.uniform(0, seconds)


def main() -> None:
    """Make a quiet run, then kill until there were enough kills."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--each-stage", action="store_true", help="kill in each stage in turn")
    parser.add_argument("--bare", action="store_true", help="repair only where DVC alone was stuck")
    parser.add_argument(
        "--target", nargs="*", default=[], help="stages for dvc repro; default: all"
    )
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    shutil.rmtree(args.folder, ignore_errors=True)
    folder = args.folder.resolve() / "project"
    folder.mkdir(parents=True)
    small.make(folder)
    command = ["dvc", "repro", *args.target]
    lasted = undisturbed(folder, command)
    print(f"a quiet run takes {sum(lasted.values()):.0f} s", flush=True)
    expected = small.outputs(folder, TIMED)
    moments = in_each_stage if args.each_stage else anywhere
    counts: Counter[str] = Counter()
    rng = random.Random(args.seed)
    while counts["kills"] < args.kills:
        for place in (
            "dvc.lock",
            "data/raw",
            "data/notes",
            "data/windows",
            "data/samples",
            "models",
            "metrics",
        ):
            path = folder / place
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
        shutil.rmtree(folder / ".dvc/cache")
        small.run(folder, "git", "checkout", "--", *small.STUDIES)
        cycle(folder, command, moments(rng, lasted), counts, args.bare)
        found = small.outputs(folder, TIMED)
        counts["outputs compared"] += len(found)
        counts["outputs that differ"] += sum(
            found.get(name) != data for name, data in expected.items()
        )
        counts["outputs too many"] += len(found.keys() - expected.keys())
        print(dict(counts), flush=True)
    print({name: count for name, count in sorted(counts.items())})


def gone(folder: Path) -> float:
    """Wait until no process stands in the folder; returns how long that took [s].

    Raises:
        SystemExit: one outlives its run.
    """
    began = time.monotonic()
    while left := processes(folder):
        if time.monotonic() > began + PATIENCE:
            raise SystemExit(f"processes {left} outlived their run by {PATIENCE:.0f} s")
        time.sleep(0.01)
    return time.monotonic() - began


def reached(run: subprocess.Popen[str], folder: Path, moment: Moment | None) -> bool:
    """Wait for a moment; returns whether the run is still under way then."""
    names, seconds = moment or ([], None)
    while names and run.poll() is None and stage(folder) not in names:
        time.sleep(0.02)
    with suppress(subprocess.TimeoutExpired):
        run.wait(seconds)
    return run.returncode is None


def cycle(
    folder: Path, command: list[str], moments: Iterator[Moment], counts: Counter[str], bare: bool
) -> None:
    """Start and kill until a run ends by itself."""
    mend = not bare
    while True:
        run, mend = start(folder, command, mend), not bare
        if reached(run, folder, next(moments, None)):
            whom = WHOM[counts["kills"] % len(WHOM)]
            where = stage(folder).partition("@")[0] or "before any stage"
            if not kill(run, whom):
                counts["nothing to kill"] += 1
                continue
            outlived = round(1000 * gone(folder))
            counts[LONGEST] = max(counts[LONGEST], outlived)
            counts["kills"] += 1
            counts[f"killed {whom}"] += 1
            counts[f"in {where}"] += 1
            print(
                f"kill {counts['kills']}: {whom} in {where}, all gone after {outlived} ms",
                flush=True,
            )
            continue
        if run.returncode == 0:
            counts["runs to the end"] += 1
            return
        counts["stuck"] += 1
        print((folder.parent / "log.txt").read_text()[-2000:], flush=True)
        if not bare and counts["stuck"] > 5:
            raise SystemExit("stuck too often")
        mend = True


if __name__ == "__main__":
    main()
