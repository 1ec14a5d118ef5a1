"""The music does not wait for a page, and a page gets what it asks for and no more."""

import asyncio
import base64
import io
import json
import os
import socket
import time
from dataclasses import replace
from ipaddress import IPv4Address
from pathlib import Path
from types import SimpleNamespace
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
from factories import make_music, make_pedal_midi
from pretty_midi import PrettyMIDI
from studio.conftest import Studio
from studio.test_session import wait
from websockets.exceptions import ConnectionClosedError

from pipeline.core.errors import PipelineError
from pipeline.live.recorder import HUMAN, Recorder
from pipeline.midi import writer
from pipeline.notes import quantize
from pipeline.studio import app, messages
from pipeline.studio.client_queue import ClientQueue
from pipeline.studio.messages import AllNotesEnded, Error, TurnChanged


def get(studio: Studio, path: str, data: bytes | None = None) -> tuple[int, bytes]:
    url = f"http://127.0.0.1:{studio.port}{path}"
    headers = {"Authorization": f"Bearer {studio.token}"}
    try:
        with urlopen(Request(url, data, headers), timeout=20) as answer:
            return answer.status, answer.read()
    except HTTPError as error:
        with error:
            return error.code, error.read()


def deaf(studio: Studio) -> socket.socket:
    """Open a page that never reads: its buffers are small, so they are soon full."""
    line = socket.socket()
    line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
    line.connect(("127.0.0.1", studio.port))
    key = base64.b64encode(os.urandom(16)).decode()
    line.sendall(
        f"GET /live?token={studio.token} HTTP/1.1\r\nHost: 127.0.0.1:{studio.port}\r\nUpgrade: websocket\r\n"
        f"Connection: Upgrade\r\nOrigin: http://127.0.0.1:{studio.port}\r\nSec-WebSocket-Version: 13\r\n"
        f"Sec-WebSocket-Key: {key}\r\n\r\n".encode()
    )
    return line


def fill(studio: Studio, queue: ClientQueue) -> None:
    """Tell, no faster than a page that reads can take it, until a page that does not is full.

    How much its sockets hold before that is the machine's affair.
    """
    filler = Error(message="x" * 5000)
    end = time.monotonic() + 20
    while not queue.dropped and time.monotonic() < end:
        studio.session.broadcast(filler)
        time.sleep(0.0005)
    assert queue.dropped


@pytest.mark.slow
def test_a_page_that_does_not_read_holds_up_nobody(
    studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app, "SEND_TIMEOUT", 2.0)
    with deaf(studio):
        wait(lambda: len(studio.session.clients) == 1)
        (queue,) = studio.session.clients.values()
        with studio.page() as page:
            page.send(type="set_mode", mode="accompany")
            first = page.receive("note_on")
            fill(studio, queue)
            assert len(queue.pending) <= queue.max_size
            later = page.receive(
                lambda message: (
                    message["type"] == "note_on" and message["onset"] > first["onset"] + 1
                )
            )
            assert later["onset"] > time.monotonic() - 2  # what is told now sounds now
            wait(lambda: len(studio.session.clients) == 1)  # it was given up
            assert studio.session.engine
            assert studio.session.engine.player.error is None
            assert page.receive("note_on")["onset"] > later["onset"] - 1


class SlowPage:
    """A page that reads nothing until it is released."""

    def __init__(self) -> None:
        self.types: list[str] = []
        self.is_released = asyncio.Event()

    async def send_text(self, text: str) -> None:
        await self.is_released.wait()
        self.types.append(json.loads(text)["type"])


def test_a_page_that_missed_messages_gets_what_holds_when_it_has_read_the_rest() -> None:
    """Once, and only a page that missed some."""

    async def run(count: int) -> list[str]:
        page, queue = SlowPage(), ClientQueue(asyncio.get_running_loop(), max_size=4)
        session = SimpleNamespace(send_all_state=lambda _: queue.send(AllNotesEnded(time=1.0)))
        for _ in range(count):
            queue.send(TurnChanged(is_model=True))
        sender = asyncio.create_task(app.App(session)._send_messages(page, queue, 7))  # type: ignore[arg-type]
        page.is_released.set()
        await asyncio.sleep(0.05)
        sender.cancel()
        return page.types

    assert asyncio.run(run(6)) == ["dropped", *4 * ["turn"], "all_notes_off"]
    assert asyncio.run(run(4)) == 4 * ["turn"]


def test_what_holds_are_the_notes_the_turn_the_state_and_the_controls(studio: Studio) -> None:
    with studio.page() as page:
        page.receive("welcome")
        (client_id,) = studio.session.clients
        studio.session.send_all_state(client_id)
        types = [message["type"] for message in page.receive_until("controls")]
    assert types[-4:] == ["all_notes_off", "turn", "state", "controls"]


def test_a_page_cut_off_without_a_word_leaves(studio: Studio) -> None:
    line = deaf(studio)
    wait(lambda: len(studio.session.clients) == 1)
    line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    line.close()  # a reset, as of a program that was killed
    wait(lambda: not studio.session.clients and studio.session.engine is None)


def test_a_message_too_long_closes_the_line(studio: Studio) -> None:
    with studio.page() as page:
        page.receive("welcome")
        page.socket.send("x" * (messages.MAX_MESSAGE_BYTES + 1))
        with pytest.raises(ConnectionClosedError) as closed:
            page.receive("never")
        assert closed.value.rcvd
        assert closed.value.rcvd.code == 1009
    with studio.page() as page:
        page.receive("welcome")


