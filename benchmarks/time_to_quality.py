"""Measure how soon `expressive` passes the best result of the tutorial's recipe.

Usage: `python benchmarks/time_to_quality.py data/windows/index.npz 20`, the number being minutes.

Both are trained in one process, in turn, on one thread, so that a busy machine slows both down alike. The tutorial's
recipe is `baseline` of params.yaml. Seconds are CPU time of training alone. Bits are of every third held-out piece,
whole, each note with the context that it has in playback. The tutorial's recipe is scored seldom, because it reads a
window for every note; its curve is flat by then.
"""

import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from pipeline.config import Params, load_params
from pipeline.core import paths
from pipeline.dataset import replicates, windows
from pipeline.dataset.windows import WindowDataset
from pipeline.training import trainer as training

PIECE_STRIDE = 3
"""One of this many validation pieces is scored."""
GOAL = 13.0
"""Bits per note that an LSTM(128) with the same input and heads reached after 420 CPU seconds."""

LEARNING_RATES = {"baseline": 0.001, "expressive": 0.005}


def main(path: Path, minutes: float) -> None:
    """Train both in turn and print a line per epoch."""
    training.set_determinism(0, 1)
    params = with_learning_rates(load_params(paths.PARAMS), LEARNING_RATES)
    stateful = params.train.stateful.model_copy(
        update={
            "batch_size": 8,
            "bptt_length": 128,
            "segments_per_passage": 8,
            "warmup": 0.03,
        }
    )
    budgets: dict[str, dict[str, object]] = {
        "baseline": {"epochs": 10_000, "notes_per_epoch": 983_040, "max_validation_notes": 0},
        "expressive": {
            "epochs": 48,
            "notes_per_epoch": 32_768,
            "max_validation_notes": 0,
            "stateful": stateful,
        },
    }
    plan = replicates.make_plan(windows.load_windows(path), params.replicates)
    dataset = thin_out_validation(plan.select(1))
    runs = {
        name: train_curve(with_budget(params, budget), name, dataset)
        for name, budget in budgets.items()
    }
    spent = dict.fromkeys(runs, 0.0)
    points: dict[str, list[tuple[float, float]]] = {name: [] for name in runs}
    while runs:
        name = min(runs, key=lambda running: spent[running])
        point = next(runs[name], None)
        if point is None or point[0] > minutes * 60:
            del runs[name]
            continue
        spent[name] = point[0]
        points[name].append(point)
        print(f"{name:10} {point[0]:7.0f} s  {point[1]:.3f} bits per note", flush=True)
    print_goals(points, minutes)


def thin_out_validation(dataset: WindowDataset) -> WindowDataset:
    """Keep one of `PIECE_STRIDE` validation pieces."""
    held_out = np.flatnonzero(dataset.splits == "validation")
    skipped = np.setdiff1d(held_out, held_out[::PIECE_STRIDE])
    splits = dataset.splits.copy()
    splits[skipped] = "test"
    return replace(dataset, splits=splits)


def with_learning_rates(params: Params, rates: dict[str, float]) -> Params:
    configs = {
        name: params.model[name].model_copy(update={"learning_rate": rate})
        for name, rate in rates.items()
    }
    return params.model_copy(update={"model": {**params.model, **configs}})


def with_budget(params: Params, budget: dict[str, object]) -> Params:
    return params.model_copy(update={"train": params.train.model_copy(update=budget)})


def train_curve(params: Params, name: str, dataset: WindowDataset) -> Iterator[tuple[float, float]]:
    """Train; yield the CPU seconds spent so far and the validation bits after each epoch."""
    job = training.TrainingJob(name, params, dataset, Path())
    trainer, seconds = training.Trainer(job), 0.0
    for epoch in range(params.train.epochs):
        start = time.process_time()
        trainer.train_epoch(epoch)
        seconds += time.process_time() - start
        yield seconds, training.validate_model(job, trainer)["bits_per_note"]


def print_goals(points: dict[str, list[tuple[float, float]]], minutes: float) -> None:
    """Print when `expressive` passed each goal."""
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
    main(Path(sys.argv[1]), float(sys.argv[2]))
