"""Commands that look after the project: what is here, whether it is whole, and what a killed run left."""

from pathlib import Path

import typer

from pipeline.core.errors import sanitize_line

app = typer.Typer()


@app.command(epilog="Example: music-rnn doctor")
def doctor() -> None:
    """Show the machine, what is installed, ports, corpus and cache, with remedies, on one screen."""
    from pipeline.maintenance import doctor as ward

    ward.print_findings(ward.run_checks())


@app.command(epilog="Example: music-rnn verify")
def verify() -> None:
    """Read all that the pipeline wrote and hold it against its checksums; exit code 1 if anything is damaged."""
    from rich.console import Console

    from pipeline.maintenance import verify as audit

    found = list(audit.verify_project())
    Console().print(audit.make_check_table(found))
    for each in found:
        if each.problem:
            typer.echo(sanitize_line(each.problem), err=True)
    if any(each.problem for each in found):
        raise typer.Exit(1)


@app.command(epilog="Example: music-rnn repair && dvc repro")
def repair() -> None:
    """Put right what a killed run left, such as a torn lock file of DVC; 'make repro' does so first."""
    from pipeline.live import journal
    from pipeline.maintenance import repair as workshop

    folders = [Path(), *journal.fallback_folders()]
    for line in (*workshop.repair_project(), *journal.recover_recordings(folders)):
        typer.echo(sanitize_line(line), err=True)
