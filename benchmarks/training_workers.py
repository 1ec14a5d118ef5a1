"""How much faster several workers train one model than one process: `python benchmarks/training_workers.py [workers] [models]`.

After `dvc repro windows`. In turn, on the same batches, each model is trained by one process and by workers
on this machine, each process of one thread and pinned to a core. Prints target notes per CPU second of one process, per
CPU second of the busiest worker, and per second of the clock. Other work on the machine changes the clock alone.
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

STEPS, WARM_UP, ROWS = 8, 3, 8
MODELS: dict[str, dict[str, object]] = {
    "baseline": {},
    "expressive": {},
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
        together = measure(name, count)
        cpu, clock = (alone[key] / together[key] for key in ("cpu", "clock"))
        print(
            f"{name:24} 1 process {alone['notes'] / alone['cpu']:8,.0f} notes per CPU second, {count} workers "
            f"{together['notes'] / together['cpu']:8,.0f}, ratio {cpu:.2f} (clock {clock:.2f})",
            flush=True,
        )


def measure(name: str, count: int) -> dict[str, float]:
    """Train a model by so many workers; return notes, CPU seconds of the busiest worker and seconds of the clock."""
    with tempfile.TemporaryDirectory() as folder:
        configs = make_local_configs(count)
        run_group(partial(run_worker, name, configs, Path(folder)), count, "run again")
        results = [json.loads(path.read_text()) for path in Path(folder).iterdir()]
    return {key: max(result[key] for result in results) for key in results[0]}


def run_worker(name: str, configs: list[str], folder: Path, rank: int) -> None:
    """Train as one of the workers and write what it took."""
    os.environ |= {TF_CONFIG: configs[rank], "TF_CPP_MIN_LOG_LEVEL": "3"}
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {rank % (os.cpu_count() or 1)})
    from pipeline.training import trainer as training
    from pipeline.training.workers import connect_workers

    training.set_threads(1)
    workers = connect_workers(rank, len(configs))
    training.set_determinism(0, 1)
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
