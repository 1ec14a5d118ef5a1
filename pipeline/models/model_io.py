"""A trained model on disk: `weights.npz`, `model.json` and `history.csv` in one folder.

A model is data, not code: arrays and JSON, read without TensorFlow, checked against a sha256 before use, and equal
byte for byte when trained again from the same inputs. The card has the sha256 of the weights, of the learning curve and
of itself.
"""

import csv
import hashlib
import os
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.config.schema import ModelConfig
from pipeline.core import files, paths
from pipeline.core.errors import DataError
from pipeline.core.suggestions import suggest_name
from pipeline.models import model_card, safe_npz
from pipeline.models.model_card import FORMAT, TAMPERED, ModelCard, find_stored_name
from pipeline.models.numpy.layers import Float32Array
from pipeline.models.residual_noise import ResidualNoise
from pipeline.models.time_limits import TimeLimits
from pipeline.models.weight_shapes import WeightShapes, weight_shapes
from pipeline.notes.quantize import GRID_SECONDS, GRID_SIZE

BUNDLED = Path(__file__).parent.parent / "bundled"
"""Models that come with the package."""
WEIGHTS, CARD, HISTORY = "weights.npz", "model.json", "history.csv"
RETRY_DELAYS = (0.0, 0.1, 0.4)
"""Seconds to wait before each look at a model whose files do not match: it may be in the middle of being replaced."""


@dataclass(frozen=True)
class TrainedModel:
    """A model: its config, its weights, and how its notes were encoded."""

    architecture: str
    config: ModelConfig
    sequence_length: int
    """Notes in a training window, T; a model that cannot stream reads as many to play."""
    weights: Mapping[str, Float32Array]
    residual_noise: Mapping[str, ResidualNoise]
    provenance: Mapping[str, Any] = field(default_factory=dict)
    """Seed, whether its notes were read with the sustain pedal, training parameters, sha256 of the windows."""
    time_limits: TimeLimits | None = None
    """Longest times that it generates; None where they were not measured."""

    @property
    def parameters(self) -> int:
        """Count of trained numbers."""
        return sum(weight.size for weight in self.weights.values())

    @property
    def sustain_pedal(self) -> bool:
        """Whether its training notes sound on while the pedal is down; a prompt must be read the same way."""
        return bool(self.provenance.get("sustain_pedal", False))


def save_model(
    model: TrainedModel, folder: Path, dtype: type[np.floating[Any]] = np.float32
) -> None:
    """Write a model, the card last.

    Args:
        model: the model.
        folder: its files are replaced one by one, each whole.
        dtype: type of the stored weights; float16 halves the size, for models that are distributed.
    """
    data = files.encode_npz({name: weight.astype(dtype) for name, weight in model.weights.items()})
    card = {
        "format": FORMAT,
        "architecture": model.architecture,
        "config": model.config.model_dump(),
        "sequence_length": model.sequence_length,
        "cell_seconds": GRID_SECONDS,
        "grid_cells": GRID_SIZE,
        "parameters": model.parameters,
        "residual_noise": {name: asdict(noise) for name, noise in model.residual_noise.items()},
        **({"time_limits": asdict(model.time_limits)} if model.time_limits else {}),
        "weights_sha256": hashlib.sha256(data).hexdigest(),
        "history_sha256": _hash_file(folder / HISTORY),
        "provenance": dict(model.provenance),
    }
    files.write_bytes(folder / WEIGHTS, data)
    files.write_text(folder / CARD, model_card.with_checksum(card))


def _hash_file(path: Path) -> str:
    """Return the sha256 of a file; empty if there is none."""
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""


def load_model(folder: Path) -> TrainedModel:
    """Read a model; the files of one that is being replaced meanwhile are never mixed.

    Raises:
        DataError: there is none, it is of another format or time grid, its files are not those of the card, or its
            weights are not those of its config.
    """
    for pause in RETRY_DELAYS:
        time.sleep(pause)
        card = model_card.read_card(folder / CARD)
        shapes = weight_shapes(card.config)
        data = _read_weights(folder, shapes)
        mismatch = _find_mismatch(folder, card, data)
        if not mismatch:
            return _build_model(folder, card, shapes, data)
    raise DataError(f"{folder / mismatch}; run 'dvc checkout' or train again")


