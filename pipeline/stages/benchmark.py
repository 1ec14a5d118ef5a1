"""Stage benchmark: the cost of training and generation, all architectures by turns in one process, as ratios.

Nothing but the report depends on it: a wall-clock figure must not make anything else run again.
"""

import itertools
import json
import statistics
import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from pipeline.benchmark import flops, latency, parity, tutorial_baseline
from pipeline.config import Params
from pipeline.core import console, files, paths
from pipeline.dataset import batches, replicates
from pipeline.dataset.replicates import HeldOutData
from pipeline.evaluation import decision
from pipeline.generation.engine import Engine
from pipeline.generation.sampling import Sampler
from pipeline.models import model_io
from pipeline.notes.quantize import QuantizedNotes
from pipeline.stages.runner import run_stage
from pipeline.training import trainer as training

PARAM_SECTIONS = (
    *("seed", "architectures", "replicates", "train", "model", "generate", "compare", "benchmark"),
)
"""What it reads of params.yaml."""

NOTES_PER_REPEAT = 100
"""Notes generated in a round."""
STEPS_PER_REPEAT = 10
"""Training steps in a round."""
NOTES_PER_VARIANT = {
    "predict": 5,
    "compiled": 50,
    "window": 50,
    "streaming": latency.NOTES_PER_ROUND,
    "read": 50,
}
"""Notes of each variant in a round."""


def run(params: Params) -> None:
    """Write `metrics/benchmark.json`: for each architecture the median, least and greatest ratio of all rounds."""
    training.set_determinism(params.seed, params.train.num_threads)
    names = params.architectures
    reference = decision.REFERENCE if decision.REFERENCE in names else names[0]
    rounds = params.benchmark.repeats
    trained = _measure_seconds(
        {n: _make_train_func(params, n) for n in names}, rounds, "benchmark train"
    )
    played = _measure_seconds(
        {n: _make_generate_func(params, n) for n in names}, rounds, "benchmark generate"
    )
    out = {
        "reference": reference,
        "train": _compute_ratios(trained, reference),
        "generate": _compute_ratios(played, reference),
    }
    out["costs"] = {n: _measure_costs(params, n, statistics.median(trained[n])) for n in names}
    piece = _load_data(params).select_pieces()[0]
    out["parity"] = {
        n: parity.measure_difference(model_io.load_model(paths.get_model_dir(n)), piece)
        for n in names
    }
    files.write_text(
        paths.BENCHMARK, json.dumps({**out, **_measure_latency(params, reference)}, indent=1) + "\n"
    )


def _measure_costs(params: Params, architecture: str, seconds_per_note: float) -> dict[str, float]:
    """Return what an architecture costs, from the seconds that training took for a note."""
    model = model_io.load_model(paths.get_model_dir(architecture))
    out = {
        "parameters": model.parameters,
        "bytes": 4 * model.parameters,
        "multiply_adds": flops.count_macs_per_note(model),
        "multiply_adds_window": flops.count_macs_per_window(model),
        "train_seconds_per_million": round(1e6 * seconds_per_note, 1),
    }
    if not params.benchmark.measure_memory:
        return out
    return {
        **out,
        "train_mib": latency.measure_peak_memory(run_train_steps, params, architecture),
        "play_mib": latency.measure_peak_memory(
            latency.run_steps, model, _load_prompt(params), params.generate.sampling
        ),
    }


def run_train_steps(params: Params, architecture: str) -> None:
    """Train an architecture for a round: what a process does whose memory is measured."""
    training.set_determinism(params.seed, params.train.num_threads)
    _make_train_func(params, architecture)()


