"""Sockets of tests of OSC: what waits on them, and a message as it is received."""

import socket
import time
from collections.abc import Callable

from pythonosc.osc_packet import OscPacket

DEADLINE = 20.0
"""Seconds that a test waits on a busy machine."""


def receive(listener: socket.socket) -> list[object]:
    """Return the address and the values of the next message."""
    message = OscPacket(listener.recv(1000)).messages[0].message
    return [message.address, *message.params]


def wait_until(condition: Callable[[], bool]) -> None:
    """Wait until a condition holds; past the deadline the test fails."""
    end = time.monotonic() + DEADLINE
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)
