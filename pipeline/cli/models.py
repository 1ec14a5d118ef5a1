"""Commands that use a trained model: it plays, scores music, or goes into another program."""

from importlib import import_module
from pathlib import Path
from typing import Annotated

import typer

from pipeline.cli import output_paths
from pipeline.config import load_params
from pipeline.core import paths

app = typer.Typer()
ModelName = Annotated[
    str, typer.Argument(help="A trained architecture, such as baseline, or the folder of a model.")
]


@app.command(epilog="Example: music-rnn score stacked my-piece.mid --per-note surprise.parquet")
def score(
    model: ModelName,
    midi: Annotated[list[Path], typer.Argument(help="MIDI files.")],
    per_note: Annotated[
        Path | None, typer.Option(help="Also write the bits of every note to this Parquet file.")
    ] = None,
) -> None:
    """Say how surprised a model is by MIDI files, in bits per note."""
    from pipeline.cli import options
    from pipeline.evaluation import score_midi

    if per_note:
        output_paths.check_output("--per-note", per_note, midi)
        import_module("pyarrow")  # of an extra; its absence is better told before the work
    found = score_midi.score_files(options.load_named_model(model), midi)
    score_midi.print_scores(found)
    if per_note:
        score_midi.write_note_scores(found, per_note)


@app.command(
    epilog="Example: music-rnn generate stacked --prompt my-piece.mid --notes 200 --seed 7 -o out.mid"
)
def generate(
    model: ModelName,
    out: Annotated[
        Path, typer.Option("-o", "--out", help="MIDI file to write; a piano roll goes beside it.")
    ],
    prompt: Annotated[
        Path | None, typer.Option(help="MIDI file to play on from; default: one middle C.")
    ] = None,
    notes: Annotated[int, typer.Option(min=1, max=1_000_000, help="Notes to play.")] = 300,
    seed: Annotated[int, typer.Option(min=0, help="Equal seeds play equal notes.")] = 0,
) -> None:
    """Let a model play on from a prompt."""
    from pipeline.cli import options
    from pipeline.generation import generate

    output_paths.check_output("--out", out, [prompt], paths.MIDI_OUTPUT_SUFFIXES)
    output_paths.check_output("the piano roll", out.with_suffix(".png"), [prompt])
    how = (
        load_params(paths.PARAMS).generate.sampling
        if paths.PARAMS.exists()
        else generate.UNCONSTRAINED
    )
    generate.generate_from_prompt_file(
        options.load_named_model(model), generate.GenerationRequest(prompt, notes, seed), how, out
    )


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
