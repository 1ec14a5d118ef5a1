"""The messages between a page and the server, in both directions: JSON objects whose `type` says which one.

From a page to the server:

    {"type": "note_on", "pitch": 60, "velocity": 80}     a key is pressed
    {"type": "note_off", "pitch": 60}                    and released
    {"type": "set_controls", "revision": 7, "values": {"tempo": 1.2, "key": "C minor"}}
    {"type": "control_change", "controller": 20, "value": 64}
    {"type": "set_mode", "mode": "call-response"}
    {"type": "load_model", "name": "maestro"}
    {"type": "set_playing", "playing": true}             the model plays, or is paused
    {"type": "set_recording", "recording": true}
    {"type": "rename_take", "take_id": "b3Jk", "name": "Waltz"}
    {"type": "keep_take", "take_id": "b3Jk"}
    {"type": "discard_take", "take_id": "b3Jk"}
    {"type": "panic"}                                    all notes end and the model is paused
    {"type": "ping", "sent": 12.5}                       answered with the time of the server

A message that is none of these is answered with one `error`. Nothing is converted: 60 is a pitch, "60" and 60.5 are not.

From the server to a page: see the subclasses of `ServerMessage`. Times are seconds of the server's monotonic clock.
"""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from pipeline.config.schema import Pitch
from pipeline.core.errors import InvalidField, PipelineError, find_first_error
from pipeline.live.improviser import Mode

MAX_MESSAGE_BYTES = 4096
"""Bytes of a message of a page; a longer one closes the connection."""
Velocity = Annotated[int, Field(ge=1, le=127)]
Revision = Annotated[int, Field(ge=0, lt=2**53)]
"""Number of a change of the controls: rises with time, and JavaScript can hold it."""
ControlValues = dict[str, bool | int | float | str]


class ClientError(PipelineError):
    """A page sent what cannot be done."""


class ClientMessage(BaseModel):
    """A message from a page."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class NoteOn(ClientMessage):
    """A key is pressed."""

    type: Literal["note_on"] = "note_on"
    pitch: Pitch
    velocity: Velocity


class NoteOff(ClientMessage):
    """A key is released."""

    type: Literal["note_off"] = "note_off"
    pitch: Pitch


class SetControls(ClientMessage):
    """Controls change, all of these or none."""

    type: Literal["set_controls"] = "set_controls"
    revision: Revision
    """Comes back with the answer, and with the first note that is drawn under the change."""
    values: ControlValues


class ControlChange(ClientMessage):
    """A MIDI controller moves."""

    type: Literal["control_change"] = "control_change"
    controller: Pitch
    value: Pitch


class SetMode(ClientMessage):
    """Who plays when."""

    type: Literal["set_mode"] = "set_mode"
    mode: Mode


class LoadModel(ClientMessage):
    """Another model is to play."""

    type: Literal["load_model"] = "load_model"
    name: Annotated[str, Field(max_length=200)]


class SetPlaying(ClientMessage):
    """The model is to play, or to pause."""

    type: Literal["set_playing"] = "set_playing"
    playing: bool


class SetRecording(ClientMessage):
    """A recording is to start or to stop."""

    type: Literal["set_recording"] = "set_recording"
    recording: bool


class TakeMessage(ClientMessage):
    """A message about one take."""

    take_id: Annotated[str, Field(max_length=40)]


class RenameTake(TakeMessage):
    """A take is to have another name."""

    type: Literal["rename_take"] = "rename_take"
    name: Annotated[str, Field(max_length=200)]


class KeepTake(TakeMessage):
    """A take is to stay until it is discarded."""

    type: Literal["keep_take"] = "keep_take"


class DiscardTake(TakeMessage):
    """A take is to be removed."""

    type: Literal["discard_take"] = "discard_take"


class Panic(ClientMessage):
    """All notes are to end, and the model is to pause."""

    type: Literal["panic"] = "panic"


class Ping(ClientMessage):
    """The page asks for the time of the server."""

    type: Literal["ping"] = "ping"
    sent: float


class ServerMessage(BaseModel):
    """A message to a page."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    def encode(self) -> str:
        """Return the message as JSON."""
        return self.model_dump_json()


class ListedModel(BaseModel):
    """A model that can be chosen."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    label: str
    """Its name, with corpus and bits if they are known."""
    description: str
    """One line about its result and its memory."""
    is_bundled: bool


class ListedTake(BaseModel):
    """A take of the list."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    take_id: str
    name: str
    notes: int
    seconds: float
    is_kept: bool


class State(ServerMessage):
    """What all pages share."""

    type: Literal["state"] = "state"
    models: dict[str, ListedModel]
    """By name, the bundled ones first, then those trained here, best first."""
    model: str
    mode: Mode
    playing: bool
    recording: bool
    recorded_notes: int
    takes: list[ListedTake]
    """The oldest first."""


