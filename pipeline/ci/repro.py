"""`dvc repro` as a person wants to watch it: which stage of how many, and no line that helps nobody."""

import os
import re
import subprocess
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from pipeline.core import git, parallel
from pipeline.core.errors import DataError

STAGE_LINE = re.compile(r"^(?P<runs>Running stage|Stage) '(?P<stage>[^']+)'(?P<outcome>.*)$")
OUTCOMES = {"didn't change": "up to date", "is cached": "cached"}
"""What DVC says of a stage that it does not run, and the word for it here."""
HIDDEN_LINES = ("> exec ", "Generating lock file", "Updating lock file")
"""Begins of lines of DVC that say what the number of the stage says."""


@dataclass(frozen=True)
class StageEvent:
    """A stage that DVC came to."""

    stage: str
    status: str
    """`run`, `cached` or `up to date`."""
    number: int
    total: int

    def __str__(self) -> str:
        suffix = "" if self.status == "run" else f": {self.status}"
        return f"[{self.number}/{self.total}] {self.stage.replace('@', ' ')}{suffix}"


def run_repro(print_line: Callable[[str], None]) -> list[StageEvent]:
    """Run `dvc repro`, print its lines with numbered stages, and return the stages that it came to.

    Bars of progress go to standard error, which the stages share with this process.

    Raises:
        DataError: the run failed; DVC has printed why.
    """
    total = len(list_stages())
    # DVC writes to a pipe, and would keep its lines until it has many.
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    command = ["dvc", "repro"]
    events = []
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as child:
        assert child.stdout
        for line in number_stages(child.stdout, total):
            print_line(str(line))
            if isinstance(line, StageEvent):
                events.append(line)
    if child.returncode:
        raise DataError(f"'{' '.join(command)}' ended with {child.returncode}; its reason is above")
    return events


def describe_usage(start: os.times_result) -> str:
    """Say how much CPU time this process and those it waited for took since the start, and what share of all cores."""
    now = os.times()
    cpu_seconds = sum(now[:4]) - sum(start[:4])
    seconds = now.elapsed - start.elapsed
    cores = parallel.count_cores()
    percent = 100 * cpu_seconds / (seconds * cores) if seconds else 0.0
    return f"CPU {cpu_seconds:,.0f} s in {seconds:,.0f} s: {percent:.0f} % of {cores} cores"


def list_stages() -> list[str]:
    """Return the stages of the project.

    Raises:
        DataError: DVC cannot read the project; its last line.
    """
    git.check_dvc_files()
    command = ["dvc", "stage", "list", "--name-only"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise DataError(f"dvc.yaml: {(done.stderr.strip() or 'not read').splitlines()[-1]}")
    return done.stdout.split()


def number_stages(lines: Iterable[str], total: int) -> Iterator[StageEvent | str]:
    """Replace the lines that begin a stage by events, and drop what DVC says besides."""
    number = 0
    for line in map(str.rstrip, lines):
        if match := STAGE_LINE.match(line):
            number += 1
            yield StageEvent(match["stage"], _read_status(match), number, total)
        elif line and not line.startswith(HIDDEN_LINES):
            yield line


def _read_status(match: re.Match[str]) -> str:
    """Return what becomes of the stage of a line."""
    if match["runs"] == "Running stage":
        return "run"
    return next((word for text, word in OUTCOMES.items() if text in match["outcome"]), "up to date")
