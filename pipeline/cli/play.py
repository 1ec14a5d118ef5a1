"""Commands that play in real time."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

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
from pipeline.core.errors import ParamsError, sanitize_line

if TYPE_CHECKING:
    from pipeline.live.preset import Preset

app = typer.Typer()
Mode = Literal["solo", "call-response", "accompany"]
Quantize = Literal["off", "beat", "bar"]
APP_NAME = "music-rnn"
"""Name of the folder of the user's configuration."""
NO_PORTS = "none; start a synthesizer or connect a keyboard, or give --midi-out none"


@app.command(
    epilog="Example: music-rnn play --midi-out fluid --mode call-response --midi-in keystation --record ~/sessions; "
    "music-rnn play --midi-out fluid --mode call-response --midi-in keystation --clock-in drums --quantize bar; "
    "music-rnn play --midi-in keystation --learn stage; music-rnn play --midi-in keystation --preset stage"
)
def play(  # noqa: PLR0913 an argument of a command is an option that a person types
    model: ModelName = DEFAULT_MODEL,
    midi_out: Annotated[
        str,
        typer.Option(
            help="Part of the name of a MIDI port; virtual makes a port; none only writes a file."
        ),
    ] = "virtual",
    midi_in: Annotated[
        str,
        typer.Option(
            "--midi-in", help="The same for the port of a keyboard: keys, pedal, knobs CC 20..28."
        ),
    ] = "",
    mode: Annotated[
        Mode,
        typer.Option(
            help="solo: it plays alone; call-response: it responds to you; accompany: both play at once."
        ),
    ] = "solo",
    prompt: Annotated[
        Path | None, typer.Option(help="MIDI file to continue; default: one middle C.")
    ] = None,
    notes: Annotated[int, typer.Option(min=0, help="Notes to play; 0 plays until Ctrl-C.")] = 0,
    tempo: Annotated[
        str,
        typer.Option(
            metavar="off|auto|NUMBER",
            help="Speed of the music, 0.25..4; auto is 1 and shows your tempo for --quantize, off is 1 without that.",
        ),
    ] = "auto",
    response_delay: Annotated[
        float, typer.Option(min=0.2, max=10, help="Seconds of silence before a response.")
    ] = 0.8,
    seed: Annotated[
        int,
        typer.Option(min=0, help="Equal seeds give equal notes, unless a control changes."),
    ] = 0,
    velocity_temperature: VelocityTemperature = None,
    velocity_top_p: VelocityTopP = None,
    recall_bonus: RecallBonus = None,
    record: Annotated[
        Path | None,
        typer.Option(
            help="MIDI file to write the session to, or a folder for a file named by the time."
        ),
    ] = None,
    clock_in: Annotated[
        str,
        typer.Option(
            "--clock-in",
            help="Part of the name of the port of a MIDI clock to follow; 120 beats a minute is tempo 1.",
        ),
    ] = "",
    clock_out: Annotated[
        str,
        typer.Option(
            "--clock-out", help="Part of the name of a port that gets a MIDI clock of this tempo."
        ),
    ] = "",
    quantize: Annotated[
        Quantize,
        typer.Option(
            help="Where responses begin: at once, or on a beat or a bar of either clock, or of your tempo."
        ),
    ] = "off",
    preset: Annotated[
        str,
        typer.Option(
            help="Preset of channels, keys and knobs: a name, or a file that ends in .yaml."
        ),
    ] = "",
    learn: Annotated[
        str,
        typer.Option(
            help="Ask which key, pedal or knob of --midi-in does what, and write this preset; plays nothing."
        ),
    ] = "",
    osc_in: Annotated[
        str,
        typer.Option(
            "--osc-in",
            metavar="PORT|HOST:PORT",
            help="Listen for OSC: notes and controls; without a host only of this machine.",
        ),
    ] = "",
    osc_out: Annotated[
        str,
        typer.Option(
            "--osc-out", metavar="PORT|HOST:PORT", help="Send notes and their surprise by OSC."
        ),
    ] = "",
    force: Force = False,
) -> None:
    """Play in real time, alone or with you, to a MIDI port or a file.

    CC 20, 21 and 28 set the temperature of pitch, time and velocity, 22 density, 23 key, 24 and 25 lowest and highest
    pitch, 26 polyphony, 27 tempo; 120 ends all notes. --learn NAME writes a preset of other keys, pedals and knobs for these,
    and for whose turn it is; --preset NAME uses it. Its file also sets channels, program, MIDI thru, velocity curve and
    output latency. A folder of sessions is a corpus: music-rnn add-corpus sessions FOLDER.
    """
    from pipeline.cli import options
    from pipeline.live import run

    if learn:
        _learn_preset(learn, midi_in)
        return
    recording = record or (run.DEFAULT_RECORDING if midi_out == run.NO_PORT else None)
    if recording:
        output_paths.check_recording(recording, prompt, force)
    play_options = run.PlayOptions(
        midi_out,
        midi_in,
        mode,
        prompt,
        notes,
        _parse_tempo(tempo),
        response_delay,
        seed,
        record,
        clock_in,
        quantize,
        clock_out,
        _load_preset(preset),
        estimate_tempo=tempo == "auto",
        osc_in=osc_in,
        osc_out=osc_out,
    )
    trained_model = options.load_named_model(model)
    sampling_config = options.load_sampling(
        velocity_temperature=velocity_temperature,
        velocity_top_p=velocity_top_p,
        recall_bonus=recall_bonus,
    )
    run.run_player(trained_model, sampling_config, play_options, typer.echo)


def _parse_tempo(text: str) -> float:
    """Return the tempo of the music: a number, or 1."""
    if text in ("off", "auto"):
        return 1.0
    try:
        return float(text)
    except ValueError as error:
        raise ParamsError(f"--tempo {text}: give off, auto or a number 0.25 to 4") from error


def _learn_preset(name: str, midi_in: str) -> None:
    """Write a preset of the keys, pedals and knobs of a port."""
    from pipeline.live import learn, preset

    if not midi_in:
        raise ParamsError(
            f"--learn {name} needs --midi-in with a part of the name of a MIDI port; see 'music-rnn ports'"
        )
    path = preset.find_preset_path(name, get_preset_folder())
    if path.parent != get_preset_folder():
        output_paths.check_parent("--learn", path)
    learn.run_learning(midi_in, path, typer.echo, learn.read_terminal)


def _load_preset(name: str) -> "Preset":
    """Return a preset by name or path; the default one without a name."""
    from pipeline.live import preset

    if not name:
        return preset.Preset()
    return preset.load_preset(preset.find_preset_path(name, get_preset_folder()))


def get_preset_folder() -> Path:
    """Return the folder of the presets that have a name, in the configuration of the user."""
    return Path(typer.get_app_dir(APP_NAME)) / "presets"


@app.command(epilog="Example: music-rnn ports")
def ports() -> None:
    """List the MIDI ports that play can use."""
    from pipeline.live import midi_ports

    for direction, option in ((midi_ports.OUT, "--midi-out"), (midi_ports.IN, "--midi-in")):
        names = midi_ports.list_port_names(direction) or [NO_PORTS]
        for name in names:
            typer.echo(sanitize_line(f"{option:10} {name}"))
