"""Commands that run one stage of the pipeline, as DVC would, but always."""

import importlib
from pathlib import Path
from typing import Annotated

import typer

from pipeline.config import load_params
from pipeline.core import paths

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


@app.command(
    epilog="Example: music-rnn fetch maestro-v3 --archive ~/Downloads/maestro-v3.0.0-midi.zip"
)
def fetch(
    corpus: Annotated[
        str, typer.Argument(help="A manifest in data/corpora; default: that of params.yaml.")
    ] = "",
    archive: Annotated[
        Path | None, typer.Option("--archive", help="Use this archive, do not download it.")
    ] = None,
) -> None:
    """Get a corpus, verify every file, and write data/raw/CORPUS.zip."""
    from pipeline.corpus.manifest import validate_name
    from pipeline.stages import fetch as stage

    params = load_params(paths.PARAMS)
    name = validate_name(corpus or params.corpus)
    if archive:
        stage.import_archive(name, archive)
    stage.run(params.model_copy(update={"corpus": name}))


@app.command(
    epilog="Example: music-rnn add-corpus my-piano ~/Music/midi, then: dvc exp run -S corpus=my-piano"
)
def add_corpus(
    name: Annotated[str, typer.Argument(help="Name of the new corpus: a-z, 0-9, - and _.")],
    folder: Annotated[Path, typer.Argument(help="Folder with .mid, .midi, .kar and .rmi files.")],
) -> None:
    """Describe a folder of your own MIDI files as a corpus; run it again when files change."""
    from pipeline.stages import fetch as stage

    typer.echo(stage.add_folder(name, folder))


@app.command(epilog="Example: music-rnn ingest")
def ingest() -> None:
    """Read the MIDI files of the corpus into Parquet tables of notes and pieces."""
    _run_stage("ingest")


@app.command(epilog="Example: music-rnn windows")
def windows() -> None:
    """Put notes on the time grid and find where training windows start."""
    _run_stage("windows")


@app.command(epilog="Example: music-rnn ngrams")
def ngrams() -> None:
    """Score the predictors that every model must beat."""
    _run_stage("ngrams")


@app.command(epilog="Example: music-rnn train stacked")
def train(architecture: Architecture) -> None:
    """Train an architecture."""
    _run_stage("train", architecture)


@app.command(epilog="Example: music-rnn evaluate stacked")
def evaluate(architecture: Architecture) -> None:
    """Score a trained architecture on held-out pieces."""
    _run_stage("evaluate", architecture)


@app.command(epilog="Example: music-rnn generate-all stacked")
def generate_all(architecture: Architecture) -> None:
    """Let a trained architecture play on from held-out prompts."""
    _run_stage("generate", architecture)


@app.command(epilog="Example: music-rnn sample-metrics stacked")
def sample_metrics(architecture: Architecture) -> None:
    """Measure whether what a trained architecture plays behaves like music."""
    _run_stage("sample_metrics", architecture)


@app.command(epilog="Example: music-rnn compare")
def compare() -> None:
    """Compare all evaluations and apply the rule."""
    _run_stage("compare")


@app.command(epilog="Example: music-rnn benchmark")
def benchmark() -> None:
    """Time training and playing of all architectures side by side."""
    _run_stage("benchmark")


@app.command(epilog="Example: music-rnn report")
def report() -> None:
    """Write and show the page that says which architecture."""
    _run_stage("report")
