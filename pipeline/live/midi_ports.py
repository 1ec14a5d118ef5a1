"""MIDI ports, by python-rtmidi: list them, open one by a part of its name, make one of our own, say what is missing.

A virtual port is one that other programs connect to; ALSA, JACK and CoreMIDI have them, Windows has not. What system
libraries print of sound systems that are not there is held back: it helps nobody.
"""

import importlib
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pipeline.core.errors import PipelineError
from pipeline.live.active_keys import Message

CLIENT_NAME = "music-rnn"
"""What other programs see."""
VIRTUAL = "virtual"
"""In place of a name: a port of our own."""
OUT, IN = "MidiOut", "MidiIn"
FLUSH_SECONDS = 0.1
"""Seconds in which any sound system passes on what it was given: a few of its cycles of 3 to 25 ms."""
ALSA_SEQUENCER = Path("/dev/snd/seq")
"""Without it there is no ALSA to ask."""

MessageHandler = Callable[[Message], None]


class PortError(PipelineError):
    """A MIDI port is missing, taken or gone."""


class OutputPort:
    """A port that plays."""

    def __init__(self, device: Any, sleep: Callable[[float], None] = time.sleep) -> None:
        """Wait until what is connected hears."""
        self.device = device
        self.sleep = sleep
        sleep(FLUSH_SECONDS)

    def send(self, message: Message) -> None:
        """Send a message at once.

        Raises:
            PortError: the port is gone.
        """
        try:
            self.device.send_message(message)
        except (
            Exception
        ) as error:  # rtmidi's own types, and TypeError and ValueError for what a driver refuses
            raise PortError(
                f"the MIDI port failed ({error}); is the device still there? See 'music-rnn ports'"
            ) from error

    def close(self) -> None:
        """Close it when all is delivered: JACK drops what it has not passed on, and the last messages end notes."""
        self.sleep(FLUSH_SECONDS)
        self.device.close_port()


class NullPort:
    """A port that lets all messages go: for music that is only written to a file."""

    def send(self, message: Message) -> None:
        """Do nothing."""

    def close(self) -> None:
        """Do nothing."""


def list_port_names(direction: str) -> list[str]:
    """Return the names of all ports of a kind, OUT or IN.

    Raises:
        PortError: python-rtmidi is not installed.
    """
    return [name for device in _make_devices(direction) for name in device.get_ports()]


def open_output(name: str) -> OutputPort:
    """Open a port to play to.

    Args:
        name: a part of its name, in any case; `virtual` for one of our own.

    Raises:
        PortError: there is none, or it cannot be opened.
    """
    return OutputPort(_open_device(OUT, name))


def open_input(name: str, handler: MessageHandler) -> Any:
    """Open a port to hear.

    Args:
        name: as of `open_output`.
        handler: gets every message of three bytes, in a thread of its own; it must not wait.

    Returns:
        The port; `close_port` ends it, and it must be kept until then.

    Raises:
        PortError: as of `open_output`.
    """
    device = _open_device(IN, name)

    def forward_message(event: tuple[list[int], float], _: object) -> None:
        if len(event[0]) == 3:
            handler((event[0][0], event[0][1], event[0][2]))

    device.set_callback(forward_message)
    return device


def _open_device(direction: str, name: str) -> Any:
    """Open a device."""
    devices = _make_devices(direction)
    try:
        for device in devices:
            if name == VIRTUAL:
                return device.open_virtual_port(CLIENT_NAME)
            for number, port in enumerate(device.get_ports()):
                if name.lower() in port.lower():
                    return device.open_port(number, CLIENT_NAME)
    except (
        Exception
    ) as error:  # rtmidi's own types, and NotImplementedError for a virtual port on Windows
        raise PortError(
            f"{name}: the MIDI port cannot be opened ({error}); is another program using it?"
        ) from error
    known = (
        ", ".join(repr(port) for device in devices for port in device.get_ports()) or "none at all"
    )
    other = "start a synthesiser" if direction == OUT else "connect a keyboard"
    raise PortError(
        f"no MIDI port with {name!r} in its name; there is {known}. {other}, or give --midi-out none"
    )


def _make_devices(direction: str) -> list[Any]:
    """Return a client of every sound system that answers."""
    try:
        rtmidi: Any = importlib.import_module("rtmidi")
    except ImportError as error:
        raise PortError(
            "MIDI ports need python-rtmidi: pip install 'music-rnn[play]'; or --midi-out none"
        ) from error
    found = []
    for system in rtmidi.get_compiled_api():
        if system == rtmidi.API_LINUX_ALSA and not ALSA_SEQUENCER.exists():
            continue
        try:
            with _quiet_stderr():
                found.append(getattr(rtmidi, direction)(system, CLIENT_NAME))
        except rtmidi.RtMidiError:  # a sound system that is not running is no fault
            continue
    return found


@contextmanager
def _quiet_stderr() -> Iterator[None]:
    """Hold back what C libraries print to standard error."""
    sys.stderr.flush()
    saved, nothing = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nothing, 2)
        yield
    finally:
        os.dup2(saved, 2)
        os.close(saved)
        os.close(nothing)
