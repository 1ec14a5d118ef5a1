"""Music time and clock time: two straight lines that meet wherever the tempo changes.

Music time is counted in whole ticks of a millisecond since the player began, and is never a sum of floats: the deadline
of a message is one product and one sum away from where the tempo last changed. So hours of notes cannot drift, and a
deadline asked twice is the same to the last bit.
"""

import math
from collections.abc import Callable

from pipeline.notes.quantize import GRID_SECONDS

TICKS_PER_CELL = 10
"""Ticks in a cell of the time grid."""
TICK_SECONDS = GRID_SECONDS / TICKS_PER_CELL
"""Seconds of a tick at tempo 1."""

Clock = Callable[[], float]
"""Returns seconds; only differences mean something, and it never runs backwards."""


class Timeline:
    """When each tick of the music is due."""

    def __init__(self, start_time: float) -> None:
        """Begin at tick 0, tempo 1.

        Args:
            start_time: clock time of tick 0 [s].
        """
        self.change_tick = 0
        """Where the tempo last changed."""
        self.change_time = start_time
        """When that was [s]."""
        self.tempo = 1.0
        self.previous_tempo = 1.0
        """Tempo up to there: what was due by then may be sent a moment later."""

    def time_of(self, tick: int) -> float:
        """Return the clock time of a tick [s]."""
        ahead = tick - self.change_tick
        return self.change_time + ahead * TICK_SECONDS / (
            self.tempo if ahead >= 0 else self.previous_tempo
        )

    def tick_at(self, time: float) -> int:
        """Return the last tick that is due at a clock time [s]."""
        ahead = time - self.change_time
        return self.change_tick + math.floor(
            ahead * (self.tempo if ahead >= 0 else self.previous_tempo) / TICK_SECONDS
        )

    def set_tempo(self, tempo: float, now: float) -> None:
        """Change the tempo from the next tick on: what was due up to there stays due when it was."""
        tick = self.tick_at(now) + 1
        if tick > self.change_tick:
            self.change_tick, self.change_time, self.previous_tempo = (
                tick,
                self.time_of(tick),
                self.tempo,
            )
        self.tempo = tempo

    def delay(self, tick: int, now: float) -> None:
        """Make a tick due now, and all later ones later by as much: what was missed is not played in a burst."""
        self.change_tick, self.change_time, self.previous_tempo = tick, now, self.tempo


class SimulatedClock:
    """A clock that stands still until someone sleeps: music as fast as it can be thought, and tests without waiting."""

    def __init__(self, now: float = 0.0) -> None:
        self.now = now
        """Seconds."""

    def __call__(self) -> float:
        """Return the time [s]."""
        return self.now

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        self.now += max(seconds, 0.0)