@pytest.mark.slow
def test_what_both_played_is_a_take(studio: Studio) -> None:
    with studio.page() as page:
        page.receive("welcome")
        page.send(type="set_recording", recording=True)
        page.receive(lambda message: message["type"] == "state" and message["recording"])
        page.send(type="set_mode", mode="accompany")
        page.press_keys(60, 64, 67)
        for _ in range(4):
            page.receive("note_off")
        page.send(type="set_recording", recording=False)
        stopped = page.receive(
            lambda message: message["type"] == "state" and not message["recording"]
        )
        (take,) = stopped["takes"]
        status, data = get(studio, f"/takes/{take['take_id']}.mid")
        notes = json.loads(get(studio, f"/takes/{take['take_id']}.json")[1])["notes"]
    assert status == 200
    assert [note["pitch"] for note in notes if note["performer"] == "human"] == [60, 64, 67]
    assert {note["performer"] for note in notes} == {"human", "model"}
    assert [note["onset"] for note in notes] == sorted(note["onset"] for note in notes)
    assert max(note["onset"] for note in notes) < take["seconds"]
    tracks = {
        track.name: [note.pitch for note in track.notes]
        for track in PrettyMIDI(io.BytesIO(data)).instruments
    }
    assert tracks["human"] == [60, 64, 67]
    assert len(tracks["model"]) >= 4


@pytest.mark.parametrize("name", ["none", "..%2F..%2Fparams", "%2E%2E", "Take 1"])
@pytest.mark.parametrize("format", ["mid", "json"])
def test_a_take_is_read_by_its_id_alone(studio: Studio, name: str, format: str) -> None:
    recording = Recorder()
    recording.add(HUMAN, 0.0, 0.5, 60, 80)
    take = studio.session.takes.add(recording, 1.0)
    assert get(studio, f"/takes/{take.take_id}.{format}")[0] == 200
    assert get(studio, f"/takes/{name.replace(' ', '%20')}.{format}")[0] == 404


def test_a_file_is_read_as_the_model_read_its_music(studio: Studio) -> None:
    studio.session.model = replace(studio.session.model, provenance={"sustain_pedal": True})
    assert get(studio, "/prompt", make_pedal_midi())[0] == 200
    assert studio.session.prompt[:, quantize.DURATION].tolist() == [100, 50]


def test_it_plays_on_from_a_file(studio: Studio, in_folder: Path) -> None:
    writer.write_notes(make_music(1, 40), in_folder / "a.mid")
    with studio.page() as page:
        page.receive("welcome")
        status, text = get(studio, "/prompt", (in_folder / "a.mid").read_bytes())
        assert status == 200
        described = json.loads(text)
        assert described["notes"] == len(described["roll"]) == len(studio.session.prompt)
        assert page.receive("state")["mode"] == "solo"
        assert page.receive("note_on")["performer"] == "model"
        assert len(studio.session.prompt) > 20
        assert get(studio, "/prompt", b"MThd")[0] == 400
        assert get(studio, "/prompt", b"x" * (app.MAX_PROMPT_BYTES + 1))[0] == 413
        page.receive("note_on")


def test_an_upload_that_breaks_off_is_no_news(
    studio: Studio, caplog: pytest.LogCaptureFixture
) -> None:
    before = studio.session.prompt
    with socket.create_connection(("127.0.0.1", studio.port)) as line:
        line.sendall(
            f"POST /prompt HTTP/1.1\r\nHost: 127.0.0.1:{studio.port}\r\n"
            f"Authorization: Bearer {studio.token}\r\n"
            "Content-Length: 100000\r\n\r\nMThd".encode()
        )
        time.sleep(0.2)  # until it is read
        line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    time.sleep(0.3)
    assert get(studio, "/")[0] == 200
    assert not caplog.records and studio.session.prompt is before


def test_a_file_is_the_one_of_the_package_and_others_are_not_there(studio: Studio) -> None:
    for folder, directory in (("static", app.STATIC_DIR), ("web", app.WEB_DIR)):
        for path in sorted(directory.iterdir()):
            assert get(studio, f"/{folder}/{path.name}") == (200, path.read_bytes())
    assert get(studio, "/static/none.js")[0] == 404


def test_the_page_asks_nobody_else_and_runs_no_text() -> None:
    for path in (*app.STATIC_DIR.iterdir(), *app.WEB_DIR.iterdir()):
        text = path.read_text("utf-8").replace("http://www.w3.org/2000/svg", "")
        assert "//cdn" not in text
        assert "https:" not in text
        assert "innerHTML" not in text
        assert "eval(" not in text
        if path.suffix == ".html":
            assert "style=" not in text
            assert "onclick" not in text


def test_an_address_of_another_machine_is_one_line() -> None:
    with pytest.raises(
        PipelineError, match=r"192\.0\.2\.7: .*an address of this machine with --host"
    ):
        app.bind_socket(0, IPv4Address("192.0.2.7"))


def test_a_port_that_is_taken_is_one_line() -> None:
    with app.bind_socket(0) as line:
        line.listen()
        with pytest.raises(PipelineError, match="give another with --port"):
            app.bind_socket(line.getsockname()[1])
