"""A page that sends too much is slowed down and told so, and the music goes on."""

import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from studio.conftest import Client, JsonObject, Studio
from studio.test_session import wait

from pipeline.studio import live_engine, messages
from pipeline.studio.rate_limit import LIMITS, MessageLimiter

FLOOD = {
    "keys": [{"type": "note_on", "pitch": 60, "velocity": 80}, {"type": "note_off", "pitch": 60}],
    "modes": [{"type": "set_mode", "mode": "solo"}, {"type": "set_mode", "mode": "accompany"}],
    "records": [
        {"type": "set_recording", "recording": True},
        {"type": "set_recording", "recording": False},
    ],
    "errors": [{"type": "nothing"}],
}
FLOOD_SIZE = 200_000
"""Messages; sent as fast as the connection takes them."""
TEMPO = 4.0
LONGEST_REST = 10.0 / TEMPO
"""Seconds without a note that the model may take by itself: a step is 10 s of music at most."""
MAX_DELAY = 1.5
"""Seconds that a busy machine may add."""


def test_each_type_has_its_own_limit_and_key_releases_have_none() -> None:
    limiter = MessageLimiter(lambda: 0.0)
    note_on = messages.NoteOn(pitch=60, velocity=80)
    burst = LIMITS[messages.NoteOn][1]
    assert [limiter.allow(note_on) for _ in range(burst + 1)] == [True] * burst + [False]
    assert limiter.allow(messages.Panic())
    assert all(limiter.allow(messages.NoteOff(pitch=60)) for _ in range(500))
    assert (limiter.take_ignored(), limiter.take_ignored()) == (1, 0)


def encode_client_frame(message: JsonObject) -> bytes:
    """Return a WebSocket message as a client sends it, with a mask of zeros."""
    payload = json.dumps(message).encode()
    assert len(payload) < 126
    return bytes([0x81, 0x80 | len(payload)]) + bytes(4) + payload


@contextmanager
def flooded(page: Client, flood: list[JsonObject]) -> Iterator[threading.Thread]:
    """Send a flood in a thread meanwhile; then cut the connection."""
    connection = page.socket.socket
    count = 1000 // len(flood)
    chunk = b"".join(map(encode_client_frame, flood)) * count

    def send() -> None:
        try:
            for _ in range(FLOOD_SIZE // 1000):
                connection.sendall(chunk)
        except OSError:
            return  # cut at the end of the test

    thread = threading.Thread(target=send)
    thread.start()
    yield thread
    connection.shutdown(socket.SHUT_RDWR)
    thread.join(10)


@pytest.mark.slow
@pytest.mark.parametrize("kind", FLOOD)
def test_a_flood_does_not_stop_the_model_and_the_page_is_told(studio: Studio, kind: str) -> None:
    with studio.page() as listener, studio.page() as page:
        listener.send(type="set_mode", mode="accompany")
        listener.send(type="set_controls", revision=1, values={"tempo": TEMPO})
        listener.receive(lambda message: message.get("performer") == "model")
        with flooded(page, FLOOD[kind]):
            start = last = time.monotonic()
            gaps = []
            while time.monotonic() < start + 6:
                note = listener.receive(lambda message: message.get("performer") == "model")
                now = time.monotonic()
                assert note["onset"] > now - MAX_DELAY, "the note is late"
                gaps.append(now - last)
                last = now
            assert max(gaps) < LONGEST_REST + MAX_DELAY
            error = page.receive("error")["message"]
            assert ("ignored" in error) == (kind != "errors")


def test_keys_that_the_model_cannot_read_in_time_are_ignored(
    studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live_engine, "MAX_PENDING_EVENTS", 0)
    with studio.page() as page:
        page.receive("welcome")
        wait(lambda: studio.session.engine)
        page.send(type="note_on", pitch=60, velocity=80)
        assert "ignored" in page.receive("error")["message"]
        assert not any(studio.session.held_keys.values())
