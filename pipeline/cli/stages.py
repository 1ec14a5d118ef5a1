"""Commands that run one stage of the pipeline, as DVC would, but always."""

import importlib
import os
from typing import Annotated

import typer

from pipeline.config import load_params
from pipeline.core import extras, paths

app = typer.Typer()
Architecture = Annotated[
    str, typer.Argument(help="A block under model: in params.yaml, such as baseline.")
]


def _run_stage(stage_name: str, *architectures: str) -> None:
    """Run a stage as DVC would, but always; its arguments are architectures."""
    params = load_params(paths.PARAMS)
    for architecture in architectures:
        params.get_model_config(architecture)
    stage = importlib.import_module(f"pipeline.stages.{stage_name}")
    stage.run(params.restrict_to(stage.PARAM_SECTIONS), *architectures)


@app.command(epilog="Example: music-rnn repro")
def repro() -> None:
    """Run 'dvc repro' on a valid params.yaml, number its stages, show the decision, and compare with the last commit."""
    from pipeline.ci.committed import describe_changes
    from pipeline.ci.repro import describe_usage, run_repro

    start = os.times()
    load_params(paths.PARAMS)
    events = run_repro(typer.echo)
    if any(event.stage == "report" and event.status != "run" for event in events):
        _run_stage("report")  # writes what is there again, and shows it
    typer.echo(describe_changes())
    typer.echo(describe_usage(start))


@app.command(epilog="Example: music-rnn check")
def check() -> None:
    """Check params.yaml: names, types and ranges."""
    _run_stage("check")
    typer.echo(f"{paths.PARAMS} is valid")


@app.command(epilog="Example: music-rnn ingest")
def ingest() -> None:
    """Read the MIDI files of the corpus into Parquet tables of notes and pieces."""
    _run_stage("ingest")


@app.command(epilog="Example: music-rnn windows")
def windows() -> None:
    """Round notes to the 10 ms grid and index the training windows."""
    _run_stage("windows")


@app.command(epilog="Example: music-rnn ngrams")
def ngrams() -> None:
    """Score the n-gram models on held-out pieces."""
    _run_stage("ngrams")


@app.command(epilog="Example: music-rnn train expressive --workers 2")
def train(
    architecture: Architecture,
    workers: Annotated[
        int | None,
        typer.Option(
            min=1, max=1024, help="Processes that train one model together; default: train.workers."
        ),
    ] = None,
) -> None:
    """Train an architecture; where TF_CONFIG is set, as one of the workers that it names."""
    # Processes train, so that this one would not notice that the package is missing.
    extras.require_module("tensorflow")
    from pipeline.stages import train as stage

    params = load_params(paths.PARAMS)
    if workers is not None:
        values = params.train.model_copy(update={"workers": workers})
        params = params.model_copy(update={"train": values})
    stage.run(params.restrict_to(stage.PARAM_SECTIONS), architecture)


@app.command(epilog="Example: music-rnn evaluate stacked")
def evaluate(architecture: Architecture) -> None:
    """Score a trained architecture on held-out pieces."""
    _run_stage("evaluate", architecture)


@app.command(epilog="Example: music-rnn generate-all stacked")
def generate_all(architecture: Architecture) -> None:
    """Generate samples of a trained architecture from held-out prompts."""
    _run_stage("generate", architecture)


@app.command(epilog="Example: music-rnn sample-metrics stacked")
def sample_metrics(architecture: Architecture) -> None:
    """Measure long samples of a trained architecture against held-out music, and print measures of form in Markdown."""
    import json

    from pipeline.report import tables
    from pipeline.report.sections import samples

    _run_stage("sample_metrics", architecture)
    path = paths.get_sample_metrics_path(architecture)
    if comparison := json.loads(path.read_text("utf-8")).get("continuations"):
        rows = samples.tabulate_continuations(architecture, comparison)
        typer.echo(tables.format_markdown_table(rows))


@app.command(epilog="Example: music-rnn two-sample stacked")
def two_sample(architecture: Architecture) -> None:
    """Measure how well a classifier tells samples of a trained architecture from real music."""
    _run_stage("two_sample", architecture)


@app.command(epilog="Example: music-rnn compare")
def compare() -> None:
    """Compare all evaluations and apply the decision rule."""
    _run_stage("compare")


@app.command(epilog="Example: music-rnn benchmark")
def benchmark() -> None:
    """Time training and playing of all architectures side by side."""
    _run_stage("benchmark")


@app.command(epilog="Example: music-rnn report")
def report() -> None:
    """Write the report page and show the decision."""
    _run_stage("report")
