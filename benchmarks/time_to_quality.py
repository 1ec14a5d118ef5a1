"""How soon `expressive` passes what the tutorial's recipe reaches.

Usage: `python benchmarks/time_to_quality.py data/windows/windows.npz 20`, the number being minutes.

Both are trained in one process, in turn, one thread, so that a busy machine is as slow for both; the tutorial's recipe
is `baseline`, as params.yaml has it. Seconds are of training alone, on the processor; bits are of every third held-out
piece, whole, every note with the context it would have in play. The tutorial's recipe is scored seldom, since reading a
window for every note takes long; that leaves out nothing, as its curve is flat by then.
"""

import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from pipeline import config
from pipeline.config import Params
from pipeline.core import paths
from pipeline.dataset import windows
from pipeline.dataset.windows import WindowDataset
from pipeline.training import trainer as training

SCORED = 3
"""Of so many validation pieces one is scored."""
GOAL = 13.0
"""Bits per note that a quick LSTM(128) with the same axes took 420 CPU seconds for."""


def main(data: WindowDataset, minutes: float) -> None:
    """Race and print."""
    training.prepare(0, 1)
    known = config.load_params(paths.PARAMS)
    quick = known.train.stateful.model_copy(
        update={"streams": 8, "segment": 128, "segments": 8, "learning_rate": 0.005, "warmup": 0.03}
    )
    budgets: dict[str, dict[str, object]] = {
        "baseline": {"epochs": 10_000, "notes_per_epoch": 983_040, "max_validation_notes": 0},
        "expressive": {
            "epochs": 48,
            "notes_per_epoch": 32_768,
            "max_validation_notes": 0,
            "every": quick,
        },
    }
    data = thinned(data)
    runs = {name: curve(with_budget(known, budget), name, data) for name, budget in budgets.items()}
    spent = dict.fromkeys(runs, 0.0)
    points: dict[str, list[tuple[float, float]]] = {name: [] for name in runs}
    while runs:
        name = min(runs, key=lambda each: spent[each])
        point = next(runs[name], None)
        if point is None or point[0] > minutes * 60:
            del runs[name]
            continue
        spent[name] = point[0]
        points[name].append(point)
        print(f"{name:10} {point[0]:7.0f} s  {point[1]:.3f} bits per note", flush=True)
    tell(points, minutes)


def thinned(data: WindowDataset) -> WindowDataset:
    """Leave out most of the validation pieces."""
    splits, held_out = data.splits.copy(), np.flatnonzero(data.splits == "validation")
    splits[np.setdiff1d(held_out, held_out[::SCORED])] = "test"
    return replace(data, splits=splits)


def with_budget(known: Params, budget: dict[str, object]) -> Params:
    return known.model_copy(update={"train": known.train.model_copy(update=budget)})


def curve(known: Params, name: str, data: WindowDataset) -> Iterator[tuple[float, float]]:
    """Train and give, after each epoch, the seconds spent so far and the validation bits."""
    job = training.Job(name, known, data, Path())
    trainer, seconds = training.Trainer(job), 0.0
    for number in range(known.train.epochs):
        began = time.process_time()
        trainer.epoch(number)
        seconds += time.process_time() - began
        yield seconds, training.validation_bits(job, trainer)["bits_per_note"]


def tell(points: dict[str, list[tuple[float, float]]], minutes: float) -> None:
    """Print when goals were passed."""
    best = min(points["baseline"], key=lambda point: point[1])
    print(
        f"the tutorial's recipe in {minutes:g} minutes: {best[1]:.3f} bits at best, after {best[0]:.0f} s"
    )
    for goal in (best[1], GOAL):
        passed = next((seconds for seconds, bits in points["expressive"] if bits < goal), None)
        print(
            f"expressive below {goal:.3f}: {'never' if passed is None else f'after {passed:.0f} s'}"
        )


if __name__ == "__main__":
    main(windows.load_windows(Path(sys.argv[1])), float(sys.argv[2]))
