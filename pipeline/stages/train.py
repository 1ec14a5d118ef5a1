"""Stage train: one architecture to a trained model and its learning curve."""

import hashlib
import sys
from dataclasses import replace

import pandas as pd

from pipeline import files, paths
from pipeline.corpora import windows
from pipeline.inference import storage
from pipeline.nn import checkpoint, training
from pipeline.params import Params
from pipeline.stages import start

SECTIONS = ("seed", "ingest", "train", "model")
"""What it reads of params.yaml."""


def run(params: Params, architecture: str) -> None:
    """Train an architecture of params.yaml on the windows of the corpus."""
    block = params.block(architecture)
    data = hashlib.sha256(paths.WINDOWS.read_bytes()).hexdigest()
    facts = {
        "seed": params.seed,
        "pedal": params.ingest.pedal,
        "train": params.train.model_dump(),
        "model": block.model_dump(),
        "windows_sha256": data,
    }
    training.prepare(params.seed, params.train.threads)
    waiting = paths.checkpoints() / f"{architecture}-{checkpoint.fingerprint(facts)}"
    job = training.Job(architecture, params, windows.load(paths.WINDOWS), waiting)
    model, history = training.fit(job)
    folder = paths.model(architecture)
    table = pd.DataFrame(history).to_csv(index=False, float_format="%.6f", lineterminator="\n")
    files.write_text(folder / storage.HISTORY, table)
    storage.save(replace(model, origin=facts), folder)


if __name__ == "__main__":
    start(run, SECTIONS, *sys.argv[1:])
