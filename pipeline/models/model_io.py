"""A trained model on disk: `weights.npz`, `model.json` and `history.csv` in one folder.

A model is data, not code: arrays and JSON, read without TensorFlow, checked against a sha256 before use, and equal
byte for byte when trained again from the same inputs. The card vouches for itself, the weights and the learning curve.
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

from pipeline.config.recipes import Model
from pipeline.core import files, paths
from pipeline.core.errors import DataError
from pipeline.models import model_card, safe_npz
from pipeline.models.model_card import EDITED, FORMAT, Card
from pipeline.models.numpy.layers import Floats
from pipeline.models.residual_noise import Spread
from pipeline.models.weight_shapes import Shapes, shapes
from pipeline.notes.quantize import GRID_SECONDS, GRID_SIZE

SHIPPED = Path(__file__).parent.parent / "bundled"
"""Models that come with the package."""
WEIGHTS, CARD, HISTORY = "weights.npz", "model.json", "history.csv"
PATIENCE = (0.0, 0.1, 0.4)
"""Seconds to wait before each look at a model whose files do not match: it may be in the middle of being replaced."""


@dataclass(frozen=True)
class Trained:
    """A model: the recipe, the weights, and how its notes were encoded."""

    architecture: str
    block: Model
    length: int
    """Notes in a training window, T; a model that cannot stream reads as many to play."""
    weights: Mapping[str, Floats]
    spread: Mapping[str, Spread]
    origin: Mapping[str, Any] = field(default_factory=dict)
    """Where it comes from: seed, whether its notes were read with the pedal, training parameters, sha256 of windows."""

    @property
    def parameters(self) -> int:
        """Count of trained numbers."""
        return sum(weight.size for weight in self.weights.values())

    @property
    def pedal(self) -> bool:
        """Whether the notes that it learned from sound on while the pedal is down; a prompt must be read the same."""
        return bool(self.origin.get("pedal", False))


def save(model: Trained, folder: Path, number: type[np.floating[Any]] = np.float32) -> None:
    """Write a model; the card comes last and vouches for the weights.

    Args:
        model: what is written.
        folder: where; files there are replaced one by one, each whole.
        number: how weights are kept; float16 halves the size and is for models that are given away.
    """
    data = files.npz({name: weight.astype(number) for name, weight in model.weights.items()})
    said = {
        "format": FORMAT,
        "architecture": model.architecture,
        "block": model.block.model_dump(),
        "length": model.length,
        "cell_seconds": GRID_SECONDS,
        "cells": GRID_SIZE,
        "parameters": model.parameters,
        "spread": {name: asdict(spread) for name, spread in model.spread.items()},
        "weights_sha256": hashlib.sha256(data).hexdigest(),
        "history_sha256": _sha256(folder / HISTORY),
        "origin": dict(model.origin),
    }
    files.write_bytes(folder / WEIGHTS, data)
    files.write_text(folder / CARD, model_card.stamped(said))


def _sha256(path: Path) -> str:
    """Return the sha256 of a file; nothing if there is none."""
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""


def load(folder: Path) -> Trained:
    """Read a model; the files of one that is being replaced meanwhile are never mixed.

    Raises:
        DataError: nothing there, another format or time grid, files that are not those of the card, or weights that are
            not those its block asks for.
    """
    for pause in PATIENCE:
        time.sleep(pause)
        said = model_card.read(folder / CARD)
        needed = shapes(said.block)
        data = _data(folder, needed)
        fault = _fault(folder, said, data)
        if not fault:
            return _trained(folder, said, needed, data)
    raise DataError(f"{folder / fault}; run 'dvc checkout' or train again")


def _data(folder: Path, shapes: Shapes) -> bytes:
    """Read the weights file, and of one that is larger than such weights can be only as much as shows that."""
    try:
        with (folder / WEIGHTS).open("rb") as file:
            return file.read(min(os.fstat(file.fileno()).st_size, safe_npz.largest(shapes) + 1))
    except OSError as error:
        raise DataError(f"{folder}: no model here ({error}); train one with 'dvc repro'") from error


def _fault(folder: Path, said: Card, data: bytes) -> str:
    """Return which file of a model is not the one of its card, or nothing."""
    if hashlib.sha256(data).hexdigest() != said.weights_sha256:
        return f"{WEIGHTS}: not the weights that {CARD} vouches for"
    if said.history_sha256 and _sha256(folder / HISTORY) != said.history_sha256:
        return f"{HISTORY}: not the learning curve that {CARD} vouches for"
    return ""


def _trained(folder: Path, said: Card, needed: Shapes, data: bytes) -> Trained:
    """Make a model of its files.

    Raises:
        DataError: the card does not describe these weights.
    """
    path = folder / WEIGHTS
    try:
        found = safe_npz.unpack(data, needed)
    except ValueError as error:
        raise DataError(f"{path}: {EDITED}, or not of the block in {CARD} ({error}); train the model again") from error
    if not all(np.isfinite(weight).all() for weight in found.values()):
        raise DataError(f"{path}: holds numbers that are not finite; train the model again")
    model = Trained(said.architecture, said.block, said.length, found, said.spreads, said.origin)
    if model.parameters != said.parameters:
        raise DataError(f"{path}: {model.parameters:,} numbers, not as many as {CARD} says; train it again")
    return model


def history(folder: Path) -> list[dict[str, float]]:
    """Read the learning curve of a model: one row an epoch.

    Raises:
        DataError: there is none.
    """
    try:
        header, *rows = list(csv.reader((folder / HISTORY).read_text(encoding="utf-8").splitlines()))
        return [dict(zip(header, map(float, row), strict=True)) for row in rows]
    except (OSError, ValueError) as error:
        raise DataError(f"{folder / HISTORY}: no learning curve here ({error}); train with 'dvc repro'") from error


def find(model: str) -> Path:
    """Return the folder of a model: of an architecture of this project, the folder itself, or a shipped one.

    Raises:
        DataError: none of these is there.
    """
    for folder in (paths.model(model), Path(model), SHIPPED / model):
        if (folder / CARD).is_file():
            return folder
    shipped = ", ".join(sorted(each.parent.name for each in SHIPPED.glob(f"*/{CARD}"))) or "none"
    raise DataError(f"no model {model!r} here; train one with 'dvc repro', or take a shipped one: {shipped}")
