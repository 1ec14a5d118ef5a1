"""Stage train: the replicates of one architecture to trained models and their learning curves."""

import hashlib
import shutil
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from pipeline.config import Params
from pipeline.core import parallel, paths
from pipeline.dataset import replicates, windows
from pipeline.dataset.replicates import ReplicatePlan
from pipeline.models import model_io
from pipeline.stages.runner import run_stage

PARAM_SECTIONS = ("seed", "ingest", "replicates", "train", "model")
"""What it reads of params.yaml."""


def run(params: Params, architecture: str) -> None:
    """Train all replicates of an architecture of params.yaml, in parallel processes."""
    params.get_model_config(architecture)
    plan = replicates.make_plan(windows.load_windows(paths.WINDOWS), params.replicates)
    train = partial(_train_replicate, params, architecture)
    checkpoints = parallel.map_in_processes(train, range(1, plan.count + 1))
    # Not before all are done: DVC deletes the models of a stage that was killed, and a finished replicate comes back
    # from its checkpoint.
    for folder in checkpoints:
        shutil.rmtree(folder, ignore_errors=True)


def _train_replicate(params: Params, architecture: str, replicate: int) -> Path:
    """Train one replicate and return the folder of its checkpoint; its learning curve grows while it trains."""
    # Here, so that the parent does not load TensorFlow.
    from pipeline.training import checkpoint, trainer

    plan = replicates.make_plan(windows.load_windows(paths.WINDOWS), params.replicates)
    provenance = _describe_training(params, architecture, plan, replicate)
    trainer.set_determinism(provenance["seed"], params.train.num_threads)
    run_key = checkpoint.compute_run_key(provenance)
    folder = paths.get_replicate_dir(architecture, replicate)
    job = trainer.TrainingJob(
        architecture=architecture,
        params=params.model_copy(update={"seed": provenance["seed"]}),
        windows=plan.select(replicate),
        folder=paths.get_checkpoint_dir() / f"{architecture}-{run_key}",
        history_path=folder / model_io.HISTORY,
        label=f"train {architecture}, replicate {replicate} of {plan.count}",
    )
    model = trainer.train_model(job)
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
