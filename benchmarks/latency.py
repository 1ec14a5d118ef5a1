"""Measure the time of a note beside other programs: `python benchmarks/latency.py [PYTHON]`, after `dvc repro train`.

All run on one thread, in turn, round after round. The engine plays `stacked` (stateful) and `expressive`, sampling
included; the tutorial's network of `stacked` plays by `model.predict` and as one compiled function. Notochord feeds and
queries in its own process between the rounds, at its default size and at about the size of `expressive`; PYTHON is the
Python of an environment with it (`pip install notochord`). Prints medians and ratios.
"""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipeline.benchmark import latency, tutorial_baseline
from pipeline.benchmark.latency import Step, Variant
from pipeline.config import load_params
from pipeline.core import console, paths
from pipeline.generation import generate
from pipeline.models import model_io
from pipeline.training import trainer

ROUNDS = 7
COUNTS = {"predict": 5, "compiled": 100, "streaming": 1000, "read": 100}
PEERS = {"notochord": "1024", "notochord, equal size": "168"}
"""Units of the recurrent layers: the default, and the number that gives about the parameters of `expressive`."""
TimingsByVariant = dict[Variant, list[NDArray[np.float64]]]


def main(peer_python: str | None) -> None:
    """Measure and print."""
    trainer.set_determinism(0, 1)
    sampling, prompt = load_params(paths.PARAMS).generate.sampling, generate.load_prompt(None)
    models = {
        name: model_io.load_model(model_io.find_model(name)) for name in ("stacked", "expressive")
    }
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
    for seed in console.track_progress(range(ROUNDS), "latency", ROUNDS):
        for variant, rounds in latency.time_interleaved(work, 1, "").items():
            timings[variant] += rounds
        if peer_python:
            for size, units in PEERS.items():
                seconds = time_peer(peer_python, units, seed)
                timings.setdefault(("feed and query", size), []).append(seconds)
    print_timings(timings)


def time_peer(python: str, units: str, seed: int) -> NDArray[np.float64]:
    """Return the seconds of each note of notochord, measured in its own process."""
    script = Path(__file__).parent / "notochord_peer.py"
    run = subprocess.run(
        [python, script, units, str(seed)], check=True, capture_output=True, text=True
    )
    return np.array(json.loads(run.stdout.splitlines()[-1]))


def print_timings(timings: TimingsByVariant) -> None:
    """Print medians, and the time as a ratio to the two that stream."""
    references = [timings["streaming", name] for name in ("stacked", "expressive")]
    header = "ratio to stacked (min to max), to expressive"
    print(f"{'':34} {'median':>10} {'p99.9':>10}   {header}")
    for (method, name), rounds in timings.items():
        microseconds = latency.summarize_microseconds(rounds)
        ratios = []
        for reference in references:
            median, low, high = latency.compute_slowdown(rounds, reference).values()
            ratios.append(f"{median:8.2f} ({low:.2f} to {high:.2f})")
        print(
            f"{method + ' ' + name:34} {microseconds['median_us']:8.1f}us "
            f"{microseconds['p999_us']:8.1f}us   {', '.join(ratios)}"
        )


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else None)
