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

from pipeline.config.schema import Sampling
from pipeline.core.errors import ParamsError
from pipeline.generation import generate
from pipeline.generation.engine import Engine
from pipeline.live import midi_ports
from pipeline.live.active_keys import CONTROL, NOTE_OFF, NOTE_ON, Message
from pipeline.live.controls import Controls
from pipeline.live.improviser import Improviser, Mode
from pipeline.live.player import Player
from pipeline.live.recorder import Session
from pipeline.live.timeline import Simulated
from pipeline.models.model_io import TrainedModel

NOWHERE = "none"
"""In place of the name of a port: nothing is played, and nothing waited for."""
UNNAMED = Path("play.mid")
"""Where music goes that is not played, if nobody says where."""
MOST = 1_000_000
"""Notes at once that nobody waits for."""
ALL_SOUND_OFF, ALL_NOTES_OFF = 120, 123
SWITCH = 0.0005
"""Seconds that a thread computes while another waits; Python's 5 ms would be heard."""
SIGNALS = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]


@dataclass(frozen=True)
class Wish:
    """What is to be played, and how."""

    port: str
    """Part of the name of a port, `virtual` or `none`."""
    heard: str
    """Part of the name of the port to listen to; empty for none."""
    mode: Mode
    prompt: Path | None
    notes: int
    """Notes to play; 0 plays until it is stopped."""
    tempo: float
    rest: float
    """Seconds of silence that ask for an answer, in a duet."""
    seed: int
    log: Path | None
    """A MIDI file to write, or a folder for one named by the time."""

    def check(self) -> None:
        """Refuse what makes no sense.

        Raises:
            ParamsError: says what and what to do.
        """
        if self.mode == "duet" and not self.heard:
            raise ParamsError("a duet needs someone to listen to: give --input with a part of the name of a MIDI port")
        if self.port == NOWHERE and (self.heard or not 0 < self.notes <= MOST):
            raise ParamsError(f"--port none waits for nobody: give --notes 1 to {MOST}, and no --input")


def perform(model: TrainedModel, how: Sampling, wish: Wish, tell: Callable[[str], None]) -> Player:
    """Play until all notes are played or a signal comes; then write the session.

    Raises:
        ParamsError: a wish makes no sense.
        PortError: a port is missing, or failed while it played.
    """
    wish.check()
    live = Controls(how, wish.tempo)
    source = Improviser(
        Engine(model), live, generate.load_prompt(wish.prompt, model.sustain_pedal), np.random.default_rng(wish.seed)
    )
    source.mode, source.phrase.rest = wish.mode, wish.rest
    source.notes_left = wish.notes or None
    player = _silently(source) if wish.port == NOWHERE else _player(source, wish.port)
    try:
        if wish.port == NOWHERE:
            with stopped_by_signals(player):
                player.rehearse()
        else:
            _live(player, live, wish, tell)
    finally:
        log = wish.log or (UNNAMED if wish.port == NOWHERE else None)
        for path in player.log.write(where(log)) if log else []:
            tell(str(path))
    return player


def _silently(source: Improviser) -> Player:
    """Return a player that waits for nobody."""
    clock = Simulated()
    return Player(source, midi_ports.Nowhere(), Session(), clock, clock.sleep)


def _player(source: Improviser, port: str) -> Player:
    """Return a player on a port."""
    return Player(source, midi_ports.open_output(port), Session())


def _live(player: Player, live: Controls, wish: Wish, tell: Callable[[str], None]) -> None:
    """Play in real time, listening if it is wished."""
    keyboard = midi_ports.open_input(wish.heard, lambda message: hear(player, live, message)) if wish.heard else None
    if wish.port == midi_ports.VIRTUAL:
        tell(f"connect a synthesiser to the MIDI port {midi_ports.NAME!r}")
    tell("playing; Ctrl-C ends it, with every note released")
    try:
        with stopped_by_signals(player), undisturbed():
            player.run()
    finally:
        tell(f"{len(player.log):,} notes; {player.schedule.lateness}")
        if keyboard:
            keyboard.close_port()


def hear(player: Player, live: Controls, message: Message) -> None:
    """Pass on what a person plays: keys to the player, knobs to the controls."""
    status, first, second = message[0] & 0xF0, message[1], message[2]
    if status == NOTE_ON and second:
        player.strike(first, second)
    elif status in (NOTE_ON, NOTE_OFF):
        player.lift(first)
    elif status == CONTROL and first in (ALL_SOUND_OFF, ALL_NOTES_OFF):
        player.panic()
    elif status == CONTROL:
        live.turn(first, second)


def where(log: Path) -> Path:
    """Return the MIDI file of a session: a file as it is, in a folder one named by the time."""
    if log.suffix.lower() in (".mid", ".midi"):
        return log
    return log / f"{datetime.now():%Y-%m-%d-%H%M%S}.mid"


@contextmanager
def stopped_by_signals(player: Player) -> Iterator[None]:
    """Let signals end a player, and nothing else of the program."""

    def stop(*_: object) -> None:
        player.stopping = True

    before: dict[signal.Signals, Any] = {each: signal.signal(each, stop) for each in SIGNALS}
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


@contextmanager
def undisturbed() -> Iterator[None]:
    """Come before other programs, if that is allowed, and keep what Python does on the side short.

    Threads switch sooner, and garbage is not looked for among what stays anyway. The thread that draws comes first too:
    while it computes, the one that sends must wait for it.
    """
    switch, put_back = sys.getswitchinterval(), _first_in_line()
    sys.setswitchinterval(SWITCH)
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()
        sys.setswitchinterval(switch)
        put_back()


def _first_in_line() -> Callable[[], None]:
    """Let this thread and those it starts run in real time, as musicians' systems allow; return what ends that."""
    try:
        before, how = os.sched_getscheduler(0), os.sched_getparam(0)
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(os.sched_get_priority_min(os.SCHED_RR)))
    except (AttributeError, OSError):  # not Linux, or not allowed
        return lambda: None
    return lambda: os.sched_setscheduler(0, before, how)
