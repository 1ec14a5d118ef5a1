"""One session of the `play` command: connect model, controls, ports and player, and end them in order.

SIGINT, SIGTERM and SIGHUP only set a flag: after an exception inside `send` it would be unknown what was sent. The
player ends all notes within 10 ms, and then the recording is written.
"""

import gc
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.config.schema import SamplingConfig
from pipeline.core.errors import ParamsError
from pipeline.core.paths import MIDI_OUTPUT_SUFFIXES
from pipeline.generation import generate
from pipeline.generation.engine import Engine
from pipeline.live import midi_ports
from pipeline.live.channel_output import ChannelOutput
from pipeline.live.clock_follower import AlignedTime, ClockFollower, Quantize
from pipeline.live.clock_sender import ClockSender
from pipeline.live.controls import Controls
from pipeline.live.echo_guard import EchoGuard
from pipeline.live.improviser import Improviser, Mode
from pipeline.live.journal import keep_recording
from pipeline.live.keyboard import Keyboard
from pipeline.live.learned_actions import LearnedActions
from pipeline.live.osc_link import OscLink
from pipeline.live.person_input import PersonInput
from pipeline.live.person_tempo import PersonTempo
from pipeline.live.player import Player
from pipeline.live.port_watch import PortWatch, WatchedInput
from pipeline.live.preset import Preset
from pipeline.live.recorder import Recorder
from pipeline.live.thru import Thru
from pipeline.live.timeline import SimulatedClock
from pipeline.models.model_io import TrainedModel

NO_PORT = "none"
"""In place of the name of a port: play to a file, as fast as the model."""
DEFAULT_RECORDING = Path("play.mid")
"""File of music that is not played, unless --record gives another."""
MAX_OFFLINE_NOTES = 1_000_000
"""Most notes that are played offline."""
SWITCH_SECONDS = 0.0005
"""Longest time that a thread computes while another waits; Python's default of 5 ms is audible."""
MILLISECONDS = 1000
"""Of a second."""
SIGNALS = [
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
]


@dataclass(frozen=True)
class PlayOptions:
    """The options of `play`."""

    midi_out: str
    """Part of the name of an output port, `virtual` or `none`."""
    midi_in: str
    """Part of the name of an input port; empty for none."""
    mode: Mode
    prompt: Path | None
    num_notes: int
    """Number of notes; 0 plays until it is stopped."""
    tempo: float
    response_delay: float
    """Seconds of silence before a response, in mode `call-response`."""
    seed: int
    recording: Path | None
    """MIDI file to write, or a folder for one that is named by the time."""
    clock_in: str = ""
    """Part of the name of the input port of a MIDI clock; empty for none."""
    quantize: Quantize = "off"
    """Where responses begin, in mode `call-response`."""
    clock_out: str = ""
    """Part of the name of the output port that gets a MIDI clock; empty for none."""
    preset: Preset = field(default_factory=Preset)
    """Channels, program and what keys and knobs do."""
    estimate_tempo: bool = False
    """Whether the tempo of the person is estimated and shown, if there is no clock."""
    osc_in: str = ""
    """`PORT` or `HOST:PORT` to listen on for OSC; empty for none."""
    osc_out: str = ""
    """`PORT` or `HOST:PORT` that gets OSC; empty for none."""

    @property
    def follows_person(self) -> bool:
        """Whether there is a person whose tempo is estimated."""
        has_clock = self.clock_in or self.clock_out
        return self.estimate_tempo and self.has_person and not has_clock

    @property
    def has_person(self) -> bool:
        """Whether a person plays, by MIDI or OSC."""
        return bool(self.midi_in or self.osc_in)

    def validate(self) -> None:
        """Refuse options that contradict each other.

        Raises:
            ParamsError: names the option and the remedy.
        """
        if self.mode == "call-response" and not self.has_person:
            raise ParamsError(
                "mode call-response needs a keyboard: give --midi-in with a part of the name of a MIDI port, or --osc-in"
            )
        has_beats = self.clock_in or self.clock_out or self.estimate_tempo
        if self.quantize != "off" and not (has_beats and self.mode == "call-response"):
            raise ParamsError(
                f"--quantize {self.quantize} needs --mode call-response, and --tempo auto, or --clock-in or "
                "--clock-out with the name of a MIDI port"
            )
        if self.clock_in and self.clock_out:
            raise ParamsError(
                f"--clock-out {self.clock_out} cannot be combined with --clock-in {self.clock_in}: "
                "connect the program that sends the clock to both"
            )
        live_ports = self.has_person or self.clock_in or self.clock_out or self.osc_out
        if self.midi_out == NO_PORT and (live_ports or not 0 < self.num_notes <= MAX_OFFLINE_NOTES):
            raise ParamsError(
                f"--midi-out none does not play in real time: give --notes 1 to {MAX_OFFLINE_NOTES}, "
                "no --midi-in, no --clock-in, no --clock-out, no --osc-in and no --osc-out"
            )


