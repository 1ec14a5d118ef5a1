"""Commands that compare many runs, and that make what the project shows and ships of them."""

from typing import Annotated

import typer

from pipeline import paths
from pipeline.params import load

app = typer.Typer()


@app.command(epilog="Example: music-rnn study maestro")
def study(name: Annotated[str, typer.Argument(help="A file in studies/, without .yaml.")]) -> None:
    """Run the experiments of a study and make its page; experiments that are there already are not run again."""
    from pipeline import findings
    from pipeline import study as plan

    params, about = load(paths.PARAMS), plan.load(name)
    found = {}
    for each, run in about.runs.items():
        commit = plan.carry_out(f"{name}-{each}", run, params)
        found[each] = findings.gather(run, commit, plan.names(run, params), params.seed)
    for path in findings.write(about, found):
        typer.echo(path)


@app.command(epilog="Example: music-rnn readme")
def readme() -> None:
    """Fill the figures in README.md from the results of the last run."""
    from pipeline import readme as page
    from pipeline.stages import report as stage

    page.write(stage.facts(load(paths.PARAMS)))


@app.command(epilog="Example: music-rnn ship expressive")
def ship(model: Annotated[str, typer.Argument(help="A trained architecture, such as expressive.")]) -> None:
    """Put a trained model into the package, half as large, with its bits and the licence of its music on its card."""
    from pipeline import shipping

    typer.echo(shipping.ship(model, load(paths.PARAMS).corpus))
