"""The page and its live connection, served to this machine alone unless another host is given."""

import asyncio
import contextlib
import errno
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles
from starlette.websockets import WebSocket

from pipeline.core.errors import PipelineError
from pipeline.live.controls import Controls
from pipeline.midi import reader
from pipeline.notes import quantize
from pipeline.studio import comparison, messages
from pipeline.studio.access import LOOPBACK, LocalAccessMiddleware
from pipeline.studio.client_queue import ClientQueue
from pipeline.studio.handlers import handle_message
from pipeline.studio.http_protocol import TimedHTTPProtocol
from pipeline.studio.messages import ClientError
from pipeline.studio.prompt import MAX_PROMPT_NOTES, describe_prompt
from pipeline.studio.rate_limit import MessageLimiter
from pipeline.studio.session import LiveSession
from pipeline.studio.takes import list_notes

STATIC_DIR = Path(__file__).parent / "static"
WEB_DIR = Path(__file__).parent.parent / "web"
"""Files that the report contains too."""
SEND_TIMEOUT = 5.0
"""Seconds that a page may take to read one message before it counts as gone."""
REPORT_SECONDS = 1.0
"""Seconds between reports of ignored messages."""
BODY_TIMEOUT = 30.0
"""Seconds that an upload may take."""
MAX_PROMPT_BYTES = 1 << 20
"""Bytes of a MIDI file to go on from."""
CLOSE_CONNECTION = {"connection": "close"}
"""Header of an answer before the end of the request: what comes after it is not read."""
ATTACHMENT = {"content-disposition": 'attachment; filename="take.mid"'}


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


async def respond_to_upload(
    request: Request, handle: Callable[[bytes], Awaitable[dict[str, Any]]]
) -> Response:
    """Return what a function makes of the body of a request, as JSON; or why it cannot, as one line of text."""
    try:
        async with asyncio.timeout(BODY_TIMEOUT):
            data = await read_body(request)
        return JSONResponse(await handle(data))
    except ClientDisconnect:
        return Response()  # nobody reads it
    except TimeoutError:
        text = f"the upload took more than {BODY_TIMEOUT:g} seconds\n"
        return PlainTextResponse(text, 408, CLOSE_CONNECTION)
    except UploadTooLargeError as error:
        return PlainTextResponse(f"{error}\n", 413, CLOSE_CONNECTION)
    except PipelineError as error:
        return PlainTextResponse(f"{error}\n", 400)


