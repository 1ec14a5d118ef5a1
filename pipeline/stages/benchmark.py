"""Stage benchmark: what training and playing cost, all architectures in turn in one process, as ratios.

Nothing but the report depends on it: a wall-clock figure must not make anything else run again.
"""

import itertools
import json
import statistics
import time
from collections.abc import Callable, Mapping

import numpy as np

from pipeline import decision, files, paths, progress, storage, windows
from pipeline.nn import batches, training
from pipeline.params import Params
from pipeline.sampling import Sampler
from pipeline.stages import start
from pipeline.streaming import Engine

SECTIONS = ("seed", "architectures", "train", "model", "generate", "compare", "benchmark")
"""What it reads of params.yaml."""

NOTES = 100
"""Notes played in a round."""
STEPS = 10
"""Training steps in a round."""


def run(params: Params) -> None:
    """Write `metrics/benchmark.json`: for each architecture the median, least and greatest ratio of all rounds."""
    training.prepare(params.seed, params.train.threads)
    names = params.architectures
    reference = decision.REFERENCE if decision.REFERENCE in names else names[0]
    work = {"train": {n: _trainer(params, n) for n in names}, "generate": {n: _player(params, n) for n in names}}
    out = {what: _ratios(each, reference, params.benchmark.rounds, f"benchmark {what}") for what, each in work.items()}
    files.write_text(paths.TIMINGS, json.dumps({"reference": reference, **out}, indent=1) + "\n")


def _trainer(params: Params, name: str) -> Callable[[], float]:
    """Return a function that trains on the same few batches each time, and gives how many target notes they have."""
    data = windows.load(paths.WINDOWS)
    trainer = training.Trainer(training.Job(name, params, data, paths.checkpoints()))
    block = params.model[name]
    some = list(itertools.islice(batches.epoch(params, block, data, 0), STEPS))

    notes = float(sum(batch.there.sum() for batch in some))

    def train() -> float:
        state = None
        for batch in some:
            _, state = trainer.descend(batch, state, 0.0)
        return notes

    return train


def _player(params: Params, name: str) -> Callable[[], float]:
    """Return a function that plays on from the same prompt each time, and gives how many notes it plays."""
    engine = Engine(storage.load(paths.model(name)))
    prompt = windows.load(paths.WINDOWS).pieces(params.compare.split)[0][: params.generate.prompt_notes]

    def play() -> float:
        sampler = Sampler(np.random.default_rng(params.seed), params.generate.sampling)
        engine.reset()
        engine.hear(prompt)
        sampler.hear(prompt)
        for _ in range(NOTES):
            engine.say(sampler.choose, 64)
        return NOTES

    return play


def _ratios(
    work: Mapping[str, Callable[[], float]], reference: str, rounds: int, what: str
) -> dict[str, dict[str, float]]:
    """Time a note of each in turn, round after round; the first round warms up and is not counted."""
    seconds: dict[str, list[float]] = {name: [] for name in work}
    for _ in progress.track(range(rounds + 1), what, rounds + 1):
        for name, act in work.items():
            began = time.perf_counter()
            notes = act()
            seconds[name].append((time.perf_counter() - began) / notes)
    out = {}
    for name, its in seconds.items():
        ratios = [mine / base for mine, base in zip(its[1:], seconds[reference][1:], strict=True)]
        out[name] = {
            "median": round(statistics.median(ratios), 3),
            "least": round(min(ratios), 3),
            "greatest": round(max(ratios), 3),
        }
    return out


if __name__ == "__main__":
    start(run, SECTIONS)
