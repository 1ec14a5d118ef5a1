"""Commands that compare many runs."""

from typing import Annotated

import typer

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