class App:
    """What each address answers."""

    def __init__(self, session: LiveSession) -> None:
        self.session = session
        self.answer_lock = asyncio.Lock()

    async def get_index(self, request: Request) -> Response:
        """Send the page."""
        return FileResponse(STATIC_DIR / "index.html")

    async def get_take_notes(self, request: Request) -> Response:
        """Send the notes of a take as JSON: name, seconds, and notes as of `list_notes`."""
        try:
            take = self.session.takes.find(request.path_params["take_id"])
        except ClientError as error:
            return PlainTextResponse(f"{error}\n", 404)
        content = {"name": take.name, "seconds": take.seconds, "notes": list_notes(take.recording)}
        return JSONResponse(content)

    async def get_take_midi(self, request: Request) -> Response:
        """Send a take as a MIDI file."""
        try:
            take = self.session.takes.find(request.path_params["take_id"])
        except ClientError as error:
            return PlainTextResponse(f"{error}\n", 404)
        data = take.recording.to_midi_bytes()
        return Response(data, media_type="audio/midi", headers=ATTACHMENT)

    async def upload_prompt(self, request: Request) -> Response:
        """Receive a MIDI file, go on from it, and send what `describe_prompt` says of it as JSON."""
        return await respond_to_upload(request, self._continue_from)

    async def _continue_from(self, data: bytes) -> dict[str, Any]:
        sustain_pedal = self.session.model.sustain_pedal
        notes = await asyncio.to_thread(reader.read_notes, data, "symusic", sustain_pedal)
        await self.session.continue_from(quantize.quantize(notes)[-MAX_PROMPT_NOTES:])
        return describe_prompt(notes)

    async def answer_phrase(self, request: Request) -> Response:
        """Receive a phrase, an `AnswerRequest`, and send the answer as JSON: notes as of `list_notes`."""
        return await respond_to_upload(request, self._answer_phrase)

    async def _answer_phrase(self, data: bytes) -> dict[str, Any]:
        answer_request = comparison.parse_request(data)
        live = self.session.shared_state.controls
        controls = Controls(live.sampling_config, live.tempo)  # as they are now
        async with self.answer_lock:  # one at a time, so that the live model keeps its time
            answer = await asyncio.to_thread(comparison.answer_request, answer_request, controls)
        return {"notes": list_notes(answer)}

    async def handle_websocket(self, websocket: WebSocket) -> None:
        """Exchange messages with a page until either end leaves."""
        await websocket.accept()
        queue = ClientQueue(asyncio.get_running_loop())
        try:
            client_id = await self.session.connect(queue)
        except PipelineError as error:
            await websocket.send_text(messages.Error(message=str(error)).encode())
            await websocket.close(1013)
            return
        limiter = MessageLimiter()
        tasks = [
            asyncio.create_task(self._send_messages(websocket, queue, client_id)),
            asyncio.create_task(self._receive_messages(websocket, queue, client_id, limiter)),
            asyncio.create_task(self._report_ignored(queue, client_id, limiter)),
        ]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await self.session.disconnect(client_id)

    async def _send_messages(
        self, websocket: WebSocket, queue: ClientQueue, client_id: int
    ) -> None:
        """Send messages; end if the page does not read them, and send what holds after it missed some."""
        has_missed = False
        while True:
            await asyncio.wait_for(websocket.send_text(await queue.get()), SEND_TIMEOUT)
            has_missed = has_missed or queue.reported
            if has_missed and not queue.pending:  # only then there is room for more
                has_missed = False
                self.session.send_all_state(client_id)

    async def _receive_messages(
        self, websocket: WebSocket, queue: ClientQueue, client_id: int, limiter: MessageLimiter
    ) -> None:
        """Handle the messages of a page; what cannot be done is answered with one error."""
        while True:
            # The server reads no more from the page while this sleeps.
            await asyncio.sleep(limiter.reads.reserve())
            received = await websocket.receive()
            if received["type"] == "websocket.disconnect":
                return
            try:
                message = messages.parse_message(
                    received.get("text") or received.get("bytes") or ""
                )
                if limiter.allow(message):
                    await handle_message(message, self.session, client_id)
            except PipelineError as error:
                queue.send(messages.Error(message=str(error)))

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
                queue.send(messages.Error(message=text))
                queue.send(self.session.make_state_message())
                queue.send(self.session.make_controls_message(client_id))


def make_app(
    session: LiveSession, port: int, token: str, host: IPv4Address = LOOPBACK
) -> LocalAccessMiddleware:
    """Return the whole site behind the check of access."""

    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        yield
        await session.close()

    app = App(session)
    routes = [
        Route("/", app.get_index),
        Mount("/static", StaticFiles(directory=STATIC_DIR)),
        Mount("/web", StaticFiles(directory=WEB_DIR)),
        Route("/takes/{take_id}.json", app.get_take_notes),
        Route("/takes/{take_id}.mid", app.get_take_midi),
        Route("/answers", app.answer_phrase, methods=["POST"]),
        Route("/prompt", app.upload_prompt, methods=["POST"]),
        WebSocketRoute("/live", app.handle_websocket),
    ]
    site = Starlette(routes=routes, lifespan=lifespan)
    site.router.redirect_slashes = False
    return LocalAccessMiddleware(site, port, token, host)


def bind_socket(port: int, host: IPv4Address = LOOPBACK) -> socket.socket:
    """Bind a port of an interface; port 0 takes any that is free.

    Raises:
        PipelineError: it is taken, or this machine has no such interface.
    """
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((str(host), port))
    except OSError as error:
        listener.close()
        hint = "give another with --port, or 0 for any"
        if error.errno == errno.EADDRNOTAVAIL:
            hint = "give an address of this machine with --host, or 0.0.0.0 for all"
        raise PipelineError(f"port {port} of {host}: {error.strerror}; {hint}") from error
    return listener


def make_server(
    session: LiveSession, port: int, token: str, host: IPv4Address = LOOPBACK
) -> uvicorn.Server:
    """Return a server that is to be run on a socket of `bind_socket`."""
    config = uvicorn.Config(
        make_app(session, port, token, host),
        http=TimedHTTPProtocol,
        ws="websockets-sansio",
        ws_max_size=messages.MAX_MESSAGE_BYTES,
        log_level="warning",
        timeout_graceful_shutdown=2,
        server_header=False,
    )
    return uvicorn.Server(config)
