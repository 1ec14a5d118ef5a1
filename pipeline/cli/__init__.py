"""The command line: all commands under one name."""

import typer

from pipeline.cli import ci, experiments, maintenance, models, play, stages, studio
from pipeline.core.errors import PipelineError
from pipeline.stages.runner import escape_stdout, exit_with_error, make_disk_error

app = typer.Typer(
    help="Which architecture for a small music model? Measured, in bits per note.",
    epilog="The whole pipeline: dvc repro. One idea beside another: dvc exp run -S train.last.learning_rate=0.002",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
for room in (stages, experiments, models, play, studio, ci, maintenance):
    app.add_typer(room.app)


def main() -> None:
    """Run a command; an error a person can mend is one line."""
    escape_stdout()
    try:
        app()
    except PipelineError as error:
        exit_with_error(error)
    except OSError as error:
        exit_with_error(make_disk_error(error))
