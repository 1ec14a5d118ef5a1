"""Commands that compare many runs, and that make what the project shows and ships of them."""

from pathlib import Path
from typing import Annotated

import typer

from pipeline.cli import output_paths
from pipeline.config import load_params
from pipeline.core import paths
from pipeline.core.errors import sanitize_line

app = typer.Typer()


@app.command(epilog="Example: music-rnn study maestro")
def study(
    name: Annotated[str, typer.Argument(help="A file in studies/, without .yaml.")],
    no_run: Annotated[
        bool, typer.Option("--no-run", help="Run nothing: show the experiments that are there.")
    ] = False,
) -> None:
    """Run the experiments of a study and make its page; experiments that are there already are not run again."""
    from pipeline.experiments import study as plan
    from pipeline.experiments import study_page, study_results

    params, about = load_params(paths.PARAMS), plan.load_study(name)
    found = {}
    for each, run in about.runs.items():
        if no_run and not plan.find_experiment_commit(f"{name}-{each}"):
            continue
        plan.run_experiment(f"{name}-{each}", run, params)
        found[each] = study_results.load_run(f"{name}-{each}", run, params)
    for path in study_page.write_study_results(about, found):
        typer.echo(path)


@app.command(
    epilog="Example: music-rnn seed-variance, after: dvc exp run --queue -S seed=1,2,3 and dvc queue start"
)
def seed_variance() -> None:
    """Show how much results differ between experiments that differ in nothing but their seed."""
    from pipeline.evaluation import decision
    from pipeline.experiments import seed_variance as spread

    found = spread.group_by_params(spread.load_experiment_results())
    if not found:
        typer.echo(
            "no two experiments differ in their seed alone; run some with: dvc exp run --queue -S seed=1,2,3"
        )
    for line in spread.format_seed_tables(found, decision.REFERENCE):
        typer.echo(sanitize_line(line))


@app.command(epilog="Example: music-rnn update-readme")
def update_readme() -> None:
    """Fill the figures in README.md, and make MODEL_OPTIMIZATION_ANALYSIS.md, from results of runs and studies."""
    from pipeline.report import readme as page
    from pipeline.stages import report as stage

    page.write_project_pages(stage.load_run_results(load_params(paths.PARAMS)))


@app.command(epilog="Example: music-rnn bundle expressive")
def bundle(
    model: Annotated[str, typer.Argument(help="A trained architecture, such as expressive.")],
) -> None:
    """Put a trained model into the package, half as large, with its bits and the licence of its music on its card."""
    from pipeline.export import bundle

    params = load_params(paths.PARAMS)
    params.get_model_config(model)
    typer.echo(bundle.bundle_model(model, params.corpus))


@app.command(epilog="Example: music-rnn export expressive -o expressive.tflite")
def export(
    model: Annotated[
        str,
        typer.Argument(
            help="A trained architecture, such as expressive, or the folder of a model."
        ),
    ],
    out: Annotated[Path, typer.Option("-o", "--out", help="The .tflite file to write.")],
) -> None:
    """Write one note of a model, with explicit state, as a .tflite file to put into other programs.

    The model must carry its state (memory: carried).
    """
    from pipeline.cli import options

    output_paths.check_output("--out", out)
    found = options.load_named_model(model)
    from pipeline.export import tflite as lite

    lite.write_tflite(found, out)
