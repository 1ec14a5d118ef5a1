"""What makes the music of the pages: a model, an improviser, a player, and what measures a person by the model."""

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from pipeline.generation.engine import Engine
from pipeline.live.clock_follower import Quantize
from pipeline.live.controls import Controls
from pipeline.live.improviser import Improviser, Mode
from pipeline.live.player import Player
from pipeline.live.timeline import TICKS_PER_CELL
from pipeline.models.model_io import TrainedModel
from pipeline.notes.quantize import GRID_SECONDS, QuantizedNotes
from pipeline.studio.beat_grid import BAR_CELLS, BEAT_CELLS, BeatGrid, round_up
from pipeline.studio.broadcasting_source import BroadcastingSource
from pipeline.studio.event_port import EventPort
from pipeline.studio.messages import ServerMessage
from pipeline.studio.recording import TimedRecorder
from pipeline.studio.surprisal import Surprisal

MAX_PENDING_EVENTS = 128
"""Keys that wait to be read by the model; a person presses no more within the time of a note."""


@dataclass
class SharedState:
    """What stays when another engine starts."""

    broadcast: Callable[[ServerMessage], None]
    """Sends a message to the pages; never waits."""
    controls: Controls
    recorder: TimedRecorder
    mode: Mode = "call-response"
    response_delay: float = 0.8
    """Seconds without a key after which a phrase is answered, in mode `call-response`."""
    quantize: Quantize = "off"
    """Where a response begins, in mode `call-response`."""
    playing: bool = True
    """Whether the model plays, or is paused."""


class LiveEngine:
    """A model that plays, and what measures a person by it."""

    player: Player
    """From `start` on."""

    def __init__(
        self, model: TrainedModel, shared_state: SharedState, prompt: QuantizedNotes
    ) -> None:
        """Prepare in silence, while another engine may play; a model that cannot start raises any exception here.

        Args:
            model: what plays.
            shared_state: the state to start in.
            prompt: quantized notes [N, 5] to go on from.
        """
        self.shared_state = shared_state
        self.improviser = Improviser(
            Engine(model), shared_state.controls, prompt, np.random.default_rng()
        )
        self.beat_grid = BeatGrid(shared_state.controls)
        self.improviser.time_keeper = self.beat_grid
        self.surprisal = Surprisal(model, shared_state.broadcast)
        self.note_source = BroadcastingSource(
            self.improviser,
            shared_state.broadcast,
            self.surprisal.submit,
            model.config.model_pedal,
        )

    def start(self) -> None:
        """Play; no other engine may play in this state."""
        state = self.shared_state
        self.set_mode(state.mode)
        self.set_response_delay(state.response_delay)
        self.set_quantize(state.quantize)
        self.set_playing(state.playing)
        self.player = Player(self.note_source, EventPort(state.broadcast), state.recorder)
        timeline = self.player.schedule.timeline
        state.recorder.player_start_time = self.player.schedule.start_time
        self.note_source.time_of = lambda cell: timeline.time_of(cell * TICKS_PER_CELL)
        self.surprisal.start()
        self.player.start()

    def stop(self) -> None:
        """End all notes and the threads."""
        self.player.stop()
        self.note_source.stop(self.player.schedule.grid_position(time.monotonic()))
        self.surprisal.stop()

    @property
    def error(self) -> Exception | None:
        """What ended the music, if an error did."""
        return self.player.error

    def note_on(self, pitch: int, velocity: int) -> bool:
        """Press a key; return False if too many keys wait already and this one is ignored."""
        if self.player.events.qsize() >= MAX_PENDING_EVENTS:
            return False
        self.player.note_on(pitch, velocity)
        return True

    def note_off(self, pitch: int) -> None:
        """Release a key."""
        self.player.note_off(pitch)

    def panic(self) -> None:
        """End all notes now."""
        self.player.panic()

    def set_mode(self, mode: Mode) -> None:
        """Change who plays when."""
        self.improviser.mode = mode

    def set_playing(self, playing: bool) -> None:
        """Let the model play, or pause it."""
        self.note_source.paused = not playing

    def set_response_delay(self, seconds: float) -> None:
        """Change the silence after which a phrase is answered."""
        self.improviser.phrase.response_delay = seconds

    def set_quantize(self, quantize: Quantize) -> None:
        """Change where a response begins."""
        self.beat_grid.quantize = quantize

    def find_next_bar(self) -> tuple[float, float]:
        """Return the clock time at which the next bar begins, and the length of a beat [s]."""
        schedule = self.player.schedule
        bar = round_up(schedule.grid_position(time.monotonic()), BAR_CELLS)
        with schedule.lock:
            start = schedule.timeline.time_of(bar * TICKS_PER_CELL)
            return start, BEAT_CELLS * GRID_SECONDS / schedule.timeline.tempo

    def set_control_revision(self, revision: int) -> None:
        """Mark the notes that are drawn from now on with a change of the controls."""
        self.note_source.control_revision = revision

    def recent_notes(self) -> QuantizedNotes:
        """Return the last notes of both players, quantized [N, 5]."""
        return self.improviser.recent_notes()
