"""One performance of the `play` command: model, controls, ports and player put together, and a clean end.

SIGINT, SIGTERM and SIGHUP only set a flag: an exception in the middle of a message would leave unknown what was sent.
The player ends within 10 ms, in silence, and then the session is written.
"""

import gc
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.config.schema import SamplingConfig
from pipeline.core.errors import ParamsError
from pipeline.core.paths import MIDI_OUTPUT_SUFFIXES
from pipeline.generation import generate
from pipeline.generation.engine import Engine
from pipeline.live import midi_ports
from pipeline.live.controls import Controls
from pipeline.live.improviser import Improviser, Mode
from pipeline.live.journal import keep_recording
from pipeline.live.keyboard import Keyboard
from pipeline.live.player import Player
from pipeline.live.port_watch import PortWatch
from pipeline.live.recorder import Recorder
from pipeline.live.timeline import SimulatedClock
from pipeline.models.model_io import TrainedModel

NO_PORT = "none"
"""In place of the name of a port: nothing is played, and nothing waited for."""
DEFAULT_RECORDING = Path("play.mid")
"""Where music goes that is not played, if nobody says where."""
MAX_OFFLINE_NOTES = 1_000_000
"""Notes at once that nobody waits for."""
SWITCH_SECONDS = 0.0005
"""Seconds that a thread computes while another waits; Python's 5 ms would be heard."""
SIGNALS = [
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
]


@dataclass(frozen=True)
class PlayOptions:
    """What is to be played, and how."""

    midi_out: str
    """Part of the name of a port, `virtual` or `none`."""
    midi_in: str
    """Part of the name of the port to listen to; empty for none."""
    mode: Mode
    prompt: Path | None
    num_notes: int
    """Notes to play; 0 plays until it is stopped."""
    tempo: float
    response_delay: float
    """Seconds of silence that ask for an answer, in mode `call-response`."""
    seed: int
    recording: Path | None
    """A MIDI file to write, or a folder for one named by the time."""

    def validate(self) -> None:
        """Refuse what makes no sense.

        Raises:
            ParamsError: says what and what to do.
        """
        if self.mode == "call-response" and not self.midi_in:
            raise ParamsError(
                "mode call-response needs a keyboard: give --midi-in with a part of the name of a MIDI port"
            )
        if self.midi_out == NO_PORT and (
            self.midi_in or not 0 < self.num_notes <= MAX_OFFLINE_NOTES
        ):
            raise ParamsError(
                f"--midi-out none waits for nobody: give --notes 1 to {MAX_OFFLINE_NOTES}, and no --midi-in"
            )


def run_player(
    model: TrainedModel,
    sampling_config: SamplingConfig,
    options: PlayOptions,
    log_message: Callable[[str], None],
) -> Player:
    """Play until all notes are played or a signal comes; then write the session.

    Raises:
        ParamsError: a wish makes no sense.
        PortError: a port is missing, or failed while it played.
    """
    options.validate()
    controls = Controls(sampling_config, options.tempo)
    source = _make_source(model, controls, options)
    path = options.recording
    if options.midi_out == NO_PORT:
        player = _make_offline_player(source)
        _run_offline(player, resolve_recording_path(path or DEFAULT_RECORDING), log_message)
        return player
    output = midi_ports.open_output(options.midi_out)
    player = Player(source, output, Recorder())
    with keep_recording(player.recorder, path and resolve_recording_path(path), log_message):
        _run_realtime(player, output, controls, options, log_message)
    return player


def _make_source(model: TrainedModel, controls: Controls, options: PlayOptions) -> Improviser:
    """Return the source of the notes."""
    prompt = generate.load_prompt(options.prompt, model.sustain_pedal)
    source = Improviser(Engine(model), controls, prompt, np.random.default_rng(options.seed))
    source.mode = options.mode
    source.phrase.response_delay = options.response_delay
    source.notes_left = options.num_notes or None
    return source


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
    output: midi_ports.OutputPort,
    controls: Controls,
    options: PlayOptions,
    log_message: Callable[[str], None],
) -> None:
    """Play in real time, with a keyboard if one is given."""
    keyboard = _open_keyboard(player, controls, options, log_message)
    if options.midi_out == midi_ports.VIRTUAL:
        log_message(f"connect a synthesizer to the MIDI port {midi_ports.CLIENT_NAME!r}")
    log_message("playing; Ctrl-C stops it and releases every note")
    watch = PortWatch(player, output, keyboard, log_message)
    watch.start()
    try:
        with stop_on_signals(player), realtime_priority():
            player.run()
    finally:
        watch.stop()
        log_message(f"{len(player.recorder):,} notes; {player.schedule.latency}")
        if keyboard:
            keyboard.close()


def _open_keyboard(
    player: Player, controls: Controls, options: PlayOptions, log_message: Callable[[str], None]
) -> midi_ports.InputPort | None:
    """Open the keyboard, if one is given."""
    if not options.midi_in:
        return None
    keyboard = Keyboard(player, controls, log_message)
    return midi_ports.open_input(options.midi_in, keyboard.handle_message)


def resolve_recording_path(path: Path) -> Path:
    """Return the MIDI file of a session: a file as it is, in a folder one named by the time."""
    if path.suffix.lower() in MIDI_OUTPUT_SUFFIXES:
        return path
    return path / f"{datetime.now():%Y-%m-%d-%H%M%S}.mid"


@contextmanager
def stop_on_signals(player: Player) -> Iterator[None]:
    """Let signals end a player, and nothing else of the program."""

    def request_stop(*_: object) -> None:
        player.stopping = True

    before: dict[signal.Signals, Any] = {
        each: signal.signal(each, request_stop) for each in SIGNALS
    }
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


@contextmanager
def realtime_priority() -> Iterator[None]:
    """Come before other programs, if that is allowed, and keep what Python does on the side short.

    Threads switch sooner, and garbage is not looked for among what stays anyway. The thread that draws comes first too:
    while it computes, the one that sends must wait for it.
    """
    switch, put_back = sys.getswitchinterval(), _enable_realtime_scheduling()
    sys.setswitchinterval(SWITCH_SECONDS)
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()
        sys.setswitchinterval(switch)
        put_back()


def _enable_realtime_scheduling() -> Callable[[], None]:
    """Let this thread and those it starts run in real time, as musicians' systems allow; return what ends that."""
    try:
        before, how = os.sched_getscheduler(0), os.sched_getparam(0)
        os.sched_setscheduler(
            0, os.SCHED_RR, os.sched_param(os.sched_get_priority_min(os.SCHED_RR))
        )
    except (AttributeError, OSError):  # not Linux, or not allowed
        return lambda: None
    return lambda: os.sched_setscheduler(0, before, how)
