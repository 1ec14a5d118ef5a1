"""The card of a model, `model.json`: its config, how its notes were encoded, and the sha256 of its files.

A card is checked here in full, so that other code need not check its values again.
"""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError, model_serializer, model_validator

from pipeline.config.model_rules import leave_out_defaults
from pipeline.config.schema import Identifier, ModelConfig, StrictModel
from pipeline.config.upgrades import upgrade_model_config
from pipeline.core.errors import DataError, find_first_error
from pipeline.models.residual_noise import ResidualNoise
from pipeline.models.time_limits import TimeLimits
from pipeline.notes.quantize import GRID_SECONDS, GRID_SIZE

FORMAT = 4
OLDER_FORMATS = (2, 3)
"""Formats that are still read."""
MAX_BYTES = 2**16
"""Bytes of a card at most; those of this project have about 2,000."""
TAMPERED = "torn or edited by hand"


class NoiseEntry(StrictModel):
    """A `residual_noise.ResidualNoise`."""

    family: Literal["laplace", "gaussian"]
    scale: Annotated[float, Field(ge=1e-6, le=1e6)]


Cell = Annotated[int, Field(ge=0, lt=GRID_SIZE)]


class TimeLimitsEntry(StrictModel):
    """A `time_limits.TimeLimits`."""

    max_step: Cell
    max_duration: Cell


class ModelCard(StrictModel):
    """All values of a card."""

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
    """Of step and duration with regression heads, else of none."""
    time_limits: TimeLimitsEntry | None = None
    """Longest times that are generated; models that were trained before there were limits have none."""
    weights_sha256: str
    history_sha256: str
    """Empty where there is no learning curve."""
    provenance: dict[str, Any]
    card_sha256: str

    @model_serializer(mode="wrap")
    def _leave_out_defaults(self, handler: Any) -> dict[str, Any]:
        return leave_out_defaults(type(self), handler(self))

    @property
    def noise_by_feature(self) -> dict[str, ResidualNoise]:
        """The noise of each time, as heads take it."""
        return {
            name: ResidualNoise(entry.family, entry.scale)
            for name, entry in self.residual_noise.items()
        }

    @property
    def generated_time_limits(self) -> TimeLimits | None:
        """The limits of times, as generation takes them."""
        entry = self.time_limits
        return TimeLimits(entry.max_step, entry.max_duration) if entry else None

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
    """Return the text of a card, with the sha256 of all its values as the last one."""
    values = {name: value for name, value in card.items() if name != "card_sha256"}
    digest = hashlib.sha256(json.dumps(values, indent=1).encode()).hexdigest()
    return json.dumps({**values, "card_sha256": digest}, indent=1) + "\n"


CARD_KEYS = {
    "block": "config",
    "length": "sequence_length",
    "cells": "grid_cells",
    "spread": "residual_noise",
    "origin": "provenance",
}
"""Keys of a card of format 2, and their names since format 3."""
FORMAT_2_CELLS = {"mingru": "gated", "bilstm": "lstm"}
"""Cells of today, and what the names of their weights began with in format 2."""
RECIPES = {"last": ("last", "windowed"), "all": ("every", "stateful")}
"""By `loss_on`: the sections of `train` that had its learning rate in formats 2 and 3."""


def upgrade_card(card: Mapping[str, Any]) -> dict[str, Any]:
    """Return a card of an older format with today's keys; its format stays. Any other card stays as it is."""
    if type(card["format"]) is not int or card["format"] not in OLDER_FORMATS:
        return dict(card)
    upgraded = {CARD_KEYS.get(key, key): value for key, value in card.items()}
    provenance = dict(upgraded["provenance"])
    if "pedal" in provenance:
        provenance["sustain_pedal"] = provenance.pop("pedal")
    config = upgrade_model_config(upgraded["config"])
    rate = _find_learning_rate(provenance, config["loss_on"])
    if rate is not None:
        config["learning_rate"] = rate
    return {**upgraded, "config": config, "provenance": provenance}


def _find_learning_rate(provenance: Mapping[str, Any], loss_on: str) -> Any:
    """Return the learning rate that a card of format 2 or 3 records beside its config, or None."""
    train = provenance.get("train")
    if not isinstance(train, Mapping):
        return None
    for name in RECIPES[loss_on]:
        recipe = train.get(name)
        if isinstance(recipe, Mapping):
            return recipe.get("learning_rate")
    return None


def find_stored_name(weight_name: str, card_format: int) -> str:
    """Return the name under which a weight was written, such as `gated_1/inner/kernel` in format 2."""
    cell, separator, rest = weight_name.partition("_")
    if card_format != 2 or cell not in FORMAT_2_CELLS:
        return weight_name
    return f"{FORMAT_2_CELLS[cell]}{separator}{rest}"


def read_card(path: Path) -> ModelCard:
    """Read a card.

    Raises:
        DataError: there is none, it is of another format or time grid, or its values are not those of a card.
    """
    hint = "run 'dvc checkout' or train again"
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
        if len(data) > MAX_BYTES:
            raise DataError(
                f"{path}: {TAMPERED}, since no card has over {MAX_BYTES:,} bytes; {hint}"
            )
        text = data.decode("utf-8")
        values = json.loads(text)
        if not isinstance(values, dict):
            raise TypeError("not a JSON object")
        is_intact = text == with_checksum(values)
        values = upgrade_card(values)
        is_known_format = values["format"] in (*OLDER_FORMATS, FORMAT)
        grid = (values["cell_seconds"], values["grid_cells"])
    except RecursionError as error:
        raise DataError(f"{path}: {TAMPERED}, since no card is nested as deep; {hint}") from error
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(
            f"{path.parent}: no model here ({error}); train one with 'dvc repro'"
        ) from error
    if not is_known_format or grid != (GRID_SECONDS, GRID_SIZE):
        raise DataError(f"{path}: written by another version of this program; train it again")
    if not is_intact:
        raise DataError(f"{path}: {TAMPERED}; {hint}")
    try:
        return ModelCard.model_validate(values)
    except ValidationError as error:
        raise DataError(f"{path}: {TAMPERED} ({_describe_first_error(error)}); {hint}") from error


def _describe_first_error(error: ValidationError) -> str:
    """Return the first error of a validation as one short line."""
    key, message, _ = find_first_error(error)
    return f"{key or 'the card'}: {message}"[:200]
