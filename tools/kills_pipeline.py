"""Kill `dvc repro` at random times, restart it until it ends, and compare every output with a run without kills.

    python tools/kills_pipeline.py /tmp/kills --kills 100 [--each-stage] [--bare] [--target ngrams]

A kill is SIGKILL to DVC alone, to the stage alone, or to both. It comes at a random time after the start, so that long
stages get most kills; with --each-stage, at a random time in each stage in turn. A start is `music-rnn repair`, then
`dvc repro`, as in `make repro`; with --bare, repair runs only after DVC alone could not continue.

Counted are starts that could not continue, processes that outlived their run, and outputs that differ, byte for byte,
from those of the run without kills. Timings and the pages that contain them are excluded.
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
KILL_SHARE = 4
"""A kill comes within one part in so many of the time of a full run; sooner, and the longest stage would never end."""
MAX_OUTLIVED = 10.0
"""Time that a stage may outlive its run [s]: a new process imports before it can detect that its parent is gone."""
LONGEST_OUTLIVED = "longest that a process outlived its run [ms]"
TARGETS = ("dvc", "stage", "both")
KillTime = tuple[list[str], float]
"""Names of stages (none for any), and seconds after the start of one of them."""


def find_processes(folder: Path) -> list[int]:
    """Return the processes whose working directory is in a folder."""
    pids = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if (process / "cwd").readlink().is_relative_to(folder):
                pids.append(int(process.name))
    return pids


def start_run(folder: Path, command: list[str], repair: bool = True) -> subprocess.Popen[str]:
    """Repair, then start a run in its own process group."""
    if repair:
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


def kill_run(run: subprocess.Popen[str], target: str) -> bool:
    """Kill DVC, its stage (between two stages, the next one) or both; return whether anything was killed."""
    if target == "stage":
        while not (children := find_stage_processes(run)) and run.poll() is None:
            time.sleep(0.005)
        for child in children:
            with suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)
        run.wait()
        return bool(children)
    if run.poll() is not None:
        return False
    (os.killpg if target == "both" else os.kill)(run.pid, signal.SIGKILL)
    run.wait()
    return True


def find_stage_processes(run: subprocess.Popen[str]) -> list[int]:
    """Return the child processes of a run that are stages."""
    pids = []
    with suppress(OSError):
        for child in Path(f"/proc/{run.pid}/task/{run.pid}/children").read_text().split():
            if b"pipeline.stages" in Path(f"/proc/{child}/cmdline").read_bytes():
                pids.append(int(child))
    return pids


def read_current_stage(folder: Path) -> str:
    """Return the stage that started last, from the log."""
    lines = (folder.parent / "log.txt").read_text().splitlines()
    names = [line.split("'")[1] for line in lines if line.startswith("Running stage")]
    return names[-1] if names else ""


def time_stages(folder: Path, command: list[str]) -> dict[str, float]:
    """Run to the end; return the time of each stage [s], in the order of the run.

    Raises:
        SystemExit: the run failed.
    """
    run = start_run(folder, command)
    starts: dict[str, float] = {}
    while run.poll() is None:
        starts.setdefault(read_current_stage(folder), time.monotonic())
        time.sleep(0.02)
    if run.returncode:
        raise SystemExit((folder.parent / "log.txt").read_text()[-2000:])
    times = [*starts.values(), time.monotonic()]
    return {
        name: after - before for name, (before, after) in zip(starts, pairwise(times), strict=True)
    }


def draw_any_times(rng: random.Random, stage_seconds: dict[str, float]) -> Iterator[KillTime]:
    """Yield times after a start, without end."""
    while True:
        yield [], rng.uniform(0.3, sum(stage_seconds.values()) / KILL_SHARE)


def draw_times_in_each_stage(
    rng: random.Random, stage_seconds: dict[str, float]
) -> Iterator[KillTime]:
    """Yield a time in each stage, or in a later one if that stage is over."""
    for index, seconds in enumerate(stage_seconds.values()):
        yield list(stage_seconds)[index:], rng.uniform(0, seconds)


def main() -> None:
    """Run once without kills, then run and kill until there were enough kills."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--each-stage", action="store_true", help="kill in each stage in turn")
    parser.add_argument(
        "--bare", action="store_true", help="repair only after DVC alone could not continue"
    )
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
    stage_seconds = time_stages(folder, command)
    print(f"a run without kills takes {sum(stage_seconds.values()):.0f} s", flush=True)
    expected = small.outputs(folder, TIMED)
    draw_times = draw_times_in_each_stage if args.each_stage else draw_any_times
    counts: Counter[str] = Counter()
    rng = random.Random(args.seed)
    while counts["kills"] < args.kills:
        small.remove_outputs(folder)
        run_with_kills(folder, command, draw_times(rng, stage_seconds), counts, args.bare)
        outputs = small.outputs(folder, TIMED)
        counts["outputs compared"] += len(outputs)
        counts["outputs that differ"] += sum(
            outputs.get(name) != data for name, data in expected.items()
        )
        counts["extra outputs"] += len(outputs.keys() - expected.keys())
        print(dict(counts), flush=True)
    print(dict(sorted(counts.items())))


def wait_until_gone(folder: Path) -> float:
    """Wait until no process works in the folder; return the time that took [s].

    Raises:
        SystemExit: a process outlives its run.
    """
    start = time.monotonic()
    while pids := find_processes(folder):
        if time.monotonic() > start + MAX_OUTLIVED:
            raise SystemExit(f"processes {pids} outlived their run by {MAX_OUTLIVED:.0f} s")
        time.sleep(0.01)
    return time.monotonic() - start


def wait_for_kill_time(
    run: subprocess.Popen[str], folder: Path, kill_time: KillTime | None
) -> bool:
    """Wait for a kill time; return whether the run is still running then."""
    names, seconds = kill_time or ([], None)
    while names and run.poll() is None and read_current_stage(folder) not in names:
        time.sleep(0.02)
    with suppress(subprocess.TimeoutExpired):
        run.wait(seconds)
    return run.returncode is None


def run_with_kills(
    folder: Path,
    command: list[str],
    kill_times: Iterator[KillTime],
    counts: Counter[str],
    bare: bool,
) -> None:
    """Start and kill until a run ends by itself."""
    repair = not bare
    while True:
        run, repair = start_run(folder, command, repair), not bare
        if wait_for_kill_time(run, folder, next(kill_times, None)):
            target = TARGETS[counts["kills"] % len(TARGETS)]
            stage = read_current_stage(folder).partition("@")[0] or "before any stage"
            if not kill_run(run, target):
                counts["nothing to kill"] += 1
                continue
            outlived = round(1000 * wait_until_gone(folder))
            counts[LONGEST_OUTLIVED] = max(counts[LONGEST_OUTLIVED], outlived)
            counts["kills"] += 1
            counts[f"killed {target}"] += 1
            counts[f"in {stage}"] += 1
            print(
                f"kill {counts['kills']}: {target} in {stage}, all processes gone after {outlived} ms",
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
        repair = True


if __name__ == "__main__":
    main()
