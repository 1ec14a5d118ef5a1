"""OSC (Open Sound Control) over UDP: messages of other programs in, and notes out, by python-osc.

In:  /note PITCH VELOCITY ON    a key of the person: pitch 0..127, velocity 1..127, on 1 or 0
     /pedal ON                  the person's sustain pedal
     /panic                     ends all notes
     /temperature VALUE         temperature of pitch and time
     /NAME VALUE                any other control of `controls` by name: /tempo 1.2, /key "C minor"
Out: see `osc_output`.

A whole number may be a float: Pure Data sends no other numbers. What is not such a message is ignored, and the first one is
reported in one line: anyone who reaches the port can send.
Messages that come faster than `RATE` wait in the socket; what it cannot hold is lost, as UDP may lose any packet.
The time tags of bundles are not waited for.
"""

import logging
import socket
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack

from pipeline.core.errors import ParamsError, PipelineError, sanitize_line
from pipeline.core.token_bucket import TokenBucket
from pipeline.live.active_keys import CONTROL_CHANGE, NOTE_OFF, NOTE_ON, Message
from pipeline.live.controls import CONTROL_SCALES, Controls
from pipeline.live.keyboard import ALL_SOUND_OFF
from pipeline.live.worker import Worker
from pipeline.midi.sustain import SUSTAIN_CC

LOOPBACK = "127.0.0.1"
MAX_PORT = 65535
MAX_PACKET = 65536
"""Bytes of a packet of UDP at most."""
RECEIVE_SECONDS = 0.1
"""Longest wait for a packet [s], after which the thread looks whether to stop; and the wait after a fault."""
RATE, BURST = 1000.0, 1000
"""Messages that are handled in a second, and at once; a glissando over all keys is inside."""
MAX_VALUE = 127
"""Of MIDI."""

Address = tuple[str, int]


class OscError(PipelineError):
    """A port of OSC cannot be used."""


def parse_address(option: str, text: str) -> Address:
    """Return host and port of `PORT` or `HOST:PORT`; without a host it is this machine only.

    Raises:
        ParamsError: the port is none.
    """
    host, _, port = text.rpartition(":")
    if not (port.isascii() and port.isdigit() and 0 < int(port) <= MAX_PORT):
        raise ParamsError(f"{option} {text}: give a port 1 to {MAX_PORT}, or HOST:PORT")
    return host or LOOPBACK, int(port)


