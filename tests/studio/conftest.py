"""A studio that runs in this process, and a page of it without a browser."""

import asyncio
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from websockets.sync.client import ClientConnection, connect

from pipeline.generation.generate import UNCONSTRAINED
from pipeline.studio import access, app, messages
from pipeline.studio.session import LiveSession

Frame = dict[str, Any]


@dataclass
class Line:
    """A page's end of the line."""

    socket: ClientConnection

    def say(self, **wish: object) -> None:
        self.socket.send(json.dumps(wish))

    def until(self, wanted: str | Callable[[Frame], bool], seconds: float = 10.0) -> list[Frame]:
        """Read frames up to one of a type, or one that fits."""
        fits = wanted if callable(wanted) else lambda frame: frame["type"] == wanted
        end, read = time.monotonic() + seconds, []
        while time.monotonic() < end:
            text = self.socket.recv(timeout=seconds)
            messages.SERVER_MESSAGES.validate_json(text)  # no other message comes
            read.append(json.loads(text))
            if fits(read[-1]):
                return read
        raise AssertionError(f"no such frame; there were {[frame['type'] for frame in read]}")

    def last(self, wanted: str | Callable[[Frame], bool]) -> Frame:
        return self.until(wanted)[-1]

    def play(self, *pitches: int, held: float = 0.05) -> None:
        for pitch in pitches:
            self.say(type="note_on", pitch=pitch, velocity=80)
            time.sleep(held)
            self.say(type="note_off", pitch=pitch)


@dataclass
class Studio:
    """A server that runs."""

    room: LiveSession
    port: int
    token: str

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/?token={self.token}"

    @contextmanager
    def page(self) -> Iterator[Line]:
        at = f"ws://127.0.0.1:{self.port}/live?token={self.token}"
        here = f"http://127.0.0.1:{self.port}"
        with connect(at, origin=here, max_queue=None) as socket:  # type: ignore[arg-type]
            yield Line(socket)


@pytest.fixture
def studio(in_folder: Path) -> Iterator[Studio]:
    """A studio with the model that comes with the package."""
    room, line, token = (
        LiveSession("maestro", UNCONSTRAINED),
        app.bind_socket(0),
        access.generate_token(),
    )
    port = line.getsockname()[1]
    running = app.make_server(room, port, token)
    thread = threading.Thread(target=lambda: asyncio.run(running.serve(sockets=[line])))
    thread.start()
    while not running.started:
        time.sleep(0.01)
    yield Studio(room, port, token)
    running.should_exit = True
    thread.join(10)
    line.close()
    assert not thread.is_alive()
    assert room.engine is None
