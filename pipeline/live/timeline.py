"""Music time and clock time: each is a linear function of the other between two changes of tempo.

Music time is counted in whole ticks of a millisecond since the player started. A deadline is computed from the last
change of tempo by one product and one sum. So errors do not add up over hours, and equal ticks have equal deadlines.
"""

import math
from collections.abc import Callable

from pipeline.notes.quantize import GRID_SECONDS

TICKS_PER_CELL = 10
"""Ticks in a cell of the time grid."""
TICK_SECONDS = GRID_SECONDS / TICKS_PER_CELL
"""Seconds of a tick at tempo 1."""

Clock = Callable[[], float]
"""Returns seconds; only differences have a meaning, and it never runs backwards."""


class Timeline:
    """When each tick of the music is due."""

    def __init__(self, start_time: float) -> None:
        """Start at tick 0, tempo 1.

        Args:
            start_time: clock time of tick 0 [s].
        """
        self.change_tick = 0
        """First tick of the current tempo."""
        self.change_time = start_time
        """Clock time of that tick [s]."""
        self.tempo = 1.0
        self.previous_tempo = 1.0
        """Tempo before that tick: messages that were due before it may be sent after it."""

    def time_of(self, tick: int) -> float:
        """Return the clock time of a tick [s]."""
        num_ticks = tick - self.change_tick
        tempo = self.tempo if num_ticks >= 0 else self.previous_tempo
        return self.change_time + num_ticks * TICK_SECONDS / tempo

    def tick_at(self, time: float) -> int:
        """Return the last tick that is due at a clock time [s]."""
        seconds = time - self.change_time
        tempo = self.tempo if seconds >= 0 else self.previous_tempo
        return self.change_tick + math.floor(seconds * tempo / TICK_SECONDS)

    def set_tempo(self, tempo: float, now: float) -> None:
        """Change the tempo from the next tick on; the deadlines before it stay."""
        tick = self.tick_at(now) + 1
        if tick > self.change_tick:
            self.change_time = self.time_of(tick)
            self.change_tick = tick
            self.previous_tempo = self.tempo
        self.tempo = tempo

    def delay(self, tick: int, now: float) -> None:
        """Make a tick due now, and delay all later ones as much."""
        self.change_tick = tick
        self.change_time = now
        self.previous_tempo = self.tempo


class SimulatedClock:
    """A clock that advances only while a caller sleeps, for playing offline and for tests."""

    def __init__(self, now: float = 0.0) -> None:
        self.now = now
        """Seconds."""

    def __call__(self) -> float:
        """Return the time [s]."""
        return self.now

    def sleep(self, seconds: float) -> None:
        """Advance the clock."""
        self.now += max(seconds, 0.0)
