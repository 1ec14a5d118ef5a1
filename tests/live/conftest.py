"""Sockets on loopback, for tests of OSC."""

import socket
from collections.abc import Iterator
from contextlib import closing

import pytest
from osc_sockets import DEADLINE

from pipeline.live import osc


@pytest.fixture
def port() -> int:
    """A port of UDP that nothing uses."""
    with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as unused:
        unused.bind((osc.LOOPBACK, 0))
        number: int = unused.getsockname()[1]
        return number


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    """A socket that messages are sent to."""
    with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as receiver:
        receiver.bind((osc.LOOPBACK, 0))
        receiver.settimeout(DEADLINE)
        yield receiver
