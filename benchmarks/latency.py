"""Measure the time of a note beside other programs: `python benchmarks/latency.py [PYTHON]`, after `dvc repro train`.

All run on one thread, in turn, round after round; times are CPU time. The engine plays `stacked` (stateful), `expressive`
and `recurrent_attention` (random weights, which take as long as trained ones), sampling included; the tutorial's network
of `stacked` plays by `model.predict` and as one compiled function. Notochord feeds and queries in its own process between
the rounds, at its default size and at about the size of `expressive`; PYTHON is the Python of an environment with it
(`pip install notochord`). Prints medians, and ratios with their range, then the CPU time of `music-rnn play` from the start of
the process to the end of one note.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipeline.benchmark import latency, timing, tutorial_baseline
from pipeline.benchmark.latency import Variant
from pipeline.benchmark.timing import Step
from pipeline.config import load_params
from pipeline.core import console, paths
from pipeline.generation import generate
from pipeline.models import model_io
from pipeline.models.model_io import TrainedModel
from pipeline.models.weight_shapes import weight_shapes
from pipeline.training import trainer

ROUNDS = 7
COUNTS = {"predict": 5, "compiled": 100, "streaming": 1000, "read": 100}
PEERS = {"notochord": "1024", "notochord, equal size": "168"}
"""Units of the recurrent layers: the default, and the number that gives about the parameters of `expressive`."""
UNTRAINED = "recurrent_attention"
"""Architecture that is timed without having been trained."""
TimingsByVariant = dict[Variant, list[NDArray[np.float64]]]


def main(peer_python: str | None) -> None:
    """Measure and print."""
    trainer.set_determinism(0, 1)
    sampling, prompt = load_params(paths.PARAMS).generate.sampling, generate.load_prompt(None)
    models = {
        name: model_io.load_model(model_io.find_model(name)) for name in ("stacked", "expressive")
    }
    models[UNTRAINED] = make_untrained_model(UNTRAINED)
    work: dict[Variant, tuple[Step, int]] = {}
    for name, model in models.items():
        work["streaming", name] = (
            latency.make_step(model, True, prompt, sampling),
            COUNTS["streaming"],
        )
        work["read", name] = latency.make_weight_read(model), COUNTS["read"]
    stacked = models["stacked"]
    tutorial = tutorial_baseline.make_steps(stacked.config, prompt, stacked.sequence_length)
    for method, step in tutorial.items():
        work[method, "stacked"] = step, COUNTS[method]
    timings: TimingsByVariant = {variant: [] for variant in work}
    timing.time_round(work)  # warms up
    for seed in console.track_progress(range(ROUNDS), "latency", ROUNDS):
        for variant, seconds in timing.time_round(work).items():
            timings[variant].append(seconds)
        if peer_python:
            for size, units in PEERS.items():
                peer_seconds = time_peer(peer_python, units, seed)
                timings.setdefault(("feed and query", size), []).append(peer_seconds)
    print_timings(timings)
    startup = [1000 * measure_startup_seconds(models[UNTRAINED]) for _ in range(ROUNDS)]
    print(
        f"play {UNTRAINED}, one note, milliseconds: {timing.format_figure(timing.summarize_rounds(startup, ROUNDS, 3))}"
    )


def measure_startup_seconds(model: TrainedModel) -> float:
    """Return the CPU seconds of a process that starts, reads the model and plays one note to a file."""
    start = "from pipeline.cli import main; main()"
    with tempfile.TemporaryDirectory() as folder:
        model_io.save_model(model, Path(folder), np.float16)
        options = ["--midi-out", "none", "--notes", "1", "--record", f"{folder}/out.mid"]
        before = os.times()
        subprocess.run(
            [sys.executable, "-c", start, "play", folder, *options], check=True, capture_output=True
        )
        after = os.times()
    user = after.children_user - before.children_user
    return user + after.children_system - before.children_system


def make_untrained_model(name: str) -> TrainedModel:
    """Return a model of `params.yaml` with small random weights."""
    params = load_params(paths.PARAMS)
    config, rng = params.model[name], np.random.default_rng(0)
    weights = {
        weight: rng.normal(0, 0.05, shape).astype(np.float32)
        for weight, shape in weight_shapes(config).items()
    }
    return TrainedModel(name, config, params.windows.sequence_length, weights, {})


def time_peer(python: str, units: str, seed: int) -> NDArray[np.float64]:
    """Return the CPU seconds of each note of notochord, measured in its own process."""
    script = Path(__file__).parent / "notochord_peer.py"
    run = subprocess.run(
        [python, script, units, str(seed)], check=True, capture_output=True, text=True
    )
    return np.array(json.loads(run.stdout.splitlines()[-1]))


def print_timings(timings: TimingsByVariant) -> None:
    """Print medians, and the time as a ratio to the two that stream."""
    references = [timings["streaming", name] for name in ("stacked", "expressive")]
    header = "ratio to stacked (min to max), to expressive"
    print(f"{'CPU microseconds a note':34} {'median':>20} {'p99.9':>10}   {header}")
    for (method, name), rounds in timings.items():
        microseconds = timing.summarize_microseconds(rounds, ROUNDS)
        ratios = []
        for reference in references:
            values = timing.list_ratios(rounds, reference)
            ratios.append(timing.format_figure(timing.summarize_rounds(values, ROUNDS, 3)))
        median = microseconds.get("reason", microseconds["median_us"])
        slowest = microseconds["p999_us"] or "-"
        print(f"{method + ' ' + name:34} {median:>20} {slowest:>10}   {', '.join(ratios)}")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else None)
