"""What tests of experiments share: results of made-up scores, and experiments in a Git repository."""

import json
from pathlib import Path

import numpy as np
import pytest
from factories import run_git
from rich.console import Console

from pipeline.core import paths
from pipeline.experiments import diff, diff_table
from pipeline.experiments.diff import Comparison

Shifts = dict[str, float]
"""Bits per note that an architecture has beyond those of all, by its name."""


def make_rows(shift: float, num_pieces: int, notes: int, num_replicates: int) -> list[list[object]]:
    """Make rows of pieces, each a little apart from the same row of another shift."""
    hard = np.random.default_rng(0).normal(5, 1, (num_pieces, 3))
    own = np.random.default_rng(abs(int(shift * 100)))
    rows: list[list[object]] = []
    for replicate in range(1, num_replicates + 1):
        noise = own.normal(0, 0.02 * (shift != 0), (num_pieces, 3))
        bits = (notes * (hard + noise + shift / 3)).tolist()
        rows += [
            [replicate, f"piece {number}", f"{number}.mid", notes, *row]
            for number, row in enumerate(bits)
        ]
    return rows


def write_scores(architecture: str, rows: list[list[object]]) -> None:
    path = paths.get_evaluation_path(architecture)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"rows": rows}))


def write_results(
    shifts: Shifts,
    num_pieces: int = 30,
    notes: int = 50,
    num_replicates: int = 3,
    pedal: str = "false",
) -> None:
    """Write what a run leaves that trained these architectures; files of others stay."""
    names = ", ".join(shifts)
    ingest = f"{{reader: symusic, sustain_pedal: {pedal}, instruments: all}}"
    paths.PARAMS.write_text(f"architectures: [{names}]\ningest: {ingest}\n")
    for architecture, shift in shifts.items():
        write_scores(architecture, make_rows(shift, num_pieces, notes, num_replicates))


def commit_results(shifts: Shifts, **design: int) -> str:
    write_results(shifts, **design)
    run_git("add", "-A")
    run_git("commit", "-q", "-m", "run")
    return run_git("rev-parse", "HEAD")


def keep_experiment(name: str, baseline: str, shifts: Shifts) -> str:
    """Commit results as DVC keeps an experiment, and return to the commit that it started from."""
    commit = commit_results(shifts)
    run_git("update-ref", f"refs/exps/{baseline[:2]}/{baseline[2:]}/{name}", commit)
    run_git("reset", "-q", "--hard", baseline)
    return commit


@pytest.fixture
def head(in_folder: Path) -> str:
    """A commit with two architectures, of which dense is the better."""
    run_git("init", "-q", "-b", "main")
    return commit_results({"baseline": 0.0, "dense": -1.0})


def compare_by_name(*names: str, wanted: tuple[str, ...] = ()) -> list[Comparison]:
    return diff.compare_experiments(diff.load_experiments(names), wanted)


def describe_by_name(*names: str) -> list[str]:
    experiments = diff.load_experiments(names)
    rows = diff.compare_experiments(experiments, ())
    return diff_table.describe_comparison(experiments, rows, 0.2)


def print_table(rows: list[Comparison]) -> str:
    console = Console(width=80, highlight=False)
    with console.capture() as capture:
        console.print(diff_table.make_diff_table(rows))
    return capture.get()
