"""Stage train: the replicates of one architecture to trained models and their learning curves."""

import hashlib
import os
import shutil
import sys
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.config import Params
from pipeline.core import parallel, paths, process_group
from pipeline.dataset import replicates, windows
from pipeline.dataset.replicates import ReplicatePlan
from pipeline.models import model_io
from pipeline.stages.runner import run_stage
from pipeline.training.tf_config import TF_CONFIG, make_local_configs, read_tf_config

if TYPE_CHECKING:
    from pipeline.training.workers import Workers

PARAM_SECTIONS = ("seed", "ingest", "replicates", "train", "model")
"""What it reads of params.yaml."""


def run(params: Params, architecture: str) -> None:
    """Train all replicates of an architecture of params.yaml.

    By default in parallel processes, one for each; where `TF_CONFIG` is set, or with `train.workers` of more than one,
    one replicate after the other, by all workers.

    Raises:
        ParamsError: there is no such architecture, or `TF_CONFIG` is damaged.
        PipelineError: a worker has ended.
    """
    params.get_model_config(architecture)
    if os.environ.get(TF_CONFIG):
        _train_as_worker(params, architecture)
    elif params.train.workers > 1:
        configs = make_local_configs(params.train.workers)
        work = partial(_train_as_local_worker, params, architecture, configs)
        process_group.run_group(work, len(configs), "run again to continue from the checkpoint")
    else:
        _train_replicates(params, architecture)


def _train_replicates(params: Params, architecture: str) -> None:
    """Train all replicates in parallel processes; where there are fewer than cores, each uses several cores."""
    plan = replicates.make_plan(windows.load_windows(paths.WINDOWS), params.replicates)
    num_operations = max(1, parallel.count_cores() // plan.count)
    train = partial(_train_replicate, params, architecture, num_operations=num_operations)
    checkpoints = parallel.map_in_processes(train, range(1, plan.count + 1))
    _remove_checkpoints(checkpoints)


def _remove_checkpoints(folders: Sequence[Path]) -> None:
    """Remove the checkpoints of all replicates.

    Not before all are done: DVC deletes the models of a stage that was killed, and a finished replicate comes back from
    its checkpoint.
    """
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)


def _train_as_local_worker(
    params: Params, architecture: str, configs: Sequence[str], rank: int
) -> None:
    """Train all replicates as one of several workers on this machine."""
    os.environ[TF_CONFIG] = configs[rank]
    _train_as_worker(params, architecture)


def _train_as_worker(params: Params, architecture: str) -> None:
    """Train all replicates, one after the other, as one of the workers that `TF_CONFIG` names."""
    rank, count = read_tf_config(os.environ[TF_CONFIG])
    train = params.train.model_copy(update={"workers": count})
    params = params.model_copy(update={"train": train})
    # Where a worker ends, all others say so in one line.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    # Here, so that the parent does not load TensorFlow.
    from pipeline.training import trainer
    from pipeline.training.workers import connect_workers

    trainer.set_threads(train.num_threads)
    workers = connect_workers(rank, count)
    plan = replicates.make_plan(windows.load_windows(paths.WINDOWS), params.replicates)
    checkpoints = [
        _train_replicate(params, architecture, replicate, workers)
        for replicate in range(1, plan.count + 1)
    ]
    if workers.is_chief:
        _remove_checkpoints(checkpoints)
    workers.wait_for_all()


def _train_replicate(
    params: Params,
    architecture: str,
    replicate: int,
    workers: "Workers | None" = None,
    num_operations: int = 1,
) -> Path:
    """Train one replicate and return the folder of its checkpoint; its learning curve grows while it trains."""
    # Here, so that the parent does not load TensorFlow.
    from pipeline.training import checkpoint, trainer
    from pipeline.training.workers import ALONE

    workers = workers or ALONE
    plan = replicates.make_plan(windows.load_windows(paths.WINDOWS), params.replicates)
    provenance = _describe_training(params, architecture, plan, replicate)
    trainer.set_determinism(provenance["seed"], params.train.num_threads, num_operations)
    run_key = checkpoint.compute_run_key(provenance)
    workers.check_equal(run_key, "give all the same commit, params.yaml and data")
    folder = paths.get_replicate_dir(architecture, replicate)
    job = trainer.TrainingJob(
        architecture=architecture,
        params=params.model_copy(update={"seed": provenance["seed"]}),
        windows=plan.select(replicate),
        folder=paths.get_checkpoint_dir() / f"{architecture}-{run_key}",
        history_path=folder / model_io.HISTORY,
        label=f"train {architecture}, replicate {replicate} of {plan.count}",
        workers=workers,
    )
    model = trainer.train_model(job)
    if workers.is_chief:
        model_io.save_model(replace(model, provenance=provenance), folder)
    return job.folder


def _describe_training(
    params: Params, architecture: str, plan: ReplicatePlan, replicate: int
) -> dict[str, Any]:
    """Return all that decides the weights of a replicate, as its card has it."""
    return {
        "seed": replicates.derive_seed(params.seed, replicate),
        "replicate": replicate,
        "replicates": plan.count,
        "scheme": plan.scheme,
        "sustain_pedal": params.ingest.sustain_pedal,
        "train": params.train.model_dump(),
        "model": params.get_model_config(architecture).model_dump(),
        "windows_sha256": hashlib.sha256(paths.WINDOWS.read_bytes()).hexdigest(),
    }


if __name__ == "__main__":
    run_stage(run, PARAM_SECTIONS, *sys.argv[1:])
