"""Play in time with an external clock: its tempo, its beats and its Stop; or without one.

The model has no beats of its own. It follows a clock in three ways: music at REFERENCE_TEMPO of the clock is music at
tempo 1, a response begins on a beat or a bar, and the model rests from Stop to Start or Continue. Of a clock that is lost
the last tempo stays, and responses begin at once. If the port of the clock is gone, the model does not rest either.

A beat is met exactly although onsets are whole cells: the timeline moves by less than a cell when a response begins.
"""

from collections.abc import Callable, Sequence
from typing import Literal, Protocol

from pipeline.live.controls import MAX_TEMPO, MIN_TEMPO
from pipeline.live.midi_clock import REFERENCE_TEMPO, STOP, TICKS_PER_BEAT, MidiClock
from pipeline.live.player import LOOK_AHEAD
from pipeline.live.scheduler import Schedule

Quantize = Literal["off", "beat", "bar"]
BEATS_PER_BAR = 4
"""Quarter notes of a bar; a MIDI clock does not send it."""
QUANTIZE_BEATS: dict[Quantize, int] = {"beat": 1, "bar": BEATS_PER_BAR}
NextBeat = Callable[[float, int], float | None]
"""Function from a clock time [s] and a number of beats to the time of the next multiple; None without a beat."""
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


def align_start(
    schedule: Schedule, find_next_beat: NextBeat, quantize: Quantize, cell: int
) -> int | None:
    """Return the cell of the next beat or bar, for a response that could begin at `cell`.

    Args:
        schedule: what the player sends; moved by less than a cell so that the beat is met.
        find_next_beat: returns the time of the next beat; without one the response begins at once.
        quantize: off, or what the response waits for.
        cell: where the response could begin.

    Returns:
        None as long as the beat is further than the look-ahead.
    """
    if quantize == "off":
        return cell
    earliest = schedule.clock() + LOOK_AHEAD + schedule.output_latency
    start = find_next_beat(earliest, QUANTIZE_BEATS[quantize])
    if start is None:
        return cell
    if start - earliest > START_WINDOW:
        return None
    return schedule.align_cell(start)


class AlignedTime(FreeTime):
    """Time in which nothing but the begin of a response follows a beat."""

    def __init__(self, schedule: Schedule, find_next_beat: NextBeat, quantize: Quantize) -> None:
        """Connect a beat to a player; see `align_start`."""
        self.schedule = schedule
        self.find_next_beat = find_next_beat
        self.quantize = quantize

    def align_start(self, cell: int) -> int | None:
        """Return the cell of the next beat or bar; see `align_start`."""
        return align_start(self.schedule, self.find_next_beat, self.quantize, cell)


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
        self.midi_clock = MidiClock(self.midi_clock.block_seconds)

    def set_block_seconds(self, seconds: float) -> None:
        """Follow ticks that come in blocks of a length [s] from now on; see `MidiClock`."""
        self.midi_clock.block_seconds = seconds

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
        """Return the cell of the next beat or bar; see `align_start`."""
        return align_start(self.schedule, self._find_next_beat, self.quantize, cell)

    def _find_next_beat(self, time: float, multiple: int) -> float | None:
        """Return the time of the next multiple of beats; None if the clock is lost or stopped."""
        return self.midi_clock.next_multiple(time, multiple * TICKS_PER_BEAT)
