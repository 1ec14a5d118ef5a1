"""Stage benchmark: what training and playing cost, all architectures in turn in one process, as ratios.

Nothing but the report depends on it: a wall-clock figure must not make anything else run again.
"""

import json
import statistics
import time
from collections.abc import Callable, Mapping

import numpy as np

from pipeline import decision, files, paths, progress, storage, windows
from pipeline.nn import training
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


def _trainer(params: Params, name: str) -> Callable[[], None]:
    """Return a function that trains on the same few batches each time."""
    data = windows.load(paths.WINDOWS)
    trainer = training.Trainer(training.Job(name, params, data, paths.checkpoints()))
    batch = data.gather(windows.order(params.seed, len(data.starts), 0, params.train.batch))

    def train() -> None:
        for _ in range(STEPS):
            trainer.descend(*batch)

    return train


def _player(params: Params, name: str) -> Callable[[], None]:
    """Return a function that plays on from the same prompt each time."""
    engine = Engine(storage.load(paths.model(name)))
    prompt = windows.load(paths.WINDOWS).pieces(params.compare.split)[0][: params.generate.prompt_notes]

    def play() -> None:
        sampler = Sampler(np.random.default_rng(params.seed), params.generate.temperature, params.generate.top_p)
        engine.reset()
        engine.hear(prompt)
        for _ in range(NOTES):
            engine.say(sampler.choose, 64)

    return play


def _ratios(
    work: Mapping[str, Callable[[], None]], reference: str, rounds: int, what: str
) -> dict[str, dict[str, float]]:
    """Time all in turn, round after round; the first round warms up and is not counted."""
    seconds: dict[str, list[float]] = {name: [] for name in work}
    for _ in progress.track(range(rounds + 1), what, rounds + 1):
        for name, act in work.items():
            began = time.perf_counter()
            act()
            seconds[name].append(time.perf_counter() - began)
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
