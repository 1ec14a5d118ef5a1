"""Stage benchmark: the cost of training and generation, all architectures in turn in one process, as ratios of CPU time.

Nothing but the report depends on it: a time must not make anything else run again.
"""

import itertools
import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from pipeline.benchmark import flops, latency, parity, timing, tutorial_baseline
from pipeline.benchmark.latency import Variant
from pipeline.benchmark.timing import Figure, Step
from pipeline.config import Params
from pipeline.core import files, paths
from pipeline.dataset import batches, replicates
from pipeline.dataset.replicates import HeldOutData
from pipeline.evaluation import decision
from pipeline.generation.engine import Engine
from pipeline.generation.sampling import make_sampler
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
    """Write `metrics/benchmark.json`: for each architecture median, least and greatest of the rounds of each figure."""
    with timing.pin_to_cores(params.train.num_threads):
        training.set_determinism(params.seed, params.train.num_threads)
        figures = _measure_all(params)
    files.write_text(paths.BENCHMARK, json.dumps(figures, indent=1) + "\n")


def _measure_all(params: Params) -> dict[str, Any]:
    names = params.architectures
    reference = decision.REFERENCE if decision.REFERENCE in names else names[0]
    train_steps = {name: _make_train_step(params, name) for name in names}
    generate_steps = {name: (_make_generate_step(params, name), NOTES_PER_REPEAT) for name in names}
    trained = _time_notes(params, train_steps, reference, "benchmark train")
    played = _time_notes(params, generate_steps, reference, "benchmark generate")
    piece = _load_data(params).select_pieces()[0]
    models = {name: model_io.load_model(paths.get_model_dir(name)) for name in names}
    return {
        "reference": reference,
        "train": _compute_ratios(params, trained, reference),
        "generate": _compute_ratios(params, played, reference),
        "costs": {name: _measure_costs(params, name, trained[name]) for name in names},
        "parity": {name: parity.measure_difference(model, piece) for name, model in models.items()},
        **_measure_latency(params, reference),
    }


def _measure_costs(
    params: Params, architecture: str, seconds_per_note: Sequence[float]
) -> dict[str, float | Figure]:
    """Return what an architecture costs, from the seconds that training took for a note, round by round."""
    model = model_io.load_model(paths.get_model_dir(architecture))
    seconds_per_million = [1e6 * seconds for seconds in seconds_per_note]
    costs: dict[str, float | Figure] = {
        "parameters": model.parameters,
        "bytes": 4 * model.parameters,
        "multiply_adds": flops.count_macs_per_note(model),
        "multiply_adds_window": flops.count_macs_per_window(model),
        "train_seconds_per_million": timing.summarize_rounds(
            seconds_per_million, params.benchmark.repeats, 1
        ),
    }
    if params.benchmark.measure_memory:
        arguments = model, _load_prompt(params), params.generate.sampling
        costs["train_mib"] = latency.measure_peak_memory(run_train_steps, params, architecture)
        costs["play_mib"] = latency.measure_peak_memory(latency.run_steps, *arguments)
    return costs


def run_train_steps(params: Params, architecture: str) -> None:
    """Train an architecture for a round: what a process does whose memory is measured."""
    training.set_determinism(params.seed, params.train.num_threads)
    train_batches, _ = _make_train_step(params, architecture)
    train_batches()


