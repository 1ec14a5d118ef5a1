"""What each wish of a page does."""

import time
from functools import singledispatch

from pipeline.core.errors import PipelineError
from pipeline.studio import messages
from pipeline.studio.client_queue import Frame, write
from pipeline.studio.session import Room

SHORTEST_REST, LONGEST_REST = 0.2, 10.0
"""Seconds of a rest that make sense."""


@singledispatch
async def do(wish: messages.Wish, room: Room, page: int) -> None:
    """Do what a page wishes.

    Args:
        wish: what.
        room: where.
        page: who wishes it.

    Raises:
        PipelineError: it cannot be done; nothing has changed.
    """
    raise NotImplementedError(type(wish).__name__)


@do.register
async def _(wish: messages.Strike, room: Room, page: int) -> None:
    room.strike(page, wish.pitch, wish.velocity)


@do.register
async def _(wish: messages.Lift, room: Room, page: int) -> None:
    room.lift(page, wish.pitch)


@do.register
async def _(wish: messages.Set, room: Room, page: int) -> None:
    number = 0
    try:
        _set(wish.values, room)
        number = wish.number
        if room.band:
            room.band.witness.change = number
    finally:  # a page that asked for what cannot be is told where the controls stand
        room.tell({"type": "controls", "page": page, "number": number, "values": room.values()})


def _set(values: dict[str, int | float | str], room: Room) -> None:
    """Set controls, all or none."""
    if unknown := values.keys() - room.values().keys():
        raise messages.WishError(f"there is no control {min(unknown)[:40]!r}")
    rest = values.pop("rest", room.stage.rest)
    if not (isinstance(rest, int | float) and SHORTEST_REST <= rest <= LONGEST_REST):
        raise messages.WishError(f"rest {rest!r:.40} is outside {SHORTEST_REST}..{LONGEST_REST} seconds")
    room.stage.live.set(**values)  # type: ignore[arg-type]
    room.stage.rest = float(rest)
    if room.band:
        room.band.source.phrase.rest = float(rest)


@do.register
async def _(wish: messages.Turn, room: Room, page: int) -> None:
    if room.stage.live.turn(wish.knob, wish.value):
        room.tell({"type": "controls", "page": page, "number": 0, "values": room.values()})


@do.register
async def _(wish: messages.Mode, room: Room, page: int) -> None:
    room.stage.mode = wish.mode
    if room.band:
        room.band.source.mode = wish.mode
    room.tell(room.state())


@do.register
async def _(wish: messages.Choice, room: Room, page: int) -> None:
    await room.exchange(wish.name)


@do.register
async def _(wish: messages.Play, room: Room, page: int) -> None:
    room.stage.playing = wish.on
    if room.band:
        room.band.witness.resting = not wish.on
    room.tell(room.state())


@do.register
async def _(wish: messages.Record, room: Room, page: int) -> None:
    (room.stage.take.begin if wish.on else room.stage.take.end)(time.monotonic())
    room.tell(room.state())


@do.register
async def _(wish: messages.Panic, room: Room, page: int) -> None:
    if room.band:
        room.band.player.panic()


@do.register
async def _(wish: messages.Ping, room: Room, page: int) -> None:
    pong: Frame = {"type": "pong", "sent": wish.sent, "now": time.monotonic(), "notes": len(room.stage.take)}
    room.pages[page].put(write(pong))
    if room.band and (fault := room.band.player.error):
        await room.close()
        raise PipelineError(f"the model stopped ({type(fault).__name__}: {fault}); choose it again")
