"""What a page may say: each message is one of these and nothing else, or it is answered with one line.

{"type": "strike", "pitch": 60, "velocity": 80}      a key was struck
{"type": "lift", "pitch": 60}                        and let go
{"type": "set", "revision": 7, "values": {"tempo": 1.2, "key": "C minor"}}
{"type": "turn", "controller": 20, "value": 64}            a control change, as of `controls`
{"type": "mode", "mode": "call-response"}
{"type": "model", "name": "maestro"}
{"type": "play", "on": true}                         the model plays, or rests
{"type": "record", "on": true}
{"type": "panic"}
{"type": "ping", "sent": 12.5}                       answered with the time here

Nothing is converted: 60 is a pitch, "60" and 60.5 are not.
"""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from pipeline.config.schema import Pitch
from pipeline.core.errors import PipelineError

MAX_MESSAGE_BYTES = 4096
"""Bytes of a message; a longer one closes the line."""


class ClientError(PipelineError):
    """A page said something that cannot be done."""


class ClientMessage(BaseModel):
    """A message from a page."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class NoteOn(ClientMessage):
    """A key was struck."""

    type: Literal["strike"]
    pitch: Pitch
    velocity: Annotated[int, Field(ge=1, le=127)]


class NoteOff(ClientMessage):
    """A key was let go."""

    type: Literal["lift"]
    pitch: Pitch


class SetControls(ClientMessage):
    """Controls move, all of these or none."""

    type: Literal["set"]
    revision: Annotated[int, Field(ge=0, lt=2**53)]
    """Comes back with the answer, and with the first note that was drawn under it."""
    values: dict[str, int | float | str]


class ControlChange(ClientMessage):
    """A knob was turned."""

    type: Literal["turn"]
    controller: Pitch
    value: Pitch


class SetMode(ClientMessage):
    """Who plays when."""

    type: Literal["mode"]
    mode: Literal["solo", "call-response", "accompany"]


class LoadModel(ClientMessage):
    """Another model."""

    type: Literal["model"]
    name: Annotated[str, Field(max_length=200)]


class SetPlaying(ClientMessage):
    """The model plays, or rests."""

    type: Literal["play"]
    on: bool


class SetRecording(ClientMessage):
    """A take begins or ends."""

    type: Literal["record"]
    on: bool


class Panic(ClientMessage):
    """Silence."""

    type: Literal["panic"]


class Ping(ClientMessage):
    """What time is it?"""

    type: Literal["ping"]
    sent: float


AnyClientMessage = (
    NoteOn
    | NoteOff
    | SetControls
    | ControlChange
    | SetMode
    | LoadModel
    | SetPlaying
    | SetRecording
    | Panic
    | Ping
)
_ADAPTER: TypeAdapter[AnyClientMessage] = TypeAdapter(
    Annotated[AnyClientMessage, Field(discriminator="type")]
)


def parse_message(text: str | bytes) -> AnyClientMessage:
    """Read a message.

    Raises:
        WishError: it is none of those above; one line.
    """
    if not isinstance(text, str):
        raise ClientError("a message is text, not bytes")
    try:
        return _ADAPTER.validate_json(text)
    except ValidationError as error:
        raise ClientError(
            _format_error(error.errors(include_url=False, include_input=False)[0])
        ) from error
    except ValueError as error:  # lone surrogates, which JSON can spell and UTF-8 cannot
        raise ClientError("not a message: text that cannot be encoded") from error


def _format_error(details: Any) -> str:
    """Put a fault in one line that says where it is, and does not repeat what was sent there."""
    where = ".".join(str(part)[:40] for part in details["loc"])
    return f"not a message: {where + ': ' if where else ''}{details['msg'][:200]}"
