"""The command line: one short function per command; what is heavy is imported by the command that needs it."""

import importlib
from pathlib import Path
from typing import Annotated

import typer

from pipeline import paths
from pipeline.errors import PipelineError
from pipeline.params import load
from pipeline.stages import fail

app = typer.Typer(
    help="Which architecture for a small music model? Measured, in bits per note.",
    epilog="The whole pipeline: dvc repro. One idea beside another: dvc exp run -S train.learning_rate=0.002",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
Architecture = Annotated[str, typer.Argument(help="A block under model: in params.yaml, such as baseline.")]
ModelName = Annotated[str, typer.Argument(help="A trained architecture, such as baseline, or the folder of a model.")]


def main() -> None:
    """Run a command; an error a person can mend is one line."""
    try:
        app()
    except PipelineError as error:
        fail(error)


def _stage(name: str, *arguments: str) -> None:
    """Run a stage as DVC would, but always."""
    stage = importlib.import_module(f"pipeline.stages.{name}")
    stage.run(load(paths.PARAMS).only(stage.SECTIONS), *arguments)


@app.command(epilog="Example: music-rnn fetch maestro-v3 --zip ~/Downloads/maestro-v3.0.0-midi.zip")
def fetch(
    corpus: Annotated[str, typer.Argument(help="A manifest in data/corpora; default: that of params.yaml.")] = "",
    archive: Annotated[Path | None, typer.Option("--zip", help="Use this archive, do not download it.")] = None,
) -> None:
    """Get a corpus, verify every file, and write data/raw/CORPUS.zip."""
    from pipeline.stages import fetch as stage

    params = load(paths.PARAMS)
    name = corpus or params.corpus
    if archive:
        stage.offer(name, archive)
    stage.run(params.model_copy(update={"corpus": name}))


@app.command(epilog="Example: music-rnn corpus my-piano ~/Music/midi, then: dvc exp run -S corpus=my-piano")
def corpus(
    name: Annotated[str, typer.Argument(help="Name of the new corpus: a-z, 0-9, - and _.")],
    folder: Annotated[Path, typer.Argument(help="Folder with .mid and .midi files.")],
) -> None:
    """Describe a folder of your own MIDI files as a corpus; run it again when files change."""
    from pipeline.stages import fetch as stage

    typer.echo(stage.describe(name, folder))


@app.command(epilog="Example: music-rnn ingest")
def ingest() -> None:
    """Read the MIDI files of the corpus into Parquet tables of notes and pieces."""
    _stage("ingest")


@app.command(epilog="Example: music-rnn windows")
def windows() -> None:
    """Put notes on the time grid and find where training windows start."""
    _stage("windows")


@app.command(epilog="Example: music-rnn floors")
def floors() -> None:
    """Score the predictors that every model must beat."""
    _stage("floors")


@app.command(epilog="Example: music-rnn train stacked")
def train(architecture: Architecture) -> None:
    """Train an architecture."""
    _stage("train", architecture)


@app.command(epilog="Example: music-rnn evaluate stacked")
def evaluate(architecture: Architecture) -> None:
    """Score a trained architecture on held-out pieces."""
    _stage("evaluate", architecture)


@app.command(epilog="Example: music-rnn generate stacked")
def generate(architecture: Architecture) -> None:
    """Let a trained architecture play on from held-out prompts."""
    _stage("generate", architecture)


@app.command(epilog="Example: music-rnn compare")
def compare() -> None:
    """Compare all evaluations and apply the rule."""
    _stage("compare")


@app.command(epilog="Example: music-rnn benchmark")
def benchmark() -> None:
    """Time training and playing of all architectures side by side."""
    _stage("benchmark")


@app.command(epilog="Example: music-rnn report")
def report() -> None:
    """Write and show the page that says which architecture."""
    _stage("report")


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
def ship(model: Architecture) -> None:
    """Put a trained model into the package, half as large, with its bits and the licence of its music on its card."""
    from pipeline import shipping

    typer.echo(shipping.ship(model, load(paths.PARAMS).corpus))


@app.command(epilog="Example: music-rnn score stacked my-piece.mid --notes surprise.parquet")
def score(
    model: ModelName,
    midi: Annotated[list[Path], typer.Argument(help="MIDI files.")],
    notes: Annotated[Path | None, typer.Option(help="Also write the bits of every note to this Parquet file.")] = None,
) -> None:
    """Say how surprised a model is by MIDI files, in bits per note."""
    from pipeline import scoring, storage

    found = scoring.score(storage.find(model), midi)
    scoring.show(found)
    if notes:
        scoring.write(found, notes)


@app.command(epilog="Example: music-rnn sample stacked --prompt my-piece.mid --notes 200 --seed 7 -o out.mid")
def sample(
    model: ModelName,
    out: Annotated[Path, typer.Option("-o", "--out", help="MIDI file to write; a piano roll goes beside it.")],
    prompt: Annotated[Path | None, typer.Option(help="MIDI file to play on from; default: one middle C.")] = None,
    notes: Annotated[int, typer.Option(min=1, max=1_000_000, help="Notes to play.")] = 300,
    seed: Annotated[int, typer.Option(min=0, help="Equal seeds play equal notes.")] = 0,
) -> None:
    """Let a model play on from a prompt."""
    from pipeline import playing, storage

    how = load(paths.PARAMS).generate.sampling if paths.PARAMS.exists() else playing.AS_IT_IS
    playing.write(storage.find(model), playing.Request(prompt, notes, seed), how, out)
