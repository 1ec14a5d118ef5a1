"""Measure how soon architectures reach given bits per note, in CPU seconds from the first step of training.

Usage, in a folder with `params.yaml` and `data/windows` of the corpus that counts:

    python benchmarks/time_to_quality.py recurrent_attention expressive --goals 13 12 --set train.epochs=48

All are trained in one process, in turn, on one thread, so that a busy machine slows all down alike. Seconds are CPU time of
training alone, with the time that TensorFlow takes to build the first step. Bits are of every third validation piece,
whole unless `--set train.max_validation_notes` is given, each note with the context that it has in playback, without
velocity and pedal. They are scored after every epoch, so that `train.notes_per_epoch` decides how fine the seconds are.
The schedule of the learning rate ends with `train.epochs`; a model that `--minutes` stops would be better at its end.
"""

import argparse
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from time import process_time
from typing import NamedTuple

import numpy as np
from pydantic import ValidationError

from pipeline.config import Params, load_params
from pipeline.core import paths, yaml
from pipeline.dataset import replicates, windows
from pipeline.dataset.windows import WindowDataset
from pipeline.training import trainer as training

PIECE_STRIDE = 3
"""One of this many validation pieces is scored."""
WHOLE_PIECES = 10**9
"""Validation notes; no corpus has more."""
GOALS = (13.0, 12.0)
"""Bits per note."""


class Point(NamedTuple):
    """A model after an epoch."""

    seconds: float
    """CPU time of training so far."""
    bits: float
    """Validation bits per note."""


def main() -> None:
    """Train the architectures of the command line in turn, print a line an epoch, and a table at the end."""
    parser = argparse.ArgumentParser(description="CPU seconds to given bits per note")
    parser.add_argument("architectures", nargs="+", help="blocks under model: in params.yaml")
    parser.add_argument("--goals", nargs="+", type=float, default=GOALS, help="bits per note")
    parser.add_argument("--minutes", type=float, default=20, help="CPU time of each at most")
    parser.add_argument(
        "--set", action="append", default=[], help="KEY=VALUE, a value of params.yaml"
    )
    options = parser.parse_args()
    training.set_determinism(0, 1)
    params = set_values(load_params(paths.PARAMS), options.set)
    plan = replicates.make_plan(windows.load_windows(paths.WINDOWS), params.replicates)
    dataset = thin_out_validation(plan.select(1))
    curves = measure_curves(params, dataset, options.architectures, options.minutes * 60)
    print(format_table(curves, options.goals))


def set_values(params: Params, settings: Sequence[str]) -> Params:
    """Return parameters with some values changed, and with whole validation pieces.

    Args:
        params: of the project.
        settings: such as `train.epochs=48`.

    Raises:
        SystemExit: there is no such value, or it may not be so.
    """
    values = params.model_dump()
    for setting in [f"train.max_validation_notes={WHOLE_PIECES}", *settings]:
        key, _, text = setting.partition("=")
        *groups, name = key.split(".")
        section = values
        for group in groups:
            section = section.get(group, {})
        if name not in section:
            raise SystemExit(f"--set {setting}: params.yaml has no {key}; see its names there")
        section[name] = yaml.parse_yaml(f"value: {text}")["value"]
    try:
        return Params.model_validate(values)
    except ValidationError as error:
        reason = error.errors()[0]["msg"]
        raise SystemExit(f"--set {' '.join(settings)}: {reason}; give another value") from error


def thin_out_validation(dataset: WindowDataset) -> WindowDataset:
    """Keep one of `PIECE_STRIDE` validation pieces."""
    held_out = np.flatnonzero(dataset.splits == "validation")
    skipped = np.setdiff1d(held_out, held_out[::PIECE_STRIDE])
    splits = dataset.splits.copy()
    splits[skipped] = "test"
    return replace(dataset, splits=splits)


def measure_curves(
    params: Params, dataset: WindowDataset, names: Sequence[str], max_seconds: float
) -> dict[str, list[Point]]:
    """Train architectures, always the one that was trained least, and return the curve of each."""
    runs = {name: train_curve(params, name, dataset) for name in names}
    curves: dict[str, list[Point]] = {name: [] for name in runs}
    while runs:
        name = min(runs, key=lambda running: curves[running][-1:])
        point = next(runs[name], None)
        if point is None:
            del runs[name]
            continue
        curves[name].append(point)
        print(f"{name:20} {point.seconds:7.1f} s  {point.bits:.3f} bits per note", flush=True)
        if point.seconds > max_seconds:
            del runs[name]
    return curves


def train_curve(params: Params, name: str, dataset: WindowDataset) -> Iterator[Point]:
    """Train; yield what was reached after each epoch."""
    job = training.TrainingJob(name, params, dataset, Path())
    trainer, seconds = training.Trainer(job), 0.0
    for epoch in range(params.train.epochs):
        start = process_time()
        trainer.train_epoch(epoch)
        seconds += process_time() - start
        yield Point(seconds, training.validate_model(job, trainer)["bits_per_note"])


def format_table(curves: Mapping[str, Sequence[Point]], goals: Sequence[float]) -> str:
    """Return a row an architecture: CPU seconds to each goal, and the fewest bits."""
    titles = [f"to {goal:g} bits" for goal in goals]
    lines = [f"{'architecture':20}" + "".join(f"{title:>14}" for title in [*titles, "best"])]
    for name, curve in curves.items():
        cells = [format_seconds(find_seconds(curve, goal)) for goal in goals]
        best = min(point.bits for point in curve)
        lines.append(f"{name:20}" + "".join(f"{cell:>14}" for cell in [*cells, f"{best:.3f}"]))
    return "\n".join(lines)


def find_seconds(curve: Sequence[Point], goal: float) -> float | None:
    """Return the CPU seconds after which a curve is first at a goal or below; None if it never is."""
    return next((point.seconds for point in curve if point.bits <= goal), None)


def format_seconds(seconds: float | None) -> str:
    """Return CPU seconds for people."""
    return "never" if seconds is None else f"{seconds:.1f} s"


if __name__ == "__main__":
    main()
