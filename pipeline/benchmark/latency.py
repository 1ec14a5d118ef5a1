"""What plays one note, to be timed, and the memory of a process that generates."""

import pickle
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

from pipeline.benchmark.timing import Step
from pipeline.config.schema import SamplingConfig
from pipeline.core.errors import DataError
from pipeline.generation.engine import Engine
from pipeline.generation.sampling import make_sampler
from pipeline.models.model_io import TrainedModel
from pipeline.notes.quantize import QuantizedNotes

Variant = tuple[str, str]
"""A way of playing, and the architecture that plays."""
NOTES_PER_ROUND = 400
"""Notes of the numpy engine in a round."""


def make_step(
    model: TrainedModel, stateful: bool, prompt: QuantizedNotes, sampling_config: SamplingConfig
) -> Step:
    """Return what plays one note more, sampling included, with a memory that the model need not declare."""
    engine = Engine(replace(model, config=model.config.model_copy(update={"stateful": stateful})))
    sampler = make_sampler(model, prompt, sampling_config, np.random.default_rng(0))
    engine.feed(prompt)
    return lambda: engine.sample(sampler, 64)


def make_weight_read(model: TrainedModel) -> Step:
    """Return what reads all weights once, by one product of a vector and a matrix: the least that a note could take."""
    flat = np.concatenate([weight.ravel() for weight in model.weights.values()])
    matrix = np.resize(flat, (256, -(-len(flat) // 256)))
    vector = np.ones(256, np.float32)
    return lambda: vector.dot(matrix)


def run_steps(model: TrainedModel, prompt: QuantizedNotes, sampling_config: SamplingConfig) -> None:
    """Play a round of notes, as the model declares: what a process does whose memory is measured."""
    act = make_step(model, model.config.stateful, prompt, sampling_config)
    for _ in range(NOTES_PER_ROUND):
        act()


def measure_peak_memory(func: Callable[..., None], *arguments: object) -> float:
    """Return the most memory [MiB] that a process of its own holds while it calls a function of a module.

    The process measures itself: the figure that Linux gives its parent begins with the memory of the parent.

    Raises:
        DataError: the process failed.
    """
    # A stage that DVC runs is `__main__`, which is another program there.
    module = func.__module__
    if module == "__main__" and (spec := sys.modules[module].__spec__):
        module = spec.name
    code = f"import pickle, sys; from {module} import {func.__name__} as act; act(*pickle.load(sys.stdin.buffer))"
    code += "; from pipeline.benchmark.latency import read_max_rss; print(read_max_rss())"
    given = pickle.dumps(arguments)
    done = subprocess.run(
        [sys.executable, "-c", code], input=given, stdout=subprocess.PIPE, check=False
    )
    if done.returncode:
        raise DataError(
            f"{func.__name__} for its memory ended with {done.returncode}; see its message above"
        )
    return float(done.stdout.split()[-1])


def read_max_rss() -> float:
    """Return the most memory [MiB] that this process has held."""
    try:
        lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
        kibibytes = next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:"))
    except OSError:  # not Linux
        import resource

        kibibytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(kibibytes / 1024, 1)
