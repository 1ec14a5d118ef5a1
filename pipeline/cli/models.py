"""Commands that use a trained model: it plays, scores music, or goes into another program."""

from importlib import import_module
from math import inf
from pathlib import Path
from typing import Annotated

import typer

from pipeline.cli import output_paths
from pipeline.cli.arguments import (
    Force,
    ModelName,
    RecallBonus,
    VelocityTemperature,
    VelocityTopP,
)
from pipeline.config.schema import DEFAULT_MODEL
from pipeline.core import paths
from pipeline.core.errors import DataError, sanitize_line

app = typer.Typer()


@app.command("models", epilog="Example: music-rnn models")
def list_models() -> None:
    """List the models: those that are bundled with the package, and those trained here."""
    from pipeline.studio import catalog

    entries = catalog.list_models().values()
    width = max((len(entry.name) for entry in entries), default=0)
    for entry in entries:
        typer.echo(sanitize_line(f"{entry.name:{width}}  {entry.description}"))


@app.command(epilog="Example: music-rnn score maestro my-piece.mid ~/Music --per-note bits.parquet")
def score(
    model: ModelName,
    midi: Annotated[
        list[Path] | None, typer.Argument(help="MIDI files, and folders of such files.")
    ] = None,
    per_note: Annotated[
        Path | None, typer.Option(help="Also write the bits of every note to this Parquet file.")
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print a JSON object instead of a table.")
    ] = False,
    force: Force = False,
) -> None:
    """Score MIDI files with a model, in bits per note, and in nats per event of the Performance encoding.

    Published models of MIDI events give nats per event; a model without velocity has no such figure.
    The model may be left out: music-rnn score my-piece.mid takes the bundled one.
    A file that cannot be read is named on standard error; the others are scored, and the exit code is 1.
    """
    from pipeline.cli import options
    from pipeline.evaluation import score_midi

    name, music = _split_arguments(model, midi or [])
    if per_note:
        output_paths.check_output("--per-note", per_note, music, force=force)
        import_module("pyarrow")  # of an extra; its absence is better told before the work
    scores, failures = score_midi.score_files(options.load_named_model(name), music)
    if as_json:
        typer.echo(score_midi.format_scores_json(scores, failures))
    elif scores:
        score_midi.print_scores(scores)
    if per_note and scores:
        score_midi.write_note_scores(scores, per_note)
        typer.echo(per_note, err=as_json)
    for failure in failures:
        typer.echo(sanitize_line(f"error: {failure.path}: {failure.reason}"), err=True)
    if failures:
        raise typer.Exit(1)


def _split_arguments(model: str, midi: list[Path]) -> tuple[str, list[Path]]:
    """Return a model and the music to score; where music is named alone, the model is the default."""
    is_music = Path(model).suffix.lower() in paths.MIDI_SUFFIXES
    if is_music or _is_music_folder(model):
        return DEFAULT_MODEL, [Path(model), *midi]
    if not midi:
        raise typer.BadParameter("name MIDI files, or folders of them", param_hint="midi")
    return model, midi


def _is_music_folder(name: str) -> bool:
    """Return whether a name is a folder, and no model is meant by it."""
    from pipeline.models import model_io

    if not Path(name).is_dir():
        return False
    try:
        model_io.find_model(name)
    except DataError:
        return True
    return False


@app.command(
    epilog="Example: music-rnn generate --prompt my-piece.mid --notes 200 --seed 7 -o out.mid"
)
def generate(  # noqa: PLR0913 an argument of a command is an option that a person types
    out: Annotated[
        Path, typer.Option("-o", "--out", help="MIDI file to write; a piano roll goes beside it.")
    ],
    model: ModelName = DEFAULT_MODEL,
    prompt: Annotated[
        Path | None, typer.Option(help="MIDI file to continue; default: one middle C.")
    ] = None,
    prompt_start: Annotated[
        float, typer.Option(min=0, help="Leave out the notes of the prompt before this second.")
    ] = 0.0,
    prompt_end: Annotated[
        float | None,
        typer.Option(min=0, help="Continue from this second of the prompt; default: its end."),
    ] = None,
    no_prompt: Annotated[
        bool, typer.Option("--no-prompt", help="Write the generated notes alone.")
    ] = False,
    notes: Annotated[int, typer.Option(min=1, max=1_000_000, help="Notes to generate.")] = 300,
    seed: Annotated[int, typer.Option(min=0, help="Equal seeds generate equal notes.")] = 0,
    temperature: Annotated[
        float | None,
        typer.Option(min=0.01, max=10, help="Below 1 likely notes get likelier, above 1 less so."),
    ] = None,
    top_p: Annotated[
        float | None,
        typer.Option(min=0.01, max=1, help="Share of the probability kept, likeliest first."),
    ] = None,
    velocity_temperature: VelocityTemperature = None,
    velocity_top_p: VelocityTopP = None,
    recall_bonus: RecallBonus = None,
    key: Annotated[
        str | None, typer.Option(help="Key of all notes, such as 'C major'; chromatic for any.")
    ] = None,
    max_notes_per_second: Annotated[
        int | None, typer.Option(min=0, max=1000, help="Density at most; 0 for no limit.")
    ] = None,
    force: Force = False,
) -> None:
    """Let a model continue a prompt, and write both to a MIDI file.

    Sampling options that are left out are those of params.yaml, and outside a project the same defaults.
    """
    from pipeline.cli import options
    from pipeline.generation import generate

    inputs = [prompt]
    output_paths.check_output("--out", out, inputs, paths.MIDI_OUTPUT_SUFFIXES, force)
    output_paths.check_output("the piano roll", out.with_suffix(".png"), inputs, force=force)
    sampling = options.load_sampling(
        temperature,
        top_p,
        velocity_temperature=velocity_temperature,
        velocity_top_p=velocity_top_p,
        recall_bonus=recall_bonus,
        key=key,
        max_notes_per_second=max_notes_per_second,
    )
    request = generate.GenerationRequest(
        prompt,
        notes,
        seed,
        (prompt_start, inf if prompt_end is None else prompt_end),
        not no_prompt,
    )
    generate.generate_from_prompt_file(options.load_named_model(model), request, sampling, out)
    typer.echo(out)
    typer.echo(out.with_suffix(".png"))


@app.command(epilog="Example: music-rnn export maestro --html maestro.html")
def export(
    model: ModelName,
    out: Annotated[
        Path | None, typer.Option("-o", "--out", help="The .tflite file to write.")
    ] = None,
    html: Annotated[
        Path | None, typer.Option("--html", help="The page to write, which plays without a server.")
    ] = None,
    force: Force = False,
) -> None:
    """Write a model for use without this program: as a .tflite file or as a web page.

    The file has one note of a model, with explicit state, to put into other programs.
    The page has the model and a piano; open it from a disk, or put it on any web server.
    The model must carry its state (stateful: true).
    """
    from pipeline.cli import options

    if (out is None) == (html is None):
        raise typer.BadParameter("give one of the two", param_hint="--out or --html")
    if html:
        output_paths.check_output("--html", html, suffixes=(".html",), force=force)
        from pipeline.studio import exported_page

        sampling = options.load_sampling()
        title = Path(model).name
        exported_page.write_exported_page(options.load_named_model(model), sampling, title, html)
        typer.echo(html)
    if out:
        output_paths.check_output("--out", out, force=force)
        loaded = options.load_named_model(model)
        from pipeline.export import tflite as lite

        lite.write_tflite(loaded, out)
        typer.echo(out)