class Welcome(ServerMessage):
    """The first message to a page."""

    type: Literal["welcome"] = "welcome"
    client_id: int
    keys: list[str]
    """Keys that can be chosen, as in `C minor`."""
    time: float
    state: State
    values: ControlValues
    defaults: ControlValues
    """Values of the controls when the studio started."""
    resumed: list[str]
    """Settings that differ from those of a studio just started: `model`, `mode`, `playing`, `recording` or controls."""


class ControlsChanged(ServerMessage):
    """The controls after a change, or after one that was refused."""

    type: Literal["controls"] = "controls"
    client_id: int
    """Who changed them."""
    revision: int
    """Number of the change; 0 if it was refused, or made by a MIDI controller."""
    values: ControlValues


class TimedNote(ServerMessage):
    """A note with its time."""

    pitch: int
    velocity: int
    onset: float
    duration: float | None
    """None while a person holds the key."""
    pedal: int | None = None
    """Sustain pedal of a model that generates it, at the onset: 0 up, 1 held, 2 pressed. Where it is not None, the note sounds
    until its `note_off`, which may come after `duration`."""


class NoteStarted(TimedNote):
    """A note that sounds or will sound."""

    type: Literal["note_on"] = "note_on"
    performer: Literal["model", "human"]
    note_id: int
    revision: int
    """The last change of the controls before it was drawn; 0 for notes of a person."""


class Preview(TimedNote):
    """The note that the model means to play next; it can still change."""

    type: Literal["preview"] = "preview"
    revision: int


class HumanNoteEnded(ServerMessage):
    """A note of a person ends."""

    type: Literal["note_end"] = "note_end"
    note_id: int
    end: float


class ModelNoteEnded(ServerMessage):
    """The model's note of a pitch ends, maybe before its time."""

    type: Literal["note_off"] = "note_off"
    pitch: int
    time: float


class AllNotesEnded(ServerMessage):
    """All notes of the model end, and those that were to come do not start."""

    type: Literal["all_notes_off"] = "all_notes_off"
    time: float


class TurnChanged(ServerMessage):
    """Whether it is the model's turn."""

    type: Literal["turn"] = "turn"
    is_model: bool


class NoteSurprisal(ServerMessage):
    """Bits of a note of a person under the model: per feature, and their total."""

    type: Literal["surprisal"] = "surprisal"
    note_id: int
    total: float
    pitch: float
    step: float
    duration: float


class Pong(ServerMessage):
    """The answer to a ping."""

    type: Literal["pong"] = "pong"
    sent: float
    time: float
    recorded_notes: int
    bar_start: float | None
    """When the next bar begins; None if no model is loaded."""
    beat_seconds: float | None
    """Length of a beat, of which a bar has four."""


class Dropped(ServerMessage):
    """The page was too slow to read some messages."""

    type: Literal["dropped"] = "dropped"
    count: int


class Error(ServerMessage):
    """What a page sent cannot be done; one line."""

    type: Literal["error"] = "error"
    message: str


AnyClientMessage = Annotated[
    NoteOn
    | NoteOff
    | SetControls
    | ControlChange
    | SetMode
    | LoadModel
    | SetPlaying
    | SetRecording
    | RenameTake
    | KeepTake
    | DiscardTake
    | Panic
    | Ping,
    Field(discriminator="type"),
]
AnyServerMessage = Annotated[
    Welcome
    | State
    | ControlsChanged
    | NoteStarted
    | Preview
    | HumanNoteEnded
    | ModelNoteEnded
    | AllNotesEnded
    | TurnChanged
    | NoteSurprisal
    | Pong
    | Dropped
    | Error,
    Field(discriminator="type"),
]
CLIENT_MESSAGES: TypeAdapter[AnyClientMessage] = TypeAdapter(AnyClientMessage)
SERVER_MESSAGES: TypeAdapter[AnyServerMessage] = TypeAdapter(AnyServerMessage)


def parse_message(text: str | bytes) -> AnyClientMessage:
    """Parse a message of a page.

    Raises:
        ClientError: it is none of those above; one line.
    """
    if not isinstance(text, str):
        raise ClientError("a message is text, not bytes")
    try:
        return CLIENT_MESSAGES.validate_json(text)
    except ValidationError as error:
        raise ClientError(_format_error(find_first_error(error))) from error
    except ValueError as error:  # lone surrogates, which JSON can spell and UTF-8 cannot
        raise ClientError("not a message: text that cannot be encoded") from error


def _format_error(error: InvalidField) -> str:
    """Return a validation error as one line that names the field, and does not repeat what was sent."""
    key = error.key[:80]
    return f"not a message: {key + ': ' if key else ''}{error.message[:200]}"