class OscInput:
    """Passes messages on until it is closed."""

    def __init__(
        self,
        address: Address,
        handle_message: Callable[[Message], None],
        controls: Controls,
        log_message: Callable[[str], None],
    ) -> None:
        """Open the port.

        Args:
            address: host and port to listen on.
            handle_message: takes keys, pedal and panic as MIDI messages of channel 1.
            controls: take the other messages.
            log_message: takes a line for the person.

        Raises:
            OscError: the port is in use, or the host is not of this machine.
            ModuleNotFoundError: python-osc is not installed.
        """
        from pythonosc.osc_packet import OscPacket

        logging.getLogger().addFilter(is_ours)
        self.parse_packet = OscPacket
        self.handle_message = handle_message
        self.controls = controls
        self.log_message = log_message
        self.bucket = TokenBucket(RATE, BURST)
        self.has_reported = False
        self.stopping = False
        self.socket = open_socket(address)
        self.worker = Worker(self._receive_until_stopped)

    def start(self) -> None:
        """Listen in a thread."""
        self.worker.start()

    def close(self) -> None:
        """Stop listening."""
        self.stopping = True
        self.worker.join()
        self.socket.close()

    def _receive_until_stopped(self) -> None:
        """Handle packets until stopped."""
        while not self.stopping:
            try:
                packet = self.socket.recv(MAX_PACKET)
            except TimeoutError:
                continue
            except OSError:  # a fault of the network that the next packet may not have
                time.sleep(RECEIVE_SECONDS)
                continue
            self.handle_packet(packet)

    def handle_packet(self, packet: bytes) -> None:
        """Handle one packet: all its messages that are known; others are ignored."""
        try:
            messages = [timed.message for timed in self.parse_packet(packet).messages]
        except Exception as error:  # any fault of a packet of a stranger, a deeply nested one too
            self._report(f"a packet of {len(packet):,} bytes ({type(error).__name__})")
            return
        if not messages:
            self._report(f"a packet of {len(packet):,} bytes without a message")
        for message in messages:
            time.sleep(self.bucket.reserve())
            if self.stopping:
                return
            values = [convert_whole(value) for value in message.params]
            if not self._handle_osc(message.address, values):
                self._report(f"{message.address} {message.params}")

    def _handle_osc(self, address: str, values: list[object]) -> bool:
        """Handle one message; return whether it is known and valid."""
        match address, values:
            case "/panic", []:
                self.handle_message((CONTROL_CHANGE, ALL_SOUND_OFF, 0))
            case "/pedal", [0 | 1 as is_down]:
                self.handle_message((CONTROL_CHANGE, SUSTAIN_CC, MAX_VALUE * int(is_down)))
            case "/note", [int(pitch), int(velocity), 0 | 1 as is_on]:
                return self._handle_note(pitch, velocity, bool(is_on))
            case _, [value]:
                return self._set_control(address.removeprefix("/"), value)
            case _:
                return False
        return True

    def _handle_note(self, pitch: int, velocity: int, is_on: bool) -> bool:
        """Press a key or let it up; return whether pitch and velocity are valid."""
        if not (0 <= pitch <= MAX_VALUE and is_on <= velocity <= MAX_VALUE):
            return False
        self.handle_message((NOTE_ON if is_on else NOTE_OFF, pitch, velocity))
        return True

    def _set_control(self, name: str, value: object) -> bool:
        """Set a control; return whether it exists and takes the value."""
        names = ["pitch_temperature", "time_temperature"] if name == "temperature" else [name]
        if not set(names) <= set(CONTROL_SCALES):
            return False
        try:
            self.controls.update(**dict.fromkeys(names, value))  # type: ignore[arg-type]
        except ParamsError:
            return False
        return True

    def _report(self, text: str) -> None:
        """Report the first packet that is ignored."""
        if not self.has_reported:
            self.has_reported = True
            self.log_message(sanitize_line(f"OSC: ignored {text[:80]}; see docs/ports-and-osc.md"))


def convert_whole(value: object) -> object:
    """Return a float without a fraction as an int, and any other value as it is."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def is_ours(record: logging.LogRecord) -> bool:
    """Whether a line of the log is not of python-osc, which writes broken packets there, of any length."""
    return "pythonosc" not in record.pathname


def open_socket(address: Address) -> socket.socket:
    """Return a socket of UDP that listens on host and port.

    Raises:
        OscError: there is no such host, it is not this machine, or the port is in use.
    """
    family, kind, *_, resolved = resolve("--osc-in", address)
    try:
        with ExitStack() as stack:
            receiver = stack.enter_context(socket.socket(family, kind))
            receiver.settimeout(RECEIVE_SECONDS)
            receiver.bind(resolved)
            stack.pop_all()
    except OSError as error:
        raise OscError(
            f"--osc-in {address[0]}:{address[1]}: cannot listen ({error.strerror}); choose another port, "
            "or a host of this machine"
        ) from error
    return receiver


def resolve(option: str, address: Address) -> Sequence:  # type: ignore[type-arg]
    """Return what `socket.getaddrinfo` returns first for UDP.

    Args:
        option: the option that has the address, for the message of the error.
        address: host and port.

    Raises:
        OscError: there is no such host.
    """
    host, port = address
    try:
        return socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)[0]
    except (OSError, UnicodeError) as error:  # UnicodeError: an empty or too long part of a name
        raise OscError(
            f"{option} {host}:{port}: no such host ({error}); give an address such as {LOOPBACK}:{port}"
        ) from error
