"""Commands that CI calls and a person can call as well: why would it run, is it better, run it all, promote it."""

from pathlib import Path
from typing import Annotated

import typer

from pipeline.config import load_params
from pipeline.core import paths

app = typer.Typer()


def _check_base(base: str) -> str:
    """Refuse a base without a name, such as an unset variable gives: it would be the work tree itself."""
    if not base.strip():
        raise typer.BadParameter("names no revision; leave the option out for HEAD")
    return base


BaseRevision = Annotated[
    str, typer.Option(callback=_check_base, help="Git revision whose results are compared with.")
]


@app.command(epilog="Example: music-rnn plan")
def plan(
    all_stages: Annotated[
        bool, typer.Option("--all", help="Also name the stages that are up to date.")
    ] = False,
) -> None:
    """Name the stages that would run now, with the reasons, before anything runs."""
    from pipeline.ci import plan as planner

    if changes := planner.describe_corpus_changes(load_params(paths.PARAMS).corpus):
        typer.echo(changes)
    stage_plans = planner.plan_stages()
    for stage_plan in stage_plans:
        if all_stages or stage_plan.status != "up to date":
            typer.echo(stage_plan)
    if all(stage_plan.status == "up to date" for stage_plan in stage_plans):
        typer.echo("Nothing would run: every stage is up to date.")


@app.command(epilog="Example: music-rnn gate --base origin/main")
def gate(base: BaseRevision = "HEAD") -> None:
    """Compare the results with those of a revision: better, worse or too close to call; exit code 1 if the gate refuses."""
    from pipeline.ci import retrain as work

    verdict = work.evaluate_gate(base, load_params(paths.PARAMS))
    typer.echo(verdict.paragraph)
    raise typer.Exit(1 if verdict.refusals else 0)


@app.command(
    epilog="Example: music-rnn promote --base origin/main, then: git commit -a and git tag -a recommended@v1.1.0"
)
def promote(base: BaseRevision = "HEAD") -> None:
    """Make the recommended model the DVC artifact 'recommended', with its card, if it is better; exit code 1 if not."""
    from pipeline.ci import retrain as work

    params = load_params(paths.PARAMS)
    verdict = work.evaluate_gate(base, params)
    typer.echo(verdict.paragraph)
    written = work.promote_better_model(verdict, params)
    for path in written:
        typer.echo(path)
    raise typer.Exit(0 if written else 1)


@app.command(
    epilog="Example: music-rnn retrain --base origin/main --branch retrain/monday --summary report.md"
)
def retrain(
    base: BaseRevision = "HEAD",
    branch: Annotated[
        str, typer.Option(help="Commit the results to this new branch, and push it to origin.")
    ] = "",
    summary: Annotated[
        Path | None, typer.Option(help="Add the report, in Markdown, to this file.")
    ] = None,
) -> None:
    """Run the pipeline, compare the results with a revision, push a branch; exit code 1 if the gate refuses."""
    from pipeline.ci import retrain as work

    verdict, page = work.retrain_models(base, branch, load_params(paths.PARAMS), typer.echo)
    typer.echo(page)
    if summary:
        work.append_report(page, summary)
    raise typer.Exit(1 if verdict.refusals else 0)