def run_player(
    model: TrainedModel,
    sampling_config: SamplingConfig,
    options: PlayOptions,
    log_message: Callable[[str], None],
) -> Player:
    """Play until all notes are played or a signal comes; then write the recording.

    Args:
        model: draws the notes.
        sampling_config: initial sampling configuration.
        options: the options of the command.
        log_message: takes a line for the person.

    Raises:
        ParamsError: options contradict each other.
        PortError: a port is missing, or failed during the session.
        OscError: a port or host of OSC cannot be used.
        DiskError: the recording cannot be written.
    """
    options.validate()
    controls = Controls(sampling_config, options.tempo)
    source = _make_source(model, controls, options)
    path = options.recording
    if options.midi_out == NO_PORT:
        player = _make_offline_player(source)
        _run_offline(player, resolve_recording_path(path or DEFAULT_RECORDING), log_message)
        return player
    osc = OscLink(options.osc_in, options.osc_out, log_message)
    output = _open_output(options, log_message)
    player = Player(source, osc.wrap_port(output), Recorder())
    player.schedule.output_latency = options.preset.output_latency / MILLISECONDS
    with keep_recording(player.recorder, path and resolve_recording_path(path), log_message):
        inputs = _open_inputs(player, source, output, options, log_message)
        clock_sender = _open_clock_sender(player, source, options)
        outputs = [output.port] + ([clock_sender.port] if clock_sender else [])
        watch = PortWatch(player, outputs, inputs, log_message)
        if options.follows_person:
            watch.reports.append(_follow_person(player, source, options, log_message).report)
        with osc.connect(model, player, controls):
            report_end = partial(_report_end, player, output.echo_guard, osc, log_message)
            _run_realtime(player, watch, clock_sender, log_message, report_end)
    return player


def _make_source(model: TrainedModel, controls: Controls, options: PlayOptions) -> Improviser:
    """Return the source of the notes."""
    prompt = generate.load_prompt(options.prompt, model.sustain_pedal)
    source = Improviser(Engine(model), controls, prompt, np.random.default_rng(options.seed))
    source.mode = options.mode
    source.phrase.response_delay = options.response_delay
    source.notes_left = options.num_notes or None
    return source


def _open_output(options: PlayOptions, log_message: Callable[[str], None]) -> ChannelOutput:
    """Open the port of the synthesizer, and choose the program of the preset."""
    port = midi_ports.open_output(options.midi_out)
    output = ChannelOutput(port, options.preset.channel_out, EchoGuard(time.monotonic))
    if options.preset.program is not None:
        output.choose_program(options.preset.program)
    if options.midi_out == midi_ports.VIRTUAL:
        log_message(f"connect a synthesizer to the MIDI port {midi_ports.CLIENT_NAME!r}")
    return output


def _make_offline_player(source: Improviser) -> Player:
    """Return a player without a port, as fast as the model."""
    clock = SimulatedClock()
    return Player(source, midi_ports.NullPort(), Recorder(), clock, clock.sleep)


def _run_offline(player: Player, recording: Path, log_message: Callable[[str], None]) -> None:
    """Play without a port, then write the MIDI files; of equal seeds they are equal, so nothing else is kept."""
    try:
        with stop_on_signals(player):
            player.run_offline()
    finally:
        for path in player.recorder.write_midi(recording):
            log_message(str(path))


def _run_realtime(
    player: Player,
    watch: PortWatch,
    clock_sender: ClockSender | None,
    log_message: Callable[[str], None],
    report_end: Callable[[], None],
) -> None:
    """Play in real time, then report the session and close all ports."""
    log_message("playing; Ctrl-C stops it and releases every note")
    watch.start()
    try:
        with stop_on_signals(player), realtime_priority(), clock_sender or nullcontext():
            player.run()
    finally:
        watch.stop()
        report_end()
        for watched in watch.inputs:
            watched.port.close()