def _measure_latency(params: Params, reference: str) -> dict[str, Any]:
    """Return the time of a note: each architecture from a state and a window, and the reference as in the tutorial."""
    models = {name: model_io.load_model(paths.get_model_dir(name)) for name in params.architectures}
    prompt, sampling = _load_prompt(params), params.generate.sampling
    peers = tutorial_baseline.make_steps(
        models[reference].config, prompt, models[reference].sequence_length
    )
    work: dict[Variant, Step] = {(variant, ""): step for variant, step in peers.items()}
    for name, model in models.items():
        work["read", name] = latency.make_weight_read(model)
        work["window", name] = latency.make_step(model, False, prompt, sampling)
        if not model.config.is_bidirectional:
            work["streaming", name] = latency.make_step(model, True, prompt, sampling)
    ratios = [((variant, ""), _select_playing(work, name)) for variant in peers for name in models]
    repeats = params.benchmark.repeats
    counted = {key: (step, NOTES_PER_VARIANT[key[0]]) for key, step in work.items()}
    timed = timing.time_in_turn(counted, repeats, "benchmark latency", ratios)
    figures = {key: timing.summarize_microseconds(rounds, repeats) for key, rounds in timed.items()}
    out: dict[str, Any] = {}
    for name, model in models.items():
        own_rounds = timed[_select_playing(work, name)]
        out[name] = {
            "stateful": model.config.stateful,
            "streaming": figures.get(("streaming", name)),
            "window": figures["window", name],
            "weights_read": figures["read", name],
        }
        for variant in peers:
            values = timing.list_ratios(timed[variant, ""], own_rounds)
            out[name][variant] = timing.summarize_rounds(values, repeats, 2)
    tutorial = {variant: figures[variant, ""] for variant in peers}
    return {"latency": out, "tutorial": {"architecture": reference, **tutorial}}


def _select_playing(work: Mapping[Variant, Step], architecture: str) -> Variant:
    """Return how an architecture plays: from a state where it can."""
    streaming = "streaming", architecture
    return streaming if streaming in work else ("window", architecture)


def _load_prompt(params: Params) -> QuantizedNotes:
    """Return the prompt of all, [N, 5]."""
    return _load_data(params).select_pieces()[0][: params.generate.prompt_notes]


def _load_data(params: Params) -> HeldOutData:
    return replicates.load_first_replicate(paths.WINDOWS, params.replicates, params.compare.split)


def _make_train_step(params: Params, architecture: str) -> tuple[Step, int]:
    """Return what trains on the same few batches each time, and their number of target notes."""
    data = _load_data(params).dataset
    trainer = training.Trainer(
        training.TrainingJob(architecture, params, data, paths.get_checkpoint_dir())
    )
    epoch = batches.epoch_batches(params, params.model[architecture], data, 0)
    first_batches = list(itertools.islice(epoch, STEPS_PER_REPEAT))

    def train_batches() -> None:
        state = None
        for batch in first_batches:
            _, state = trainer.train_step(batch, state, 0.0)

    return train_batches, sum(int(batch.mask.sum()) for batch in first_batches)


def _make_generate_step(params: Params, architecture: str) -> Step:
    """Return what continues the same prompt each time by `NOTES_PER_REPEAT` notes."""
    model = model_io.load_model(paths.get_model_dir(architecture))
    engine = Engine(model)
    prompt = _load_prompt(params)

    def generate_notes() -> None:
        rng = np.random.default_rng(params.seed)
        sampler = make_sampler(model, prompt, params.generate.sampling, rng)
        engine.reset()
        engine.feed(prompt)
        for _ in range(NOTES_PER_REPEAT):
            engine.sample(sampler, 64)

    return generate_notes


def _time_notes(
    params: Params, steps: Mapping[str, tuple[Step, int]], reference: str, label: str
) -> dict[str, list[float]]:
    """Return the seconds of a note of each architecture, round by round.

    Args:
        params: how many rounds.
        steps: what is timed by architecture, and its number of notes.
        reference: the architecture that the others are divided by.
        label: name of the work, for progress.
    """
    work = {name: (step, 1) for name, (step, _) in steps.items()}
    ratios = [(name, reference) for name in steps]
    timed = timing.time_in_turn(work, params.benchmark.repeats, label, ratios)
    return {
        name: [seconds / steps[name][1] for seconds in timing.list_medians(rounds)]
        for name, rounds in timed.items()
    }


def _compute_ratios(
    params: Params, seconds: Mapping[str, Sequence[float]], reference: str
) -> dict[str, Figure]:
    """Return how many times as long each takes as the reference, round by round."""
    out = {}
    for name, values in seconds.items():
        pairs = zip(values, seconds[reference], strict=True)
        ratios = [value / base for value, base in pairs]
        out[name] = timing.summarize_rounds(ratios, params.benchmark.repeats, 3)
    return out


if __name__ == "__main__":
    run_stage(run, PARAM_SECTIONS)