def _read_weights(folder: Path, shapes: WeightShapes) -> bytes:
    """Read the weights file; of a file that is too large, only enough to show that it is."""
    try:
        with (folder / WEIGHTS).open("rb") as file:
            return file.read(min(os.fstat(file.fileno()).st_size, safe_npz.max_size(shapes) + 1))
    except OSError as error:
        raise DataError(f"{folder}: no model here ({error}); train one with 'dvc repro'") from error


def _find_mismatch(folder: Path, card: ModelCard, data: bytes) -> str:
    """Return the file of a model that is not the one of its card, or an empty string."""
    if hashlib.sha256(data).hexdigest() != card.weights_sha256:
        return f"{WEIGHTS}: its sha256 is not the one in {CARD}"
    if card.history_sha256 and _hash_file(folder / HISTORY) != card.history_sha256:
        return f"{HISTORY}: its sha256 is not the one in {CARD}"
    return ""


def _build_model(folder: Path, card: ModelCard, shapes: WeightShapes, data: bytes) -> TrainedModel:
    """Build a model from its files.

    Raises:
        DataError: the card does not describe these weights.
    """
    path = folder / WEIGHTS
    stored_names = {name: find_stored_name(name, card.format) for name in shapes}
    try:
        stored = safe_npz.read_npz(data, {stored_names[name]: shapes[name] for name in shapes})
    except ValueError as error:
        raise DataError(
            f"{path}: {TAMPERED}, or not of the config in {CARD} ({error}); train the model again"
        ) from error
    weights = {name: stored[stored_names[name]] for name in shapes}
    if not all(np.isfinite(weight).all() for weight in weights.values()):
        raise DataError(f"{path}: holds numbers that are not finite; train the model again")
    model = TrainedModel(
        card.architecture,
        card.config,
        card.sequence_length,
        weights,
        card.noise_by_feature,
        card.provenance,
        card.generated_time_limits,
    )
    if model.parameters != card.parameters:
        raise DataError(
            f"{path}: {model.parameters:,} numbers, not as many as {CARD} says; train it again"
        )
    return model


def load_history(folder: Path) -> list[dict[str, float]]:
    """Read the learning curve of a model: one row an epoch.

    Raises:
        DataError: there is none.
    """
    try:
        header, *rows = list(
            csv.reader((folder / HISTORY).read_text(encoding="utf-8").splitlines())
        )
        return [dict(zip(header, map(float, row), strict=True)) for row in rows]
    except (OSError, ValueError) as error:
        raise DataError(
            f"{folder / HISTORY}: no learning curve here ({error}); train with 'dvc repro'"
        ) from error


def find_model(name_or_path: str) -> Path:
    """Return the folder of a model: a bundled one, one of this project, or the folder itself.

    A bundled model comes first, so that its name means the same model in every folder.

    Raises:
        DataError: none of these is there.
    """
    bundled, trained = list_model_names(BUNDLED), list_model_names(paths.MODELS)
    if name_or_path in bundled:
        return BUNDLED / name_or_path
    for folder in (paths.get_model_dir(name_or_path), Path(name_or_path)):
        if (folder / CARD).is_file():
            return folder
    names = [f"{name} (bundled)" for name in bundled] + trained
    suggestion = suggest_name(name_or_path, [*bundled, *trained])
    raise DataError(
        f"no model {name_or_path!r} here; train one with 'dvc repro', "
        f"or take one of: {', '.join(names) or 'none'}{suggestion}"
    )


def list_model_names(folder: Path) -> list[str]:
    """Return the names of the models in a folder, in order."""
    return sorted(card.parent.name for card in folder.glob(f"*/{CARD}"))