def _follow_person(
    player: Player, source: Improviser, options: PlayOptions, log_message: Callable[[str], None]
) -> PersonTempo:
    """Let responses begin on the beat of the person; return what reports the tempo."""
    tempo = PersonTempo(player.human_onsets, log_message)
    source.time_keeper = AlignedTime(player.schedule, tempo.find_next_beat, options.quantize)
    return tempo


def _report_end(
    player: Player, echo_guard: EchoGuard, osc: OscLink, log_message: Callable[[str], None]
) -> None:
    """Report what was sent, what was lost, and how many notes of the model came back, if any did."""
    sent = f"{len(player.recorder):,} notes; {player.schedule.latency}"
    log_message(f"{sent}{osc.describe_loss()}")
    if echo_guard.num_ignored:
        log_message(
            f"ignored notes that were sent and came back on --midi-in: {echo_guard.num_ignored:,}; "
            "switch off the echo of the synthesizer"
        )


def _open_inputs(
    player: Player,
    source: Improviser,
    output: ChannelOutput,
    options: PlayOptions,
    log_message: Callable[[str], None],
) -> list[WatchedInput]:
    """Open keyboard and clock, if they are given."""
    inputs = []
    if options.midi_in:
        person_input = _make_person_input(player, source, output, options, log_message)
        port = midi_ports.open_input(options.midi_in, person_input.handle_message)
        inputs.append(WatchedInput(port, person_input.release))
    if options.clock_in:
        follower = ClockFollower(player.schedule, player.end_model_notes, options.quantize)
        source.time_keeper = follower
        port = midi_ports.open_clock(options.clock_in, follower.handle_message)
        follower.set_block_seconds(port.get_block_seconds())
        inputs.append(WatchedInput(port, follower.handle_loss))
    return inputs


def _make_person_input(
    player: Player,
    source: Improviser,
    output: ChannelOutput,
    options: PlayOptions,
    log_message: Callable[[str], None],
) -> PersonInput:
    """Return what takes the messages of the keyboard."""
    preset, controls = options.preset, source.controls
    learned = LearnedActions(preset, player, source.turn_switch, controls, log_message)
    thru = Thru(player) if preset.thru else None
    keyboard = Keyboard(player, controls, log_message, thru)
    return PersonInput(preset, output.echo_guard, learned, keyboard)


def _open_clock_sender(
    player: Player, source: Improviser, options: PlayOptions
) -> ClockSender | None:
    """Open the port that gets a clock, if one is given; the clock runs while the context is entered."""
    if not options.clock_out:
        return None
    port = midi_ports.open_clock_output(options.clock_out)
    sender = ClockSender(port, lambda: source.tempo, player.stop_with_error)
    source.time_keeper = AlignedTime(player.schedule, sender.find_next_beat, options.quantize)
    return sender


def resolve_recording_path(path: Path) -> Path:
    """Return the MIDI file of a session: `path` itself, or one in this folder that is named by the time."""
    if path.suffix.lower() in MIDI_OUTPUT_SUFFIXES:
        return path
    return path / f"{datetime.now():%Y-%m-%d-%H%M%S}.mid"


@contextmanager
def stop_on_signals(player: Player) -> Iterator[None]:
    """Let signals end the player instead of the program."""

    def request_stop(*_: object) -> None:
        player.stopping = True

    previous: dict[signal.Signals, Any] = {
        number: signal.signal(number, request_stop) for number in SIGNALS
    }
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


@contextmanager
def realtime_priority() -> Iterator[None]:
    """Take priority over other programs, if that is allowed, and shorten the pauses of Python.

    Threads switch more often, and the garbage collector skips the objects that exist now. The thread that draws gets
    priority too: the one that sends must wait while it computes.
    """
    switch_interval, restore_scheduling = sys.getswitchinterval(), _enable_realtime_scheduling()
    sys.setswitchinterval(SWITCH_SECONDS)
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()
        sys.setswitchinterval(switch_interval)
        restore_scheduling()


def _enable_realtime_scheduling() -> Callable[[], None]:
    """Schedule this thread and those it starts in real time, if that is allowed; return a function that ends that."""
    try:
        policy, parameters = os.sched_getscheduler(0), os.sched_getparam(0)
        lowest = os.sched_param(os.sched_get_priority_min(os.SCHED_RR))
        os.sched_setscheduler(0, os.SCHED_RR, lowest)
    except (AttributeError, OSError):  # not Linux, or not allowed
        return lambda: None
    return lambda: os.sched_setscheduler(0, policy, parameters)
