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
from pipeline.live.timeline import TICKS
from pipeline.models.model_io import TrainedModel
from pipeline.notes.quantize import QuantizedNotes
from pipeline.studio.client_queue import Frame
from pipeline.studio.event_port import Witness
from pipeline.studio.recording import Take
from pipeline.studio.surprisal import Surprise

RELEASED = 123
"""Control change: all notes off."""


@dataclass
class Stage:
    """What a band finds where it plays, and what stays when another comes."""

    tell: Callable[[Frame], None]
    """Takes frames for the pages; never waits."""
    live: Controls
    take: Take
    mode: Mode = "duet"
    rest: float = 0.8
    """Seconds without a key after which a duet is answered."""
    playing: bool = True
    """Whether the model plays, or rests."""


class Ears:
    """The port of the player: pages know when notes begin, so they are told when notes end, planned or not."""

    def __init__(self, tell: Callable[[Frame], None]) -> None:
        self.tell = tell

    def send(self, message: Message) -> None:
        """Tell of an end; never waits."""
        status, number, _ = message
        if status & 0xF0 == NOTE_OFF:
            self.tell({"type": "off", "pitch": number, "at": time.monotonic()})
        elif number == RELEASED:
            self.tell({"type": "silence", "at": time.monotonic()})

    def close(self) -> None:
        """Do nothing: pages stay."""


class Band:
    """A model that plays, and what measures a person by it."""

    player: Player
    """From `start` on."""

    def __init__(self, model: TrainedModel, stage: Stage, prompt: QuantizedNotes) -> None:
        """Make ready, in silence, while another band may play; a model that cannot start raises here, of any kind.

        Args:
            model: what plays.
            stage: where.
            prompt: codes [N, 4] to play on from.
        """
        self.stage = stage
        self.source = Improviser(Engine(model), stage.live, prompt, np.random.default_rng())
        self.surprise = Surprise(model, stage.tell)
        self.witness = Witness(self.source, stage.tell, self.surprise.judge)

    def start(self) -> None:
        """Play, as the stage is set now; no other band may play there."""
        stage = self.stage
        self.source.mode, self.source.phrase.rest = stage.mode, stage.rest
        self.witness.resting = not stage.playing
        self.player = Player(self.witness, Ears(stage.tell), stage.take)
        timeline = self.player.schedule.timeline
        stage.take.begun = self.player.schedule.begun
        self.witness.due = lambda cell: timeline.due(cell * TICKS)
        self.surprise.start()
        self.player.start()

    def stop(self) -> None:
        """Release all notes and end."""
        self.player.stop()
        self.surprise.stop()
