"""Commands that maintain the project: check it, repair it, and write what it shows and ships."""

from pathlib import Path
from typing import Annotated

import typer

from pipeline.config import load_params
from pipeline.config.schema import DEFAULT_MODEL
from pipeline.core import paths
from pipeline.core.errors import ParamsError, sanitize_line
from pipeline.stages.runner import advise_undo

app = typer.Typer()


@app.command(epilog="Example: music-rnn doctor")
def doctor() -> None:
    """Show the machine, what is installed, ports, corpus and cache, with remedies, on one screen.

    Exit code 1 if a file that the project needs is damaged.
    """
    from pipeline.maintenance import doctor as checks

    findings = checks.run_checks()
    checks.print_findings(findings)
    if any(finding.is_failure for finding in findings):
        raise typer.Exit(1)


@app.command(epilog="Example: music-rnn verify")
def verify() -> None:
    """Check the files that the pipeline wrote against their checksums; exit code 1 if one is damaged."""
    from rich.console import Console

    from pipeline.maintenance import verify as audit

    checks = list(audit.verify_project())
    Console().print(audit.make_check_table(checks))
    for check in checks:
        if check.problem:
            typer.echo(sanitize_line(check.problem), err=True)
    if any(check.problem for check in checks):
        raise typer.Exit(1)


@app.command(epilog="Example: music-rnn repair && dvc repro")
def repair() -> None:
    """Repair what a killed run left, such as a damaged lock file of DVC; 'make repro' does this first."""
    from pipeline.live import journal
    from pipeline.maintenance import repair as workshop

    folders = [Path(), *journal.fallback_folders()]
    for line in (*workshop.repair_project(), *journal.recover_recordings(folders)):
        typer.echo(sanitize_line(line), err=True)
    if paths.PARAMS.exists():
        _check_params()


def _check_params() -> None:
    """Check params.yaml, which nothing can repair but a person.

    Raises:
        ParamsError: it is damaged or holds a wrong value; with the remedy.
    """
    try:
        load_params(paths.PARAMS)
    except ParamsError as error:
        raise ParamsError(f"{error}{advise_undo()}") from error


@app.command(epilog="Example: music-rnn update-readme")
def update_readme() -> None:
    """Fill the figures in README.md and write MODEL_OPTIMIZATION_ANALYSIS.md, from results of runs and studies."""
    from pipeline.report import readme as page
    from pipeline.stages import report as stage

    page.write_project_pages(stage.load_run_results(load_params(paths.PARAMS)))


@app.command(epilog="Example: music-rnn bundle expressive --name my-model")
def bundle(
    model: Annotated[str, typer.Argument(help="A trained architecture, such as expressive.")],
    name: Annotated[
        str, typer.Option(help="Name of the bundled model; an architecture may not have it.")
    ] = DEFAULT_MODEL,
) -> None:
    """Add a trained model to the bundled ones, half as large, with its bits and the license of its music on its card."""
    from pipeline.corpus.manifest import validate_name
    from pipeline.export import bundle

    params = load_params(paths.PARAMS)
    params.get_model_config(model)
    if name in params.model:
        raise ParamsError(
            f"--name {name}: is an architecture of params.yaml, which a bundled model would hide; "
            "give another name"
        )
    typer.echo(bundle.bundle_model(model, params.corpus, validate_name(name)))
