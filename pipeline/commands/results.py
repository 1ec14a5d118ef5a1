"""Commands that compare many runs, and that make what the project shows and ships of them."""

from pathlib import Path
from typing import Annotated

import typer

from pipeline import paths
from pipeline.commands import outputs
from pipeline.errors import printable
from pipeline.params import load

app = typer.Typer()


@app.command(epilog="Example: music-rnn study maestro")
def study(
    name: Annotated[str, typer.Argument(help="A file in studies/, without .yaml.")],
    finished: Annotated[
        bool, typer.Option("--finished", help="Run nothing: show the experiments that are there.")
    ] = False,
) -> None:
    """Run the experiments of a study and make its page; experiments that are there already are not run again."""
    from pipeline.evidence import findings, findings_page
    from pipeline.evidence import study as plan

    params, about = load(paths.PARAMS), plan.load(name)
    found = {}
    for each, run in about.runs.items():
        if finished and not plan.experiment(f"{name}-{each}"):
            continue
        plan.carry_out(f"{name}-{each}", run, params)
        found[each] = findings.gather(f"{name}-{each}", run, params)
    for path in findings_page.write(about, found):
        typer.echo(path)


@app.command(epilog="Example: music-rnn seeds, after: dvc exp run --queue -S seed=1,2,3 and dvc queue start")
def seeds() -> None:
    """Show how much results differ between experiments that differ in nothing but their seed."""
    from pipeline.evidence import decision
    from pipeline.evidence import seeds as spread

    found = spread.groups(spread.experiments())
    if not found:
        typer.echo("no two experiments differ in their seed alone; run some with: dvc exp run --queue -S seed=1,2,3")
    for line in spread.show(found, decision.REFERENCE):
        typer.echo(printable(line))


@app.command(epilog="Example: music-rnn readme")
def readme() -> None:
    """Fill the figures in README.md, and make MODEL_OPTIMIZATION_ANALYSIS.md, from results of runs and studies."""
    from pipeline.evidence import readme as page
    from pipeline.stages import report as stage

    page.write(stage.facts(load(paths.PARAMS)))


@app.command(epilog="Example: music-rnn ship expressive")
def ship(model: Annotated[str, typer.Argument(help="A trained architecture, such as expressive.")]) -> None:
    """Put a trained model into the package, half as large, with its bits and the licence of its music on its card."""
    from pipeline.evidence import shipping

    params = load(paths.PARAMS)
    params.block(model)
    typer.echo(shipping.ship(model, params.corpus))


@app.command(epilog="Example: music-rnn export expressive -o expressive.tflite")
def export(
    model: Annotated[str, typer.Argument(help="A trained architecture, such as expressive, or the folder of a model.")],
    out: Annotated[Path, typer.Option("-o", "--out", help="The .tflite file to write.")],
) -> None:
    """Write one note of a model, with explicit state, as a .tflite file to put into other programs.

    The model must carry its state (memory: carried).
    """
    from pipeline.commands import choosing

    outputs.check("--out", out)
    found = choosing.chosen(model)
    from pipeline.nn import export as lite

    lite.write(found, out)
