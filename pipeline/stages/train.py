"""Stage train: one architecture to a trained model and its learning curve."""

import hashlib
import sys
from dataclasses import replace

import pandas as pd

from pipeline.config import Params
from pipeline.core import files, paths
from pipeline.dataset import windows
from pipeline.models import model_io
from pipeline.stages.runner import run_stage
from pipeline.training import checkpoint, trainer

PARAM_SECTIONS = ("seed", "ingest", "train", "model")
"""What it reads of params.yaml."""


def run(params: Params, architecture: str) -> None:
    """Train an architecture of params.yaml on the windows of the corpus."""
    block = params.get_model_config(architecture)
    data = hashlib.sha256(paths.WINDOWS.read_bytes()).hexdigest()
    facts = {
        "seed": params.seed,
        "sustain_pedal": params.ingest.sustain_pedal,
        "train": params.train.model_dump(),
        "model": block.model_dump(),
        "windows_sha256": data,
    }
    trainer.set_determinism(params.seed, params.train.num_threads)
    waiting = paths.get_checkpoint_dir() / f"{architecture}-{checkpoint.compute_run_key(facts)}"
    job = trainer.TrainingJob(architecture, params, windows.load_windows(paths.WINDOWS), waiting)
    model, history = trainer.train_model(job)
    folder = paths.get_model_dir(architecture)
    table = pd.DataFrame(history).to_csv(index=False, float_format="%.6f", lineterminator="\n")
    files.write_text(folder / model_io.HISTORY, table)
    model_io.save_model(replace(model, provenance=facts), folder)


if __name__ == "__main__":
    run_stage(run, PARAM_SECTIONS, *sys.argv[1:])
