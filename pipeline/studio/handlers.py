"""What each message of a page does: one function for each type, and a table of them."""

from collections.abc import Awaitable, Callable
from typing import Any

from pipeline.studio import messages
from pipeline.studio.session import LiveSession


async def press_key(session: LiveSession, client_id: int, message: messages.NoteOn) -> None:
    """Press a key for a page."""
    session.note_on(client_id, message.pitch, message.velocity)


async def release_key(session: LiveSession, client_id: int, message: messages.NoteOff) -> None:
    """Release a key for a page."""
    session.note_off(client_id, message.pitch)


async def set_controls(session: LiveSession, client_id: int, message: messages.SetControls) -> None:
    """Change controls."""
    session.set_controls(client_id, message.values, message.revision)


async def change_controller(
    session: LiveSession, client_id: int, message: messages.ControlChange
) -> None:
    """Change the control that a MIDI controller stands for."""
    session.control_change(client_id, message.controller, message.value)


async def set_mode(session: LiveSession, client_id: int, message: messages.SetMode) -> None:
    """Change who plays when."""
    session.set_mode(message.mode)


async def load_model(session: LiveSession, client_id: int, message: messages.LoadModel) -> None:
    """Let another model play."""
    await session.load_model(message.name)


async def set_playing(session: LiveSession, client_id: int, message: messages.SetPlaying) -> None:
    """Let the model play, also after an error ended it, or pause it."""
    if message.playing:
        await session.restart_engine()
    session.set_playing(message.playing)


async def set_recording(
    session: LiveSession, client_id: int, message: messages.SetRecording
) -> None:
    """Start or stop a recording."""
    session.set_recording(message.recording)


async def rename_take(session: LiveSession, client_id: int, message: messages.RenameTake) -> None:
    """Give a take another name."""
    session.takes.rename(message.take_id, message.name)
    session.broadcast(session.make_state_message())


async def keep_take(session: LiveSession, client_id: int, message: messages.KeepTake) -> None:
    """Let a take stay until it is discarded."""
    session.takes.keep(message.take_id)
    session.broadcast(session.make_state_message())


async def discard_take(session: LiveSession, client_id: int, message: messages.DiscardTake) -> None:
    """Remove a take."""
    session.takes.discard(message.take_id)
    session.broadcast(session.make_state_message())


async def stop_all_notes(session: LiveSession, client_id: int, message: messages.Panic) -> None:
    """End all notes and pause the model."""
    session.panic()


async def answer_ping(session: LiveSession, client_id: int, message: messages.Ping) -> None:
    """Send the time to the page, and an error if the model has stopped."""
    session.send_pong(client_id, message.sent)
    await session.check_engine()


Handler = Callable[[LiveSession, int, Any], Awaitable[None]]
HANDLERS: dict[type[messages.ClientMessage], Handler] = {
    messages.NoteOn: press_key,
    messages.NoteOff: release_key,
    messages.SetControls: set_controls,
    messages.ControlChange: change_controller,
    messages.SetMode: set_mode,
    messages.LoadModel: load_model,
    messages.SetPlaying: set_playing,
    messages.SetRecording: set_recording,
    messages.RenameTake: rename_take,
    messages.KeepTake: keep_take,
    messages.DiscardTake: discard_take,
    messages.Panic: stop_all_notes,
    messages.Ping: answer_ping,
}


async def handle_message(
    message: messages.ClientMessage, session: LiveSession, client_id: int
) -> None:
    """Do what a page asks for.

    Args:
        message: what.
        session: where.
        client_id: the page.

    Raises:
        PipelineError: it cannot be done; nothing has changed.
    """
    await HANDLERS[type(message)](session, client_id, message)
