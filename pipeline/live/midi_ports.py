"""MIDI ports by rtmidi2: list them, open one by a part of its name, or make a virtual one.

Other programs connect to a virtual port; ALSA, JACK and CoreMIDI have them, Windows does not. Messages that system
libraries print about sound systems that are not running are suppressed.
"""

import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

from pipeline.live import port_trial, sound_systems
from pipeline.live.active_keys import Message
from pipeline.live.port_clients import PORT_ERRORS, PortClient, make_clients
from pipeline.live.sound_systems import PortError as PortError

CLIENT_NAME = "music-rnn"
"""Name that other programs see."""
CLOCK_NAME = f"{CLIENT_NAME} clock"
"""Name of virtual ports of MIDI clocks."""
PROBE_CLIENT_NAME = f"{CLIENT_NAME} (list of ports)"
VIRTUAL = "virtual"
"""In place of the name of a port: make a virtual port."""
OUT, IN = "MidiOut", "MidiIn"
FLUSH_SECONDS = 0.1
"""Seconds in which any sound system delivers its messages: a few of its cycles of 3 to 25 ms."""
CALLBACK_SECONDS = 0.1
"""Seconds in which a callback that has begun ends."""

MessageHandler = Callable[[Message], None]
ByteHandler = Callable[[Sequence[int]], None]
"""Takes the bytes of a message of any length."""


class PortProbe:
    """Tells whether a port is still there.

    No sound system reports to a client that its port is gone, so the list of ports is read again, by a client of its
    own: one that sends or receives must not be used from another thread. A virtual port goes with its sound system only.
    """

    def __init__(self, direction: str, name: str, port_name: str, client: PortClient) -> None:
        """Prepare.

        Args:
            direction: OUT or IN.
            name: what the person gave: a part of the name of the port, or VIRTUAL.
            port_name: the whole name.
            client: has the port.
        """
        self.name = name
        self.port_name = port_name
        self.client = client
        self.list_clients = [] if name == VIRTUAL else make_clients(direction, PROBE_CLIENT_NAME)

    def is_present(self) -> bool:
        """Whether the port is there."""
        if self.name == VIRTUAL:
            return not self.client.has_stopped
        return self.port_name in self._list_names()

    def is_back(self) -> bool:
        """Whether a port is there that has the part of a name; the whole name may be another than before."""
        return any(_matches(self.name, port) for port in self._list_names())

    def _list_names(self) -> list[str]:
        """Return the names of all ports; none if the sound system stopped."""
        try:
            return [name for client in self.list_clients for name in client.list_port_names()]
        except PORT_ERRORS:
            return []


class OutputPort:
    """A port that plays."""

    def __init__(self, probe: PortProbe, sleep: Callable[[float], None] = time.sleep) -> None:
        """Wait until the connection works."""
        self.client = probe.client
        self.probe = probe
        self.sleep = sleep
        sleep(FLUSH_SECONDS)

    @property
    def name(self) -> str:
        """Name of the port."""
        return self.probe.port_name

    def is_present(self) -> bool:
        """Whether the port is still there."""
        return self.probe.is_present()

    def send(self, message: Sequence[int]) -> None:
        """Send the bytes of a message at once.

        Raises:
            PortError: the port is gone.
        """
        if self.client.has_stopped:
            raise PortError(
                f"the MIDI port {self.name!r} is gone, because JACK stopped or hangs; start it anew and play again"
            )
        try:
            self.client.device.send_message(message)
        except PORT_ERRORS as error:
            raise PortError(
                f"the MIDI port failed ({error}); is the device still there? See 'music-rnn ports'"
            ) from error

    def close(self) -> None:
        """Close the port after all messages are delivered: JACK would drop the last ones, which end notes."""
        self.sleep(FLUSH_SECONDS)
        self.client.close_port()


