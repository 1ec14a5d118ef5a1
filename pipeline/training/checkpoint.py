"""The checkpoint of an unfinished training: one file, from which training continues to the same weights.

Everything that training depends on is either in the file (weights, optimizer, best so far) or a function of
(seed, epoch): the order of windows and the dropout masks.
"""

import hashlib
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.core import files

FILENAME = "state.npz"
PACKAGE = Path(__file__).parent.parent
TRAINING_PACKAGES = ("dataset", "models", "notes", "training")
"""Packages that decide what training computes; they are what stage `train` lists in dvc.yaml."""


@dataclass
class TrainingState:
    """The progress of a training."""

    history: list[dict[str, float]] = field(default_factory=list)
    """One row an epoch."""
    best_epoch: int = 0
    """Epoch of the fewest validation bits, from 1; 0 before the first."""
    best_weights: list[NDArray[Any]] = field(default_factory=list)
    """Weights of that epoch, in the order of the model's variables."""


def compute_run_key(run_config: object) -> str:
    """Return the name of a training run: a hash of its configuration (JSON) and of the code that decides training."""
    digest = hashlib.sha256(json.dumps(run_config, sort_keys=True).encode())
    for name in TRAINING_PACKAGES:
        for path in sorted((PACKAGE / name).rglob("*.py")):
            digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def save_state(folder: Path, state: TrainingState, variables: Sequence[Any]) -> None:
    """Write the progress and the variables of model and optimizer, with a checksum."""
    arrays = {f"now{i}": v.numpy() for i, v in enumerate(variables)}
    arrays |= {f"best{i}": v for i, v in enumerate(state.best_weights)}
    progress = {"history": state.history, "best_epoch": state.best_epoch}
    arrays["progress"] = np.array(json.dumps(progress))
    data = files.encode_npz(arrays)
    files.write_bytes(folder / FILENAME, hashlib.sha256(data).digest() + data)


def restore_state(folder: Path, variables: Sequence[Any]) -> TrainingState:
    """Restore the variables and return the progress; a fresh state if there is no intact checkpoint."""
    try:
        data = (folder / FILENAME).read_bytes()
    except OSError:
        return TrainingState()
    if hashlib.sha256(data[32:]).digest() != data[:32]:
        return TrainingState()
    with np.load(io.BytesIO(data[32:]), allow_pickle=False) as arrays:
        for i, variable in enumerate(variables):
            variable.assign(arrays[f"now{i}"])
        progress = json.loads(str(arrays["progress"]))
        num_best = sum(name.startswith("best") for name in arrays.files)
        best_weights = [arrays[f"best{i}"] for i in range(num_best)]
    return TrainingState(progress["history"], progress["best_epoch"], best_weights)
