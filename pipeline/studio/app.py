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
from pipeline.studio.access import LocalAccessMiddleware
from pipeline.studio.client_queue import ClientQueue, encode_message
from pipeline.studio.handlers import handle_message
from pipeline.studio.http_protocol import TimedHTTPProtocol
from pipeline.studio.rate_limit import MessageLimiter
from pipeline.studio.session import LiveSession

HOST = "127.0.0.1"
STATIC_DIR = Path(__file__).parent / "static"
MEDIA_TYPES = {
    ".html": "text/html",
    ".css": "text/css",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
}
SEND_TIMEOUT = 5.0
"""Seconds that a page may take for one frame before it counts as gone."""
REPORT_SECONDS = 1.0
"""Seconds between reports of ignored messages."""
BODY_TIMEOUT = 30.0
"""Seconds that an upload may take."""
MAX_PROMPT_BYTES = 1 << 20
"""Bytes of a MIDI file to play on from."""
CLOSE_CONNECTION = {"connection": "close"}
"""Header of an answer before the end of the request: what comes after it is not read."""
MAX_PROMPT_NOTES = 512
"""Notes of it that the model reads, the last."""


def read_static_files() -> Mapping[str, tuple[bytes, str]]:
    """Read the files of the page: content and kind by name. What is not here cannot be asked for."""
    return {
        path.name: (path.read_bytes(), MEDIA_TYPES[path.suffix])
        for path in sorted(STATIC_DIR.iterdir())
    }


class UploadTooLargeError(PipelineError):
    """A file is larger than a prompt may be."""


async def read_body(request: Request) -> bytes:
    """Read the body of a request.

    Raises:
        UploadTooLargeError: it is too large.
        ClientDisconnect: the page is gone, or the server ends.
    """
    data = bytearray()
    async for part in request.stream():
        data += part
        if len(data) > MAX_PROMPT_BYTES:
            raise UploadTooLargeError("the file has more than 1 MB; choose a smaller MIDI file")
    return bytes(data)


class App:
    """What the addresses answer."""

    def __init__(self, session: LiveSession) -> None:
        self.session = session
        self.static_files = read_static_files()

    async def get_index(self, request: Request) -> Response:
        """Answer with the page."""
        content, kind = self.static_files["index.html"]
        return Response(content, media_type=kind)

    async def get_static_file(self, request: Request) -> Response:
        """Answer with a file of the page."""
        found = self.static_files.get(request.path_params["name"])
        if found is None:
            return PlainTextResponse("no such file\n", 404)
        return Response(found[0], media_type=found[1])

    async def get_recording(self, request: Request) -> Response:
        """Answer with what was recorded."""
        if not len(self.session.shared_state.recorder):
            return PlainTextResponse("nothing was recorded yet\n", 404)
        as_file = {"content-disposition": 'attachment; filename="take.mid"'}
        return Response(
            self.session.shared_state.recorder.to_midi_bytes(),
            media_type="audio/midi",
            headers=as_file,
        )

    async def upload_prompt(self, request: Request) -> Response:
        """Take a MIDI file to play on from."""
        try:
            async with asyncio.timeout(BODY_TIMEOUT):
                data = await read_body(request)
            notes = await asyncio.to_thread(
                reader.read_notes, data, "symusic", self.session.model.sustain_pedal
            )
            await self.session.continue_from(quantize.quantize(notes)[-MAX_PROMPT_NOTES:])
        except ClientDisconnect:
            return Response()  # nobody is there to read it
        except TimeoutError:
            text = f"the upload took more than {BODY_TIMEOUT:g} seconds\n"
            return PlainTextResponse(text, 408, CLOSE_CONNECTION)
        except UploadTooLargeError as error:
            return PlainTextResponse(f"{error}\n", 413, CLOSE_CONNECTION)
        except PipelineError as error:
            return PlainTextResponse(f"{error}\n", 400)
        return PlainTextResponse(f"{len(notes)} notes\n")

    async def handle_websocket(self, websocket: WebSocket) -> None:
        """Carry frames to a page and its wishes back, until either end goes."""
        await websocket.accept()
        box = ClientQueue(asyncio.get_running_loop())
        try:
            page = await self.session.connect(box)
        except PipelineError as error:
            await websocket.send_text(encode_message({"type": "error", "message": str(error)}))
            await websocket.close(1013)
            return
        limiter = MessageLimiter()
        work = [
            asyncio.create_task(self._send_messages(websocket, box)),
            asyncio.create_task(self._receive_messages(websocket, box, page, limiter)),
            asyncio.create_task(self._report_ignored(box, page, limiter)),
        ]
        try:
            await asyncio.wait(work, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in work:
                task.cancel()
            await asyncio.gather(*work, return_exceptions=True)
            await self.session.disconnect(page)

    async def _send_messages(self, websocket: WebSocket, queue: ClientQueue) -> None:
        """Send frames; a page that does not take them is left."""
        while True:
            await asyncio.wait_for(websocket.send_text(await queue.get()), SEND_TIMEOUT)

    async def _receive_messages(
        self, websocket: WebSocket, queue: ClientQueue, client_id: int, limiter: MessageLimiter
    ) -> None:
        """Do what the page wishes; what cannot be done is answered with one frame."""
        while True:
            # The server reads no more from the page while this sleeps.
            await asyncio.sleep(limiter.reads.reserve())
            message = await websocket.receive()
            if message["type"] == "websocket.disconnect":
                return
            try:
                parsed = messages.parse_message(message.get("text") or message.get("bytes") or "")
                if limiter.allow(parsed):
                    await handle_message(parsed, self.session, client_id)
            except PipelineError as error:
                queue.put(encode_message({"type": "error", "message": str(error)}))

    async def _report_ignored(
        self, queue: ClientQueue, client_id: int, limiter: MessageLimiter
    ) -> None:
        """Tell a page, every second, how many of its messages were ignored, and what holds instead."""
        while True:
            await asyncio.sleep(REPORT_SECONDS)
            if count := limiter.take_ignored():
                text = (
                    f"{count} messages of this page were ignored: too many in a second; send fewer"
                )
                queue.put(encode_message({"type": "error", "message": text}))
                queue.put(encode_message(self.session.make_state_message()))
                queue.put(encode_message(self.session.make_controls_message(client_id)))


def make_app(session: LiveSession, port: int, token: str) -> LocalAccessMiddleware:
    """Return the whole site behind its door."""

    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        yield
        await session.close()

    site = App(session)
    routes = [
        Route("/", site.get_index),
        Route("/static/{name}", site.get_static_file),
        Route("/take.mid", site.get_recording),
        Route("/prompt", site.upload_prompt, methods=["POST"]),
        WebSocketRoute("/live", site.handle_websocket),
    ]
    return LocalAccessMiddleware(Starlette(routes=routes, lifespan=lifespan), port, token)


def bind_socket(port: int) -> socket.socket:
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
        raise PipelineError(
            f"port {port}: {error.strerror}; give another with --port, or 0 for any"
        ) from error
    return line


def make_server(session: LiveSession, port: int, token: str) -> uvicorn.Server:
    """Return a server that is to be run on a socket from `bind`."""
    config = uvicorn.Config(
        make_app(session, port, token),
        http=TimedHTTPProtocol,
        ws="websockets-sansio",
        ws_max_size=messages.MAX_MESSAGE_BYTES,
        log_level="warning",
        timeout_graceful_shutdown=2,
        server_header=False,
    )
    return uvicorn.Server(config)
