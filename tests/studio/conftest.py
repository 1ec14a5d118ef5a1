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
from factories import UNCONSTRAINED
from websockets.sync.client import ClientConnection, connect

from pipeline.studio import access, app, messages
from pipeline.studio.session import LiveSession

JsonObject = dict[str, Any]


@dataclass
class Client:
    """A page without a browser."""

    socket: ClientConnection

    def send(self, **message: object) -> None:
        self.socket.send(json.dumps(message))

    def receive_until(
        self, wanted: str | Callable[[JsonObject], bool], seconds: float = 10.0
    ) -> list[JsonObject]:
        """Read messages up to one of a type, or one that fits."""
        fits = wanted if callable(wanted) else lambda message: message["type"] == wanted
        end, received = time.monotonic() + seconds, []
        while time.monotonic() < end:
            text = self.socket.recv(timeout=seconds)
            messages.SERVER_MESSAGES.validate_json(text)  # no other message comes
            received.append(json.loads(text))
            if fits(received[-1]):
                return received
        types = [message["type"] for message in received]
        raise AssertionError(f"no such message among {len(types)}, the last {types[-20:]}")

    def receive(self, wanted: str | Callable[[JsonObject], bool]) -> JsonObject:
        return self.receive_until(wanted)[-1]

    def press_keys(self, *pitches: int, seconds: float = 0.05) -> None:
        for pitch in pitches:
            self.send(type="note_on", pitch=pitch, velocity=80)
            time.sleep(seconds)
            self.send(type="note_off", pitch=pitch)

    def record_note_past_end(self) -> None:
        """Record a note whose key comes up after the recording was stopped."""
        self.send(type="set_recording", recording=True)
        self.send(type="note_on", pitch=60, velocity=80)
        self.receive("note_on")
        self.send(type="set_recording", recording=False)
        self.receive(lambda message: message["type"] == "state" and not message["recording"])
        self.send(type="note_off", pitch=60)
        self.receive("note_end")


@dataclass
class Studio:
    """A server that runs."""

    session: LiveSession
    port: int
    token: str

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/?token={self.token}"

    @contextmanager
    def page(self) -> Iterator[Client]:
        url = f"ws://127.0.0.1:{self.port}/live?token={self.token}"
        origin = f"http://127.0.0.1:{self.port}"
        with connect(url, origin=origin, max_queue=None) as socket:  # type: ignore[arg-type]
            yield Client(socket)


@pytest.fixture
def studio(in_folder: Path) -> Iterator[Studio]:
    """A studio with the model that comes with the package."""
    session = LiveSession("maestro", UNCONSTRAINED)
    listener = app.bind_socket(0)
    token = access.generate_token()
    port = listener.getsockname()[1]
    server = app.make_server(session, port, token)
    thread = threading.Thread(target=lambda: asyncio.run(server.serve(sockets=[listener])))
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield Studio(session, port, token)
    server.should_exit = True
    thread.join(10)
    listener.close()
    assert not thread.is_alive()
    assert session.engine is None
