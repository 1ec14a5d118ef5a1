"""How long a note takes, beside others: `python benchmarks/latency.py [python with notochord]`, with models trained.

One thread, all in turn round after round: the engine plays `stacked`, its state carried, and `expressive`, sampling
included; the tutorial's network of `stacked` plays by `model.predict`, and compiled into one function. The peer,
notochord, feeds and queries in a process of its own between the rounds, at its default size and at about the size of
`expressive`; give the Python of an environment that has it: `pip install notochord`. Prints medians and ratios.
"""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipeline import config
from pipeline.benchmark import latency, tutorial_baseline
from pipeline.benchmark.latency import Act, Way
from pipeline.core import console, paths
from pipeline.generation import generate
from pipeline.models import model_io
from pipeline.training import trainer

ROUNDS = 7
COUNTS = {"predict": 5, "compiled": 100, "streaming": 1000, "read": 100}
PEERS = {"notochord": "1024", "notochord, equal size": "168"}
"""Units of its recurrent layers; its default, and what gives it about the parameters of `expressive`."""
Rounds = dict[Way, list[NDArray[np.float64]]]


def main(peer: str | None) -> None:
    """Measure and print."""
    trainer.prepare(0, 1)
    how, prompt = config.load_params(paths.PARAMS).generate.sampling, generate.load_prompt(None)
    models = {
        name: model_io.load_model(model_io.find_model(name)) for name in ("stacked", "expressive")
    }
    work: dict[Way, tuple[Act, int]] = {}
    for name, model in models.items():
        work["streaming", name] = latency.player(model, True, prompt, how), COUNTS["streaming"]
        work["read", name] = latency.reader(model), COUNTS["read"]
    for way, act in tutorial_baseline.players(
        models["stacked"].config, prompt, models["stacked"].sequence_length
    ).items():
        work[way, "stacked"] = act, COUNTS[way]
    timed: Rounds = {each: [] for each in work}
    for number in console.track_progress(range(ROUNDS), "latency", ROUNDS):
        for each, rounds in latency.interleaved(work, 1, "").items():
            timed[each] += rounds
        for size, units in PEERS.items() if peer else ():
            timed.setdefault(("feed and query", size), []).append(ask(peer or "", units, number))
    show(timed)


def ask(python: str, units: str, seed: int) -> NDArray[np.float64]:
    """Return the seconds of each note of the peer in a process of its own."""
    script = Path(__file__).parent / "notochord_peer.py"
    run = subprocess.run(
        [python, script, units, str(seed)], check=True, capture_output=True, text=True
    )
    return np.array(json.loads(run.stdout.splitlines()[-1]))


def show(timed: Rounds) -> None:
    """Print medians, and how many times as long each takes as the two that stream."""
    ours = {name: timed["streaming", name] for name in ("stacked", "expressive")}
    print(
        f"{'':34} {'median':>10} {'p99.9':>10}   times as long as stacked (least to greatest), as expressive"
    )
    for (way, name), rounds in timed.items():
        about = latency.microseconds(rounds)
        ratios = [latency.times_as_long(rounds, quick) for quick in ours.values()]
        told = ", ".join(
            f"{r['median']:8.2f} ({r['least']:.2f} to {r['greatest']:.2f})" for r in ratios
        )
        print(
            f"{way + ' ' + name:34} {about['median_us']:8.1f}us {about['p999_us']:8.1f}us   {told}"
        )


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else None)
