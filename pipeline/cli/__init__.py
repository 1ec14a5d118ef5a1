"""The command line: all commands under one name."""

import gc
from importlib.metadata import PackageNotFoundError, version
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from pipeline.cli import ci, data, experiments, maintenance, models, play, stages, studio
from pipeline.core import extras
from pipeline.core.errors import PipelineError
from pipeline.stages.runner import escape_stdout, exit_with_error, make_disk_error

PANELS = {
    "Play": (play, studio, models),
    "Compare ideas": (experiments,),
    "Your data": (data,),
    "Pipeline stages": (stages,),
    "CI and maintenance": (ci, maintenance),
}
"""Modules of commands by the group of `--help` that shows them, which is who uses them."""
PROGRAM = "music-rnn"
RENAMED_COMMANDS = {
    "corpus": "add-corpus",
    "floors": "ngrams",
    "likeness": "sample-metrics",
    "readme": "update-readme",
    "ship": "bundle",
    "explain": "plan",
    "sample": "generate",
}
"""Commands before version 0.2, and what they are called now."""


class CommandGroup(TyperGroup):
    """All commands; one by its former name says what it is called now."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Return the command that is called, and its arguments."""
        if args and args[0] in RENAMED_COMMANDS:
            ctx.fail(f"{args[0]!r} is called {RENAMED_COMMANDS[args[0]]!r} now.")
        return super().resolve_command(ctx, args)


app = typer.Typer(
    cls=CommandGroup,
    help="Which architecture for a small music model? Measured, in bits per note.",
    epilog="The whole pipeline: dvc repro. The same with one value changed: dvc exp run -S model.baseline.learning_rate=0.002",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_enable=False,
)
for panel, modules in PANELS.items():
    for module in modules:
        for command in module.app.registered_commands:
            command.rich_help_panel = panel
        app.add_typer(module.app)


def _print_version(is_wanted: bool) -> None:
    """Print the version of the installed package, and end."""
    if not is_wanted:
        return
    try:
        number = version(PROGRAM)
    except PackageNotFoundError:
        number = "(not installed: run from source)"
    typer.echo(f"{PROGRAM} {number}")
    raise typer.Exit


@app.callback()
def _add_options(
    _version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version and exit."
        ),
    ] = False,
) -> None:
    pass


def main() -> None:
    """Run a command; an error a person can mend is one line."""
    escape_stdout()
    # What was imported stays to the end; not collecting it saves 0.1 s of CPU time until `play` has played a note.
    gc.freeze()
    try:
        app(prog_name=PROGRAM)
    except PipelineError as error:
        exit_with_error(error)
    except ModuleNotFoundError as error:
        exit_with_error(extras.explain_missing_module(error))
    except FileNotFoundError as error:
        exit_with_error(extras.explain_missing_program(error) or make_disk_error(error))
    except OSError as error:
        exit_with_error(make_disk_error(error))
