"""What several commands make of their options: the model that a person names, and the sampling."""

from pathlib import Path

import typer

from pipeline.config import load_params
from pipeline.config.schema import DEFAULT_SAMPLING, SamplingConfig
from pipeline.core import paths
from pipeline.core.errors import DataError, ParamsError, sanitize_line
from pipeline.core.suggestions import suggest_name
from pipeline.maintenance import repair
from pipeline.models import model_io
from pipeline.models.model_io import BUNDLED, TrainedModel
from pipeline.notes import theory


def load_named_model(name: str) -> TrainedModel:
    """Read a model by name or folder; where it is not the project's own that a project would have, say so.

    DVC takes a model away before it is trained again, so that meanwhile the shipped one of its name answers.

    Raises:
        DataError: none is there, or its files are damaged.
    """
    at_work = "".join(
        f"; {run} is at work here and may be training it" for run in repair.find_dvc_runs()[:1]
    )
    try:
        folder = model_io.find_model(name)
    except DataError as error:
        raise DataError(f"{error}{at_work}") from error
    if folder == BUNDLED / name and not Path(name).is_absolute() and paths.PARAMS.exists():
        said = f"{name}: none in {paths.get_model_dir(name)}, so the shipped one is taken{at_work}"
        typer.echo(sanitize_line(said), err=True)
    return model_io.load_model(folder)


def load_sampling(
    temperature: float | None = None,
    top_p: float | None = None,
    key: str | None = None,
    max_notes_per_second: int | None = None,
) -> SamplingConfig:
    """Return the sampling of this project, or the default outside a project, with what a person changes of it.

    Raises:
        ParamsError: there is no such key, or params.yaml is damaged.
    """
    in_project = paths.PARAMS.exists()
    sampling = load_params(paths.PARAMS).generate.sampling if in_project else DEFAULT_SAMPLING
    changes = {
        "pitch_temperature": temperature,
        "time_temperature": temperature,
        "pitch_top_p": top_p,
        "time_top_p": top_p,
        "key": None if key is None else _check_key(key),
        "max_notes_per_second": max_notes_per_second,
    }
    given = {name: value for name, value in changes.items() if value is not None}
    return sampling.model_copy(update=given)


def _check_key(key: str) -> str:
    """Return a key if it exists.

    Raises:
        ParamsError: there is none of that name.
    """
    try:
        theory.key_pitch_classes(key)
    except ParamsError as error:
        tonics = [letter + accidental for letter in theory.TONICS for accidental in ("", "#", "b")]
        keys = [f"{tonic} {scale}" for tonic in tonics for scale in theory.SCALES]
        suggestion = suggest_name(key, [theory.CHROMATIC, *keys])
        raise ParamsError(f"--key: {error}{suggestion}") from error
    return key
