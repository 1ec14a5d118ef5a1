"""Play in time with an external clock: its tempo, its beats and its Stop; or without one.

The model has no beats of its own. It follows a clock in three ways: music at REFERENCE_TEMPO of the clock is music at
tempo 1, a response begins on a beat or a bar, and the model rests from Stop to Start or Continue. Of a clock that is lost
the last tempo stays, and responses begin at once. If the port of the clock is gone, the model does not rest either.

A beat is met exactly although onsets are whole cells: the timeline moves by less than a cell when a response begins.
"""

from collections.abc import Callable, Sequence
from typing import Literal, Protocol

from pipeline.live.controls import MAX_TEMPO, MIN_TEMPO
from pipeline.live.midi_clock import STOP, TICKS_PER_BEAT, MidiClock
from pipeline.live.player import LOOK_AHEAD
from pipeline.live.scheduler import Schedule

Quantize = Literal["off", "beat", "bar"]
BEATS_PER_BAR = 4
"""Quarter notes of a bar; a MIDI clock does not tell them."""
QUANTIZE_TICKS: dict[Quantize, int] = {
    "beat": TICKS_PER_BEAT,
    "bar": BEATS_PER_BAR * TICKS_PER_BEAT,
}
REFERENCE_TEMPO = 120.0
"""Quarter notes a minute of the clock at which the model plays at tempo 1."""
START_WINDOW = 0.05
"""Seconds before the look-ahead reaches a beat in which a response is prepared: several polls of the player."""


class TimeKeeper(Protocol):
    """What a source of notes asks about the time."""

    @property
    def tempo_factor(self) -> float:
        """Factor of the tempo."""

    @property
    def is_stopped(self) -> bool:
        """Whether the model rests."""

    def align_start(self, cell: int) -> int | None:
        """Return the cell at which a response begins that could begin at `cell`; None if it must wait."""


class FreeTime:
    """Time without a clock."""

    tempo_factor = 1.0
    is_stopped = False

    def align_start(self, cell: int) -> int | None:
        """Return the cell: a response begins at once."""
        return cell


class ClockFollower:
    """Time of an external clock."""

    def __init__(
        self,
        schedule: Schedule,
        end_model_notes: Callable[[], None],
        quantize: Quantize = "off",
    ) -> None:
        """Connect a clock to a player.

        Args:
            schedule: what the player sends.
            end_model_notes: called at Stop.
            quantize: where responses begin.
        """
        self.midi_clock = MidiClock()
        self.schedule = schedule
        self.end_model_notes = end_model_notes
        self.quantize = quantize
        self.last_factor = 1.0

    def handle_message(self, message: Sequence[int]) -> None:
        """Follow one message of the clock; the MIDI port calls it in a thread of its own."""
        self.midi_clock.handle_message(self.schedule.clock(), message)
        if message[0] == STOP:
            self.end_model_notes()

    def handle_loss(self) -> None:
        """Forget the clock, because its port is gone; only its tempo stays."""
        self.midi_clock = MidiClock()

    @property
    def tempo_factor(self) -> float:
        """Tempo of the clock as a factor of REFERENCE_TEMPO; the last one if the clock is lost."""
        tempo = self.midi_clock.beats_per_minute(self.schedule.clock())
        if tempo is not None:
            self.last_factor = min(max(tempo / REFERENCE_TEMPO, MIN_TEMPO), MAX_TEMPO)
        return self.last_factor

    @property
    def is_stopped(self) -> bool:
        """Whether the clock was stopped."""
        return self.midi_clock.is_stopped

    def align_start(self, cell: int) -> int | None:
        """Return the cell of the next beat or bar; None as long as it is further than the look-ahead."""
        if self.quantize == "off":
            return cell
        earliest = self.schedule.clock() + LOOK_AHEAD + self.schedule.output_latency
        start = self.midi_clock.next_multiple(earliest, QUANTIZE_TICKS[self.quantize])
        if start is None:
            return cell
        if start - earliest > START_WINDOW:
            return None
        return self.schedule.align_cell(start)
