"""The card of a model, `model.json`: the recipe, how its notes were encoded, and the sha256 of all that belongs to it.

What a card may say is checked here in full, so that whoever has one need not ask whether it makes sense.
"""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError, model_validator

from pipeline.config.schema import Identifier, ModelConfig, StrictModel, upgrade_model_config
from pipeline.core.errors import DataError
from pipeline.models.residual_noise import ResidualNoise
from pipeline.notes.quantize import GRID_SECONDS, GRID_SIZE

FORMAT = 3
MAX_BYTES = 2**16
"""Bytes of a card at most; those of this project have about 2,000."""
TAMPERED = "torn or edited by hand"


class NoiseEntry(StrictModel):
    """A `spread.Spread`, as the card has it."""

    family: Literal["laplace", "gaussian"]
    scale: Annotated[float, Field(ge=1e-6, le=1e6)]


class ModelCard(StrictModel):
    """All that a card says."""

    format: int
    architecture: Identifier
    config: ModelConfig
    sequence_length: Annotated[int, Field(ge=1, le=4096)]
    """Notes in a training window, T."""
    cell_seconds: float
    grid_cells: int
    parameters: int
    """Count of trained numbers."""
    residual_noise: dict[Literal["step", "duration"], NoiseEntry]
    """Of both times with regression heads, else of none."""
    weights_sha256: str
    history_sha256: str
    """Nothing where there is no learning curve."""
    provenance: dict[str, Any]
    card_sha256: str

    @property
    def noise_by_feature(self) -> dict[str, ResidualNoise]:
        """The spread of each time, as heads want it."""
        return {
            name: ResidualNoise(told.family, told.scale)
            for name, told in self.residual_noise.items()
        }

    @model_validator(mode="after")
    def _check_consistency(self) -> "ModelCard":
        if len(self.residual_noise) != (2 if self.config.heads == "regression" else 0):
            raise ValueError(
                "residual_noise has step and duration with heads: regression, else nothing"
            )
        if not isinstance(self.provenance.get("sustain_pedal", False), bool):
            raise ValueError("sustain_pedal of provenance is true or false")
        return self


def with_checksum(card: Mapping[str, Any]) -> str:
    """Return the text of a card, with the sha256 of all it says as its last line."""
    said = {name: value for name, value in card.items() if name != "card_sha256"}
    digest = hashlib.sha256(json.dumps(said, indent=1).encode()).hexdigest()
    return json.dumps({**said, "card_sha256": digest}, indent=1) + "\n"


CARD_KEYS = {
    "block": "config",
    "length": "sequence_length",
    "cells": "grid_cells",
    "spread": "residual_noise",
    "origin": "provenance",
}
"""Keys of a card of format 2, and what they are called since format 3."""


def upgrade_card(card: Mapping[str, Any]) -> dict[str, Any]:
    """Return a card of format 2 as one of format 3; any other card stays as it is."""
    if type(card["format"]) is not int or card["format"] != 2:
        return dict(card)
    upgraded = {CARD_KEYS.get(key, key): value for key, value in card.items()}
    provenance = dict(upgraded["provenance"])
    if "pedal" in provenance:
        provenance["sustain_pedal"] = provenance.pop("pedal")
    return {
        **upgraded,
        "format": FORMAT,
        "config": upgrade_model_config(upgraded["config"]),
        "provenance": provenance,
    }


def read_card(path: Path) -> ModelCard:
    """Read a card.

    Raises:
        DataError: there is none, it is of another format or time grid, or it says what no card can.
    """
    remedy = "run 'dvc checkout' or train again"
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
        if len(data) > MAX_BYTES:
            raise DataError(
                f"{path}: {TAMPERED}, since no card has over {MAX_BYTES:,} bytes; {remedy}"
            )
        text = data.decode("utf-8")
        said = json.loads(text)
        if not isinstance(said, dict):
            raise TypeError("not a JSON object")
        whole = text == with_checksum(said)
        said = upgrade_card(said)
        stamp = (said["format"], said["cell_seconds"], said["grid_cells"])
    except RecursionError as error:
        raise DataError(f"{path}: {TAMPERED}, since no card is nested as deep; {remedy}") from error
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(
            f"{path.parent}: no model here ({error}); train one with 'dvc repro'"
        ) from error
    if stamp != (FORMAT, GRID_SECONDS, GRID_SIZE):
        raise DataError(f"{path}: written by another version of this program; train it again")
    if not whole:
        raise DataError(f"{path}: {TAMPERED}; {remedy}")
    try:
        return ModelCard.model_validate(said)
    except ValidationError as error:
        raise DataError(f"{path}: {TAMPERED} ({_first_error(error)}); {remedy}") from error


def _first_error(error: ValidationError) -> str:
    """Say the first fault in few words."""
    fault = error.errors(include_url=False)[0]
    place = ".".join(str(part) for part in fault["loc"])
    return f"{place or 'the card'}: {fault['msg'].removeprefix('Value error, ')}"[:200]
