"""Export a trained model as one JSON text for `pipeline/web/model.js`, which plays it in a browser without a server.

The text has the config of the model, the tables of the time grid that a note is encoded by, and all weights in base64:
as float16 where that is exact, as of a bundled model, else as float32. The script has one step of a note: the embedding
input, the cells mingru and attention, and categorical heads with either pitch head.
"""

import base64
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import numpy as np

from pipeline.config.schema import ModelConfig, SamplingConfig
from pipeline.core.errors import DataError
from pipeline.generation.constraints import allowed_pitches
from pipeline.models.model_io import TrainedModel
from pipeline.models.numpy.active_mask import ACTIVE_LOG_ODDS
from pipeline.models.time_limits import NO_TIME_LIMITS
from pipeline.models.weight_shapes import weight_shapes
from pipeline.notes import pitch_ages, quantize, recall
from pipeline.notes.active_notes import DECAY_CELLS
from pipeline.notes.quantize import FEATURES

FORMAT = 2
"""Of the text, as `MODEL_FORMAT` of the script."""


def make_web_model(model: TrainedModel) -> dict[str, Any]:
    """Return what `new NoteModel(...)` of the script takes.

    Raises:
        DataError: the script lacks a part of the model.
    """
    _check_is_playable(model)
    config = model.config
    shapes = weight_shapes(config)
    dtype = _choose_dtype(model)
    data = b"".join(model.weights[name].astype(dtype).tobytes() for name in shapes)
    names = quantize.list_generated_features(config.model_velocity, config.model_pedal)
    return {
        "format": FORMAT,
        "architecture": model.architecture,
        "config": config.model_dump(mode="json"),
        "provenance": dict(model.provenance),
        "blocks": [f"{cell}_{number}" for number, cell in enumerate(config.cells, 1)],
        "features": [_describe_feature(name) for name in names],
        "decay_cells": DECAY_CELLS,
        "active_log_odds": ACTIVE_LOG_ODDS,
        "age_decay_cells": pitch_ages.DECAY_CELLS,
        "max_age": pitch_ages.MAX_AGE,
        "recall": _describe_recall() if config.recall else None,
        "bytes_per_weight": dtype.itemsize,
        "shapes": [[name, list(shape)] for name, shape in shapes.items()],
        "weights": base64.b64encode(data).decode("ascii"),
    }


def make_web_sampling(model: TrainedModel, sampling: SamplingConfig) -> dict[str, Any]:
    """Return what `new Sampler(...)` of the script takes: `sampling`, the pitches it allows, and the longest times [cells].

    Raises:
        ParamsError: no pitch of the key lies in the range.
    """
    pitches = allowed_pitches(sampling.key, sampling.min_pitch, sampling.max_pitch)
    limits = model.time_limits if sampling.limit_times else None
    longest = asdict(limits or NO_TIME_LIMITS)
    return {**sampling.model_dump(mode="json"), "pitches": pitches, **longest}


def _choose_dtype(model: TrainedModel) -> np.dtype[Any]:
    """Return the shortest type of a number that holds all weights exactly."""
    half = np.dtype("<f2")
    with np.errstate(over="ignore"):
        is_exact = all(
            np.array_equal(value, value.astype(half)) for value in model.weights.values()
        )
    return half if is_exact else np.dtype("<f4")


def _describe_feature(name: str) -> dict[str, Any]:
    feature = FEATURES[name]
    return {
        "name": name,
        "column": feature.column,
        "is_time": feature.is_time,
        "tokens": feature.token.tolist(),
        "token_widths": feature.token_widths.tolist(),
    }


def _describe_recall() -> dict[str, Any]:
    """Return what a `PieceMemory` of the script takes, and where each column of a hint is in its table."""
    return {
        "match_lengths": recall.MATCH_LENGTHS,
        "max_distance": recall.MAX_DISTANCE,
        "num_recent": recall.NUM_RECENT,
        "no_hint": recall.NO_HINT,
        "table_offsets": recall.TABLE_OFFSETS.tolist(),
    }


def _check_is_playable(model: TrainedModel) -> None:
    """Raise an error that names the first part that the script lacks, and what to train instead."""
    for is_missing, value, setting in _list_missing_parts(model.config):
        if is_missing:
            raise DataError(
                f"{model.architecture}: a page cannot play {value}; export a bundled model such as maestro, or train "
                f"it with model.{model.architecture}.{setting}"
            )


def _list_missing_parts(config: ModelConfig) -> Iterator[tuple[bool, str, str]]:
    """Yield whether the script lacks a part, its value in the config, and a setting that it has."""
    yield not config.is_residual, f"cell: {config.cell_text}", "cell=attention"
    yield config.heads != "categorical", f"heads: {config.heads}", "heads=categorical"
    yield config.dense_units > 0, f"dense_units: {config.dense_units}", "dense_units=0"
    yield not config.stateful, "stateful: false", "stateful=true"
