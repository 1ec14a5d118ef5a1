"""What several commands make of their options: the model that a person names, and the sampling."""

import typer

from pipeline.config import load_params
from pipeline.config.schema import DEFAULT_SAMPLING, SamplingConfig
from pipeline.core import paths
from pipeline.core.errors import DataError, ParamsError, sanitize_line
from pipeline.core.suggestions import suggest_name
from pipeline.maintenance import repair
from pipeline.models import model_io
from pipeline.models.model_io import BUNDLED, CARD, TrainedModel
from pipeline.notes import theory


def load_named_model(name: str) -> TrainedModel:
    """Read a model by name or folder; say so where a model was trained here that has the name of a bundled one.

    Raises:
        DataError: none is there, or its files are damaged; DVC takes a model away before it is trained again.
    """
    try:
        folder = model_io.find_model(name)
    except DataError as error:
        runs = repair.find_dvc_runs()
        at_work = f"; {runs[0]} is at work here and may be training it" if runs else ""
        raise DataError(f"{error}{at_work}") from error
    trained = paths.get_model_dir(name)
    if folder.parent == BUNDLED and folder != trained and (trained / CARD).exists():
        typer.echo(
            sanitize_line(f"{name}: the bundled model; give {trained} for the one trained here"),
            err=True,
        )
    return model_io.load_model(folder)


def load_sampling(
    temperature: float | None = None, top_p: float | None = None, **changes: float | str | None
) -> SamplingConfig:
    """Return the sampling of this project, or the default outside a project, with what a person changes of it.

    Args:
        temperature: of pitch, time and velocity.
        top_p: likewise.
        changes: values of `SamplingConfig` by name, which come before these. None changes nothing.

    Raises:
        ParamsError: there is no such key, or params.yaml is damaged.
    """
    in_project = paths.PARAMS.exists()
    sampling = load_params(paths.PARAMS).generate.sampling if in_project else DEFAULT_SAMPLING
    given: dict[str, float | str] = {}
    for feature in ("pitch", "time", "velocity"):
        if temperature is not None:
            given[f"{feature}_temperature"] = temperature
        if top_p is not None:
            given[f"{feature}_top_p"] = top_p
    given |= {name: value for name, value in changes.items() if value is not None}
    if "key" in given:
        _check_key(str(given["key"]))
    return sampling.model_copy(update=given)


def _check_key(key: str) -> None:
    """Refuse a key that does not exist.

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
