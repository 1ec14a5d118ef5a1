"""What each wish of a page does."""

import time
from functools import singledispatch

from pipeline.core.errors import PipelineError
from pipeline.studio import messages
from pipeline.studio.client_queue import ServerMessage, encode_message
from pipeline.studio.session import LiveSession

MIN_RESPONSE_DELAY, MAX_RESPONSE_DELAY = 0.2, 10.0
"""Seconds of a rest that make sense."""


@singledispatch
async def handle_message(
    message: messages.ClientMessage, session: LiveSession, client_id: int
) -> None:
    """Do what a page wishes.

    Args:
        message: what.
        session: where.
        client_id: who wishes it.

    Raises:
        PipelineError: it cannot be done; nothing has changed.
    """
    raise NotImplementedError(type(message).__name__)


@handle_message.register
async def _(message: messages.NoteOn, session: LiveSession, client_id: int) -> None:
    session.note_on(client_id, message.pitch, message.velocity)


@handle_message.register
async def _(wish: messages.NoteOff, room: LiveSession, page: int) -> None:
    room.note_off(page, wish.pitch)


@handle_message.register
async def _(wish: messages.SetControls, room: LiveSession, page: int) -> None:
    number = 0
    try:
        _set_controls(wish.values, room)
        number = wish.revision
        if room.engine:
            room.engine.note_source.control_revision = number
    finally:  # a page that asked for what cannot be is told where the controls stand
        room.broadcast(room.make_controls_message(page, number))


def _set_controls(values: dict[str, int | float | str], session: LiveSession) -> None:
    """Set controls, all or none."""
    if unknown := values.keys() - session.get_control_values().keys():
        raise messages.ClientError(f"there is no control {min(unknown)[:40]!r}")
    rest = values.pop("rest", session.shared_state.response_delay)
    if not (isinstance(rest, int | float) and MIN_RESPONSE_DELAY <= rest <= MAX_RESPONSE_DELAY):
        raise messages.ClientError(
            f"rest {rest!r:.40} is outside {MIN_RESPONSE_DELAY}..{MAX_RESPONSE_DELAY} seconds"
        )
    session.shared_state.controls.update(**values)  # type: ignore[arg-type]
    session.shared_state.response_delay = float(rest)
    if session.engine:
        session.engine.improviser.phrase.response_delay = float(rest)


@handle_message.register
async def _(wish: messages.ControlChange, room: LiveSession, page: int) -> None:
    if room.shared_state.controls.control_change(wish.controller, wish.value):
        room.broadcast(room.make_controls_message(page))


@handle_message.register
async def _(wish: messages.SetMode, room: LiveSession, page: int) -> None:
    room.shared_state.mode = wish.mode
    if room.engine:
        room.engine.improviser.mode = wish.mode
    room.broadcast(room.make_state_message())


@handle_message.register
async def _(wish: messages.LoadModel, room: LiveSession, page: int) -> None:
    await room.load_model(wish.name)


@handle_message.register
async def _(wish: messages.SetPlaying, room: LiveSession, page: int) -> None:
    room.set_playing(wish.on)


@handle_message.register
async def _(wish: messages.SetRecording, room: LiveSession, page: int) -> None:
    (room.shared_state.recorder.start if wish.on else room.shared_state.recorder.stop)(
        time.monotonic()
    )
    room.broadcast(room.make_state_message())


@handle_message.register
async def _(wish: messages.Panic, room: LiveSession, page: int) -> None:
    room.panic()


@handle_message.register
async def _(wish: messages.Ping, room: LiveSession, page: int) -> None:
    pong: ServerMessage = {
        "type": "pong",
        "sent": wish.sent,
        "now": time.monotonic(),
        "notes": len(room.shared_state.recorder),
    }
    room.clients[page].put(encode_message(pong))
    if room.engine and (fault := room.engine.player.error):
        await room.close()
        raise PipelineError(f"the model stopped ({type(fault).__name__}: {fault}); choose it again")
