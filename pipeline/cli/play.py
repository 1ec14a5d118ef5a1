"""Commands that play in time."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from pipeline.cli import output_paths
from pipeline.cli.arguments import Force, ModelName
from pipeline.config.schema import DEFAULT_MODEL
from pipeline.core.errors import sanitize_line

app = typer.Typer()
Mode = Literal["solo", "call-response", "accompany"]


@app.command(
    epilog="Example: music-rnn play --midi-out fluid --mode call-response --midi-in keystation --record ~/sessions"
)
def play(  # noqa: PLR0913 an argument of a command is an option that a person types
    model: ModelName = DEFAULT_MODEL,
    midi_out: Annotated[
        str,
        typer.Option(
            help="Part of the name of a MIDI port; virtual makes one; none writes a file, at once."
        ),
    ] = "virtual",
    midi_in: Annotated[
        str,
        typer.Option(
            "--midi-in", help="Port to listen to, in the same way: keys, and knobs CC 20..27."
        ),
    ] = "",
    mode: Annotated[
        Mode,
        typer.Option(
            help="solo: by itself; call-response: answers after a rest; accompany: plays on and hears you."
        ),
    ] = "solo",
    prompt: Annotated[
        Path | None, typer.Option(help="MIDI file to play on from; default: one middle C.")
    ] = None,
    notes: Annotated[int, typer.Option(min=0, help="Notes to play; 0 plays until Ctrl-C.")] = 0,
    tempo: Annotated[float, typer.Option(help="Music time per clock time, 0.25..4.")] = 1.0,
    response_delay: Annotated[
        float, typer.Option(min=0.2, max=10, help="Seconds of silence that ask for an answer.")
    ] = 0.8,
    seed: Annotated[
        int,
        typer.Option(min=0, help="Equal seeds play equal notes, as long as nobody turns a knob."),
    ] = 0,
    record: Annotated[
        Path | None,
        typer.Option(
            help="MIDI file to write of what sounded, or a folder for one named by the time."
        ),
    ] = None,
    force: Force = False,
) -> None:
    """Let a model play live, alone or with you, to a MIDI port or a file.

    CC 20 and 21 turn the temperature of pitch and time, 22 density, 23 key, 24 and 25 the range, 26 polyphony, 27
    tempo; 120 is a panic. A folder of sessions is a corpus: music-rnn add-corpus sessions FOLDER.
    """
    from pipeline.cli import options
    from pipeline.live import run

    if written := record or (run.DEFAULT_RECORDING if midi_out == run.NO_PORT else None):
        output_paths.check_recording(written, prompt, force)
    wish = run.PlayOptions(
        midi_out, midi_in, mode, prompt, notes, tempo, response_delay, seed, record
    )
    run.run_player(options.load_named_model(model), options.load_sampling(), wish, typer.echo)


@app.command(epilog="Example: music-rnn ports")
def ports() -> None:
    """List the MIDI ports that play can use."""
    from pipeline.live import midi_ports as midi

    for kind, what in ((midi.OUT, "--midi-out"), (midi.IN, "--midi-in")):
        for name in midi.list_port_names(kind) or [
            "none; start a synthesizer or connect a keyboard, or give --midi-out none"
        ]:
            typer.echo(sanitize_line(f"{what:8} {name}"))