class InputPort:
    """A port that listens."""

    def __init__(
        self,
        name: str,
        handler: ByteHandler,
        is_clock: bool = False,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Open a port; see `open_input` and `open_clock`."""
        self.handler = handler
        self.is_clock = is_clock
        self.sleep = sleep
        self.callback = self._handle_event
        """Kept with the port: a callback of rtmidi2 that has begun may use it after the client dropped it."""
        self._open(name)

    def _open(self, name: str) -> None:
        """Open the port and listen."""
        self.probe = _open_port(IN, name, CLOCK_NAME if self.is_clock else CLIENT_NAME)
        self.client = self.probe.client
        self.client.device.ignore_types(midi_time=not self.is_clock)
        self.client.device.callback = self.callback

    def _handle_event(self, message: Sequence[int], _: float) -> None:
        """Pass a message on."""
        self.handler(message)

    @property
    def name(self) -> str:
        """Name of the port."""
        return self.probe.port_name

    def get_block_seconds(self) -> float:
        """Return the time [s] for which messages are collected before they are handed over, a period of JACK; else 0."""
        return sound_systems.JACK.get_period_seconds() if self.client.is_jack else 0.0

    def is_present(self) -> bool:
        """Whether the port is still there."""
        return self.probe.is_present()

    def reopen(self) -> bool:
        """Open the port again if it is back; return whether it is.

        Raises:
            PortError: it is there, but cannot be opened.
        """
        if not self.probe.is_back():
            return False
        self.close()
        self._open(self.probe.name)
        return True

    def close(self) -> None:
        """Stop listening. A second call does nothing.

        rtmidi2 holds the lock of Python while JACK closes a port, and JACK waits for a callback, which needs that lock.
        So callbacks end first.
        """
        self.client.device.callback = None
        self.sleep(CALLBACK_SECONDS)
        self.client.close_port()


class NullPort:
    """A port that drops all messages, for music that is only written to a file."""

    def send(self, message: Message) -> None:
        """Do nothing."""

    def close(self) -> None:
        """Do nothing."""


def list_port_names(direction: str) -> list[str]:
    """Return the names of all ports of a direction, OUT or IN.

    Raises:
        PortError: rtmidi2 is not installed.
    """
    clients = make_clients(direction, CLIENT_NAME)
    return [name for client in clients for name in client.list_port_names()]


def open_output(name: str) -> OutputPort:
    """Open a port to play to.

    Args:
        name: a part of its name, in upper or lower case; `virtual` to make one.

    Raises:
        PortError: there is no such port, or it cannot be opened.
    """
    return OutputPort(_open_port(OUT, name, CLIENT_NAME))


def open_clock_output(name: str) -> OutputPort:
    """Open a port to send a MIDI clock to; arguments and errors as of `open_output`."""
    return OutputPort(_open_port(OUT, name, CLOCK_NAME))


def open_input(name: str, handler: MessageHandler) -> InputPort:
    """Open a port to listen to.

    Args:
        name: as of `open_output`.
        handler: gets every message of three bytes, in a thread of its own; it must not wait.

    Raises:
        PortError: as of `open_output`.
    """

    def handle_bytes(message: Sequence[int]) -> None:
        if len(message) == 3:
            handler((message[0], message[1], message[2]))

    return InputPort(name, handle_bytes)


def open_clock(name: str, handler: ByteHandler) -> InputPort:
    """Open a port to follow its MIDI clock.

    Args:
        name: as of `open_output`.
        handler: gets every message, in a thread of its own; it must not wait.

    Raises:
        PortError: as of `open_output`.
    """
    return InputPort(name, handler, is_clock=True)


def _matches(name: str, port_name: str) -> bool:
    """Whether a name that a person gave is a part of the name of a port, in any case."""
    return name.lower() in port_name.lower()


def _open_port(direction: str, name: str, own_name: str) -> PortProbe:
    """Open a port; return its probe. A virtual one has the name `own_name`."""
    client, port_name = _find_port(direction, name, own_name)
    try:
        if name == VIRTUAL:
            _open_virtual_port(client.device, own_name)
        else:
            port_trial.check_port(direction, port_name)
            client.device.open_port(port_name)
    except PORT_ERRORS as error:
        raise PortError(
            f"{name}: the MIDI port cannot be opened ({error}); is another program using it?"
        ) from error
    return PortProbe(direction, name, port_name, client)


def _find_port(direction: str, name: str, own_name: str) -> tuple[PortClient, str]:
    """Return the client of a port and the whole name of the port: `own_name` of a virtual one."""
    clients = make_clients(direction, CLIENT_NAME)
    for client in clients:
        if name == VIRTUAL:
            return client, own_name
        for port_name in client.list_port_names():
            if _matches(name, port_name):
                return client, port_name
    port_names = [repr(port_name) for client in clients for port_name in client.list_port_names()]
    existing = ", ".join(port_names) or "none"
    remedy = "start a synthesizer" if direction == OUT else "connect a keyboard"
    raise PortError(
        f"no MIDI port with {name!r} in its name; ports: {existing}; {remedy}, or give --midi-out none"
    )


def _open_virtual_port(device: Any, name: str) -> None:
    """Make a virtual port; rtmidi2 does nothing at all on Windows, so that is an error here."""
    if sys.platform == "win32":
        raise NotImplementedError("not on Windows; start loopMIDI and give the name of its port")
    device.open_virtual_port(name)
