"""The model that a person names on the command line."""

from pathlib import Path

import typer

from pipeline.core import paths
from pipeline.core.errors import DataError, sanitize_line
from pipeline.maintenance import repair
from pipeline.models import model_io
from pipeline.models.model_io import BUNDLED, TrainedModel


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
