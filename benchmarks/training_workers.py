"""How much faster several cores train one model than one: `python benchmarks/training_workers.py [cores] [models]`.

After `dvc repro windows`. In turn, on the same batches, each model is trained by one process on one core, by one process
that computes operations side by side, and by workers on this machine, each pinned to a core. Prints target notes per
second of the clock and ratios to one core, so run it beside nothing else; of workers also per CPU second of the busiest one,
which other work on the machine does not change.
"""

import itertools
import json
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from pipeline.config import load_params
from pipeline.core import paths
from pipeline.core.process_group import run_group
from pipeline.dataset import batches, replicates
from pipeline.training.tf_config import TF_CONFIG, make_local_configs

STEPS, WARM_UP, ROWS = 32, 3, 8
MODELS: dict[str, dict[str, object]] = {
    "baseline": {},
    "expressive": {},
    "recurrent_attention": {},
    **{
        f"expressive-{units}": {"units": [units] * 2, "embedding_dim": units, "head_dim": units}
        for units in (256, 512, 1024)
    },
}
"""Changes of a block of params.yaml, by its name and the number of units."""


def main(count: int, names: Sequence[str]) -> None:
    """Measure and print."""
    print(f"load before: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    for name in names:
        alone = measure(name, 1)
        side_by_side = measure(name, 1, num_operations=count)
        together = measure(name, count)
        print(
            f"{name:24} 1 core {alone['notes'] / alone['clock']:8,.0f} notes a second; "
            f"{count} operations side by side {alone['clock'] / side_by_side['clock']:.2f} times as many; "
            f"{count} workers {alone['clock'] / together['clock']:.2f} (CPU time {alone['cpu'] / together['cpu']:.2f})",
            flush=True,
        )


def measure(name: str, count: int, num_operations: int = 1) -> dict[str, float]:
    """Train a model by so many workers; return notes, CPU seconds of the busiest worker and seconds of the clock."""
    with tempfile.TemporaryDirectory() as folder:
        configs = make_local_configs(count)
        work = partial(run_worker, name, configs, Path(folder), num_operations)
        run_group(work, count, "run again")
        results = [json.loads(path.read_text()) for path in Path(folder).iterdir()]
    return {key: max(result[key] for result in results) for key in results[0]}


def run_worker(name: str, configs: list[str], folder: Path, num_operations: int, rank: int) -> None:
    """Train as one of the workers and write what it took."""
    os.environ |= {TF_CONFIG: configs[rank], "TF_CPP_MIN_LOG_LEVEL": "3"}
    if hasattr(os, "sched_setaffinity") and num_operations == 1:
        os.sched_setaffinity(0, {rank % (os.cpu_count() or 1)})
    from pipeline.training import trainer as training
    from pipeline.training.workers import connect_workers

    training.set_threads(1, num_operations)
    workers = connect_workers(rank, len(configs))
    training.set_determinism(0, 1, num_operations)
    job = training.TrainingJob(**make_job(name), folder=folder, workers=workers)
    trainer = training.Trainer(job)
    epoch = batches.epoch_batches(job.params, job.config, job.windows, 0)
    state = None
    for batch in itertools.islice(epoch, WARM_UP):
        _, state = trainer.train_step(batch, state, 1e-4)
    cpu, clock, notes = time.process_time(), time.perf_counter(), 0.0
    for batch in itertools.islice(epoch, STEPS):
        _, state = trainer.train_step(batch, state, 1e-4)
        notes += float(batch.mask.sum())
    took = {"cpu": time.process_time() - cpu, "clock": time.perf_counter() - clock, "notes": notes}
    (folder / str(rank)).write_text(json.dumps(took))
    workers.wait_for_all()


def make_job(name: str) -> dict[str, Any]:
    """Return the arguments of a `TrainingJob` of a model, with batches of the size of `studies/maestro.yaml`."""
    params = load_params(paths.PARAMS)
    architecture = name.partition("-")[0]
    config = params.model[architecture].model_copy(update=MODELS[name])
    stateful = params.train.stateful.model_copy(
        update={"batch_size": ROWS, "bptt_length": 128, "segments_per_passage": 4}
    )
    train = params.train.model_copy(
        update={"stateful": stateful, "notes_per_epoch": 128 * ROWS * (STEPS + WARM_UP)}
    )
    params = params.model_copy(update={"train": train, "model": {architecture: config}})
    dataset = replicates.load_first_replicate(
        paths.WINDOWS, params.replicates, params.compare.split
    ).dataset
    return {"architecture": architecture, "params": params, "windows": dataset}


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 2, sys.argv[2:] or list(MODELS))