def _measure_latency(params: Params, reference: str) -> dict[str, Any]:
    """Return the time of a note: each architecture with a state and a window, and the reference as in the tutorial."""
    models = {name: model_io.load_model(paths.get_model_dir(name)) for name in params.architectures}
    prompt, sampling = _load_prompt(params), params.generate.sampling
    peers = tutorial_baseline.make_steps(
        models[reference].config, prompt, models[reference].sequence_length
    )
    work = {(variant, ""): step for variant, step in peers.items()}
    for name, model in models.items():
        work["read", name] = latency.make_weight_read(model)
        work["window", name] = latency.make_step(model, False, prompt, sampling)
        if not model.config.is_bidirectional:
            work["streaming", name] = latency.make_step(model, True, prompt, sampling)
    timed = latency.time_interleaved(
        {key: (step, NOTES_PER_VARIANT[key[0]]) for key, step in work.items()},
        params.benchmark.repeats,
        "benchmark latency",
    )
    out = {}
    for name, model in models.items():
        streams = timed.get(("streaming", name))
        out[name] = {
            "stateful": model.config.stateful,
            "streaming": streams and latency.summarize_microseconds(streams),
            "window": latency.summarize_microseconds(timed["window", name]),
            "weights_read_us": latency.summarize_microseconds(timed["read", name])["median_us"],
            **{
                variant: latency.compute_slowdown(
                    timed[variant, ""], streams or timed["window", name]
                )
                for variant in peers
            },
        }
    tutorial = {variant: latency.summarize_microseconds(timed[variant, ""]) for variant in peers}
    return {"latency": out, "tutorial": {"architecture": reference, **tutorial}}


def _load_prompt(params: Params) -> QuantizedNotes:
    """Return the prompt of all, [N, 4]."""
    return _load_data(params).select_pieces()[0][: params.generate.prompt_notes]


def _load_data(params: Params) -> HeldOutData:
    return replicates.load_first_replicate(paths.WINDOWS, params.replicates, params.compare.split)


def _make_train_func(params: Params, architecture: str) -> Callable[[], float]:
    """Return a function that trains on the same few batches each time and returns their number of target notes."""
    data = _load_data(params).dataset
    trainer = training.Trainer(
        training.TrainingJob(architecture, params, data, paths.get_checkpoint_dir())
    )
    epoch = batches.epoch_batches(params, params.model[architecture], data, 0)
    first_batches = list(itertools.islice(epoch, STEPS_PER_REPEAT))
    num_targets = float(sum(batch.mask.sum() for batch in first_batches))

    def train_batches() -> float:
        state = None
        for batch in first_batches:
            _, state = trainer.train_step(batch, state, 0.0)
        return num_targets

    return train_batches


def _make_generate_func(params: Params, architecture: str) -> Callable[[], float]:
    """Return a function that continues the same prompt each time and returns its number of notes."""
    engine = Engine(model_io.load_model(paths.get_model_dir(architecture)))
    prompt = _load_prompt(params)

    def generate_notes() -> float:
        sampler = Sampler(np.random.default_rng(params.seed), params.generate.sampling)
        engine.reset()
        engine.feed(prompt)
        sampler.observe(prompt)
        for _ in range(NOTES_PER_REPEAT):
            engine.sample(sampler, 64)
        return NOTES_PER_REPEAT

    return generate_notes


def _measure_seconds(
    funcs: Mapping[str, Callable[[], float]], repeats: int, description: str
) -> dict[str, list[float]]:
    """Time a note of each in turn, round after round; the first round warms up and is not counted."""
    seconds: dict[str, list[float]] = {name: [] for name in funcs}
    for _ in console.track_progress(range(repeats + 1), description, repeats + 1):
        for name, func in funcs.items():
            began = time.perf_counter()
            notes = func()
            seconds[name].append((time.perf_counter() - began) / notes)
    return {name: values[1:] for name, values in seconds.items()}


def _compute_ratios(
    seconds: Mapping[str, list[float]], reference: str
) -> dict[str, dict[str, float]]:
    """Return how many times as long each takes as the reference, round by round."""
    out = {}
    for name, values in seconds.items():
        pairs = zip(values, seconds[reference], strict=True)
        ratios = [value / base for value, base in pairs]
        out[name] = {
            "median": round(statistics.median(ratios), 3),
            "min": round(min(ratios), 3),
            "max": round(max(ratios), 3),
        }
    return out


if __name__ == "__main__":
    run_stage(run, PARAM_SECTIONS)
