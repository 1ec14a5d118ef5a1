"""The command line: all commands under one name."""

import typer

from pipeline.commands import care, ci, music, play, results, stages, studio
from pipeline.errors import PipelineError
from pipeline.stages import fail, tolerate, unexpected

app = typer.Typer(
    help="Which architecture for a small music model? Measured, in bits per note.",
    epilog="The whole pipeline: dvc repro. One idea beside another: dvc exp run -S train.last.learning_rate=0.002",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
for room in (stages, results, music, play, studio, ci, care):
    app.add_typer(room.app)


def main() -> None:
    """Run a command; an error a person can mend is one line."""
    tolerate()
    try:
        app()
    except PipelineError as error:
        fail(error)
    except OSError as error:
        fail(unexpected(error))
