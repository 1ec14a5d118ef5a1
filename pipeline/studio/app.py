"""The page and its live line, served to this machine alone."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket

from pipeline.core.errors import PipelineError
from pipeline.midi import reader
from pipeline.notes import quantize
from pipeline.studio import messages
from pipeline.studio.access import Door
from pipeline.studio.client_queue import Outbox, write
from pipeline.studio.handlers import do
from pipeline.studio.session import Room

HOST = "127.0.0.1"
STATIC = Path(__file__).parent / "static"
KINDS = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
PATIENCE = 5.0
"""Seconds that a page may take for one frame before it counts as gone."""
LONGEST_PROMPT = 1 << 20
"""Bytes of a MIDI file to play on from."""
PROMPT_NOTES = 512
"""Notes of it that the model reads, the last."""


def static() -> Mapping[str, tuple[bytes, str]]:
    """Read the files of the page: content and kind by name. What is not here cannot be asked for."""
    return {path.name: (path.read_bytes(), KINDS[path.suffix]) for path in sorted(STATIC.iterdir())}


class Site:
    """What the addresses answer."""

    def __init__(self, room: Room) -> None:
        self.room = room
        self.files = static()

    async def index(self, request: Request) -> Response:
        """Answer with the page."""
        content, kind = self.files["index.html"]
        return Response(content, media_type=kind)

    async def file(self, request: Request) -> Response:
        """Answer with a file of the page."""
        found = self.files.get(request.path_params["name"])
        if found is None:
            return PlainTextResponse("no such file\n", 404)
        return Response(found[0], media_type=found[1])

    async def take(self, request: Request) -> Response:
        """Answer with what was recorded."""
        if not len(self.room.stage.take):
            return PlainTextResponse("nothing was recorded yet\n", 404)
        as_file = {"content-disposition": 'attachment; filename="take.mid"'}
        return Response(self.room.stage.take.data(), media_type="audio/midi", headers=as_file)

    async def prompt(self, request: Request) -> Response:
        """Take a MIDI file to play on from."""
        data = bytearray()
        try:
            async for part in request.stream():
                data += part
                if len(data) > LONGEST_PROMPT:
                    return PlainTextResponse("a MIDI file of 1 MB at most\n", 413)
            notes = await asyncio.to_thread(reader.read_notes, bytes(data), "symusic", self.room.model.sustain_pedal)
            await self.room.play_on(quantize.quantize(notes)[-PROMPT_NOTES:])
        except ClientDisconnect:
            return Response()  # nobody is there to read it
        except PipelineError as error:
            return PlainTextResponse(f"{error}\n", 400)
        return PlainTextResponse(f"{len(notes)} notes\n")

    async def live(self, line: WebSocket) -> None:
        """Carry frames to a page and its wishes back, until either end goes."""
        await line.accept()
        box = Outbox(asyncio.get_running_loop())
        try:
            page = await self.room.join(box)
        except PipelineError as error:
            await line.send_text(write({"type": "error", "message": str(error)}))
            await line.close(1013)
            return
        work = [asyncio.create_task(each) for each in (self._send(line, box), self._hear(line, box, page))]
        try:
            await asyncio.wait(work, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in work:
                task.cancel()
            await asyncio.gather(*work, return_exceptions=True)
            await self.room.leave(page)

    async def _send(self, line: WebSocket, box: Outbox) -> None:
        """Send frames; a page that does not take them is left."""
        while True:
            await asyncio.wait_for(line.send_text(await box.take()), PATIENCE)

    async def _hear(self, line: WebSocket, box: Outbox, page: int) -> None:
        """Do what the page wishes; what cannot be done is answered with one frame."""
        while True:
            message = await line.receive()
            if message["type"] == "websocket.disconnect":
                return
            try:
                await do(messages.read(message.get("text") or message.get("bytes") or ""), self.room, page)
            except PipelineError as error:
                box.put(write({"type": "error", "message": str(error)}))


def app(room: Room, port: int, token: str) -> Door:
    """Return the whole site behind its door."""

    @contextlib.asynccontextmanager
    async def life(_: Starlette) -> AsyncIterator[None]:
        yield
        await room.close()

    site = Site(room)
    routes = [
        Route("/", site.index),
        Route("/static/{name}", site.file),
        Route("/take.mid", site.take),
        Route("/prompt", site.prompt, methods=["POST"]),
        WebSocketRoute("/live", site.live),
    ]
    return Door(Starlette(routes=routes, lifespan=life), port, token)


def bind(port: int) -> socket.socket:
    """Take a port of loopback; 0 takes any that is free.

    Raises:
        PipelineError: it is taken.
    """
    line = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    line.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        line.bind((HOST, port))
    except OSError as error:
        line.close()
        raise PipelineError(f"port {port}: {error.strerror}; give another with --port-number, or 0 for any") from error
    return line


def server(room: Room, port: int, token: str) -> uvicorn.Server:
    """Return a server that is to be run on a socket from `bind`."""
    config = uvicorn.Config(
        app(room, port, token),
        ws="websockets-sansio",
        ws_max_size=messages.LONGEST,
        log_level="warning",
        timeout_graceful_shutdown=2,
        server_header=False,
    )
    return uvicorn.Server(config)
