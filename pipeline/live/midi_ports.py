"""MIDI ports by rtmidi2: list them, open one by a part of its name, or make a virtual one.

Other programs connect to a virtual port; ALSA, JACK and CoreMIDI have them, Windows does not. Messages that system
libraries print about sound systems that are not running are suppressed.
"""

import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

from pipeline.live import sound_systems
from pipeline.live.active_keys import Message
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
PORT_ERRORS = (RuntimeError, OSError, ValueError)
"""What rtmidi2 raises: RuntimeError of a driver, OSError of a port, ValueError of a number or message."""

MessageHandler = Callable[[Message], None]
ByteHandler = Callable[[Sequence[int]], None]
"""Takes the bytes of a message of any length."""


class PortProbe:
    """Tells whether a port is still there.

    No sound system reports to a client that its port is gone, so the list of ports is read again, by a client of its
    own: one that sends or receives must not be used from another thread.
    """

    def __init__(self, direction: str, name: str, port_name: str) -> None:
        """Prepare.

        Args:
            direction: OUT or IN.
            name: what the person gave: a part of the name of the port, or VIRTUAL.
            port_name: the whole name.
        """
        self.name = name
        self.port_name = port_name
        self.devices = [] if name == VIRTUAL else _make_devices(direction, PROBE_CLIENT_NAME)

    def is_present(self) -> bool:
        """Whether the port is there; a virtual one always is."""
        return self.name == VIRTUAL or self.port_name in self._list_names()

    def is_back(self) -> bool:
        """Whether a port is there that has the part of a name; the whole name may be another than before."""
        return any(_matches(self.name, port) for port in self._list_names())

    def _list_names(self) -> list[str]:
        """Return the names of all ports; none if the sound system stopped."""
        try:
            return [port for device in self.devices for port in device.ports]
        except PORT_ERRORS:
            return []


class OutputPort:
    """A port that plays."""

    def __init__(
        self, device: Any, probe: PortProbe, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        """Wait until the connection works."""
        self.device = device
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
        try:
            self.device.send_message(message)
        except PORT_ERRORS as error:
            raise PortError(
                f"the MIDI port failed ({error}); is the device still there? See 'music-rnn ports'"
            ) from error

    def close(self) -> None:
        """Close the port after all messages are delivered: JACK would drop the last ones, which end notes."""
        self.sleep(FLUSH_SECONDS)
        self.device.close_port()


class InputPort:
    """A port that listens."""

    def __init__(self, name: str, handler: ByteHandler, is_clock: bool = False) -> None:
        """Open a port; see `open_input` and `open_clock`."""
        self.handler = handler
        self.is_clock = is_clock
        self._open(name)

    def _open(self, name: str) -> None:
        """Open the port and listen."""
        self.device, port_name = _open_device(
            IN, name, CLOCK_NAME if self.is_clock else CLIENT_NAME
        )
        self.probe = PortProbe(IN, name, port_name)
        self.device.ignore_types(midi_time=not self.is_clock)
        self.device.callback = self._handle_event

    def _handle_event(self, message: Sequence[int], _: float) -> None:
        """Pass a message on."""
        self.handler(message)

    @property
    def name(self) -> str:
        """Name of the port."""
        return self.probe.port_name

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
        self.device.close_port()
        self._open(self.probe.name)
        return True

    def close(self) -> None:
        """Stop listening."""
        self.device.close_port()


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
    return [name for device in _make_devices(direction) for name in device.ports]


def open_output(name: str) -> OutputPort:
    """Open a port to play to.

    Args:
        name: a part of its name, in upper or lower case; `virtual` to make one.

    Raises:
        PortError: there is no such port, or it cannot be opened.
    """
    device, port_name = _open_device(OUT, name)
    return OutputPort(device, PortProbe(OUT, name, port_name))


def open_clock_output(name: str) -> OutputPort:
    """Open a port to send a MIDI clock to; arguments and errors as of `open_output`."""
    device, port_name = _open_device(OUT, name, CLOCK_NAME)
    return OutputPort(device, PortProbe(OUT, name, port_name))


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


def _open_device(direction: str, name: str, own_name: str = CLIENT_NAME) -> tuple[Any, str]:
    """Open a port; return the client and the whole name of the port: `own_name` of a virtual one."""
    devices = _make_devices(direction)
    try:
        for device in devices:
            if name == VIRTUAL:
                _open_virtual_port(device, own_name)
                return device, own_name
            for number, port_name in enumerate(device.ports):
                if _matches(name, port_name):
                    device.open_port(number)
                    return device, port_name
    except PORT_ERRORS as error:
        raise PortError(
            f"{name}: the MIDI port cannot be opened ({error}); is another program using it?"
        ) from error
    port_names = [repr(port_name) for device in devices for port_name in device.ports]
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


def _make_devices(direction: str, client_name: str = CLIENT_NAME) -> list[Any]:
    """Return a client of each sound system that runs."""
    library = sound_systems.import_library()
    devices = []
    for system in sound_systems.list_systems(library):
        try:
            with sound_systems.quiet_stderr():
                devices.append(getattr(library, direction)(client_name, api=system))
        except PORT_ERRORS:  # a sound system that just stopped is no fault
            continue
    return devices
