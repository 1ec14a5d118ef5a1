"""What makes the music of the page: a model, an improviser, a player, and what measures a person by the model."""

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from pipeline.generation.engine import Engine
from pipeline.live.active_keys import NOTE_OFF, Message
from pipeline.live.controls import Controls
from pipeline.live.improviser import Improviser, Mode
from pipeline.live.player import Player
from pipeline.live.timeline import TICKS_PER_CELL
from pipeline.models.model_io import TrainedModel
from pipeline.notes.quantize import QuantizedNotes
from pipeline.studio.client_queue import ServerMessage
from pipeline.studio.event_port import BroadcastingSource
from pipeline.studio.recording import TimedRecorder
from pipeline.studio.surprisal import Surprisal

ALL_NOTES_OFF = 123
"""Control change: all notes off."""
MAX_PENDING_EVENTS = 128
"""Keys that wait to be read by the model; a person presses no more within the time of a note."""


@dataclass
class SharedState:
    """What a band finds where it plays, and what stays when another comes."""

    broadcast: Callable[[ServerMessage], None]
    """Takes frames for the pages; never waits."""
    controls: Controls
    recorder: TimedRecorder
    mode: Mode = "call-response"
    response_delay: float = 0.8
    """Seconds without a key after which a phrase is answered, in mode `call-response`."""
    playing: bool = True
    """Whether the model plays, or rests."""


class EventPort:
    """The port of the player: pages know when notes begin, so they are told when notes end, planned or not."""

    def __init__(self, broadcast: Callable[[ServerMessage], None]) -> None:
        self.broadcast = broadcast

    def send(self, message: Message) -> None:
        """Tell of an end; never waits."""
        status, number, _ = message
        if status & 0xF0 == NOTE_OFF:
            self.broadcast({"type": "off", "pitch": number, "at": time.monotonic()})
        elif number == ALL_NOTES_OFF:
            self.broadcast({"type": "silence", "at": time.monotonic()})

    def close(self) -> None:
        """Do nothing: pages stay."""


class LiveEngine:
    """A model that plays, and what measures a person by it."""

    player: Player
    """From `start` on."""

    def __init__(
        self, model: TrainedModel, shared_state: SharedState, prompt: QuantizedNotes
    ) -> None:
        """Make ready, in silence, while another band may play; a model that cannot start raises here, of any kind.

        Args:
            model: what plays.
            shared_state: where.
            prompt: codes [N, 4] to play on from.
        """
        self.shared_state = shared_state
        self.improviser = Improviser(
            Engine(model), shared_state.controls, prompt, np.random.default_rng()
        )
        self.surprisal = Surprisal(model, shared_state.broadcast)
        self.note_source = BroadcastingSource(
            self.improviser, shared_state.broadcast, self.surprisal.submit
        )

    def start(self) -> None:
        """Play, as the stage is set now; no other band may play there."""
        stage = self.shared_state
        self.improviser.mode, self.improviser.phrase.response_delay = (
            stage.mode,
            stage.response_delay,
        )
        self.note_source.paused = not stage.playing
        self.player = Player(self.note_source, EventPort(stage.broadcast), stage.recorder)
        timeline = self.player.schedule.timeline
        stage.recorder.player_start_time = self.player.schedule.start_time
        self.note_source.time_of = lambda cell: timeline.time_of(cell * TICKS_PER_CELL)
        self.surprisal.start()
        self.player.start()

    def note_on(self, pitch: int, velocity: int) -> bool:
        """Press a key; return whether there was room for it among those that wait."""
        if self.player.events.qsize() >= MAX_PENDING_EVENTS:
            return False
        self.player.note_on(pitch, velocity)
        return True

    def stop(self) -> None:
        """Release all notes and end."""
        self.player.stop()
        self.surprisal.stop()
