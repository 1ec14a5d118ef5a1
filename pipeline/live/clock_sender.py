"""Send a MIDI clock: Start, 24 ticks a quarter note, and Stop at the end.

Music at tempo 1 is REFERENCE_TEMPO, as with a clock that is followed. Deadlines are absolute: each is the last change of
tempo plus a whole number of periods, so errors do not add up. If a tick is later than MAX_LATE, because the program was
stopped, the clock goes on at the next sixteenth note, after Stop, Song Position Pointer and Continue: receivers that
count ticks and those that measure times have the same beats then, without a burst of ticks. A port that fails ends the
player, as that of the synthesizer does.

All times are clock times [s].
"""

import math
import time
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import NamedTuple, Self

from pipeline.live.midi_clock import (
    CONTINUE,
    REFERENCE_TEMPO,
    SONG_POSITION,
    START,
    STOP,
    TICK,
    TICKS_PER_BEAT,
    TICKS_PER_POSITION,
)
from pipeline.live.midi_ports import OutputPort
from pipeline.live.scheduler import MAX_LATE, TOLERANCE
from pipeline.live.timeline import Clock
from pipeline.live.worker import Worker, poll

START_SECONDS = 0.01
"""Seconds from Start to the first tick: the standard asks for 0.001 at least."""
NUM_POSITIONS = 128 * 128
"""Values of the Song Position Pointer; it wraps on a bar."""


class TempoLine(NamedTuple):
    """When ticks are due since the last change of tempo."""

    tick: int
    """First tick of the tempo."""
    time: float
    """When that tick is due."""
    tempo: float
    """1 is REFERENCE_TEMPO."""

    @property
    def period(self) -> float:
        """Seconds between two ticks."""
        return 60 / (REFERENCE_TEMPO * self.tempo * TICKS_PER_BEAT)

    def time_of(self, tick: int) -> float:
        """Return when a tick is due."""
        return self.time + (tick - self.tick) * self.period

    def tick_at(self, time: float) -> float:
        """Return the tick at a time, with its fraction."""
        return self.tick + (time - self.time) / self.period


class ClockSender:
    """A clock that runs in a thread of its own while its context is entered."""

    def __init__(
        self,
        port: OutputPort,
        read_tempo: Callable[[], float],
        stop_with_error: Callable[[Exception], None],
        clock: Clock = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Prepare; nothing is sent yet.

        Args:
            port: takes the messages; closed at the end.
            read_tempo: returns the tempo of the music, above 0.
            stop_with_error: ends the player, if the port fails.
            clock: returns seconds; never runs backwards.
            sleep: waits for a number of seconds.
        """
        self.port = port
        self.read_tempo = read_tempo
        self.stop_with_error = stop_with_error
        self.clock = clock
        self.sleep = sleep
        self.tick = 0
        """Number of the next tick."""
        self.line = TempoLine(0, clock(), read_tempo())
        """Replaced as a whole, so that another thread may read it."""
        self.stopping = False
        self.worker = Worker(self.run)

    def __enter__(self) -> Self:
        """Start the thread."""
        self.worker.start()
        return self

    def __exit__(
        self,
        error_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Send Stop and end the thread."""
        self.stopping = True
        self.worker.join()

    def run(self) -> None:
        """Send Start, ticks until `stopping` is true, and Stop, then close the port."""
        try:
            self._send_until_stopped()
        except Exception as error:  # any fault of a port
            self.stop_with_error(error)
        finally:
            with suppress(Exception):  # the port may be gone
                self.port.send((STOP,))
            self.port.close()

    def find_next_beat(self, time: float, multiple: int) -> float:
        """Return when the next beat is due, at or after a time, whose number since Start is a multiple."""
        line = self.line
        num_ticks = multiple * TICKS_PER_BEAT
        return line.time_of(math.ceil(line.tick_at(time) / num_ticks) * num_ticks)

    def send_due(self) -> float:
        """Send the next tick if it is due; return the seconds until the following one."""
        due = self.line.time_of(self.tick)
        now = self.clock()
        if due - now > TOLERANCE:
            return due - now
        if now - due > MAX_LATE:
            return self._skip_to_sixteenth(now)
        self.port.send((TICK,))
        tempo = self.read_tempo()
        if tempo != self.line.tempo:
            self.line = TempoLine(self.tick, due, tempo)
        self.tick += 1
        return max(self.line.time_of(self.tick) - self.clock(), 0.0)

    def _send_until_stopped(self) -> None:
        """Send Start and ticks."""
        self.port.send((START,))
        self.line = self.line._replace(time=self.clock() + START_SECONDS)
        poll(lambda: self.stopping, self.send_due, self.sleep)

    def _skip_to_sixteenth(self, now: float) -> float:
        """Leave out the ticks that are late, send the position to continue at, and return the seconds until it."""
        position = math.floor(self.line.tick_at(now) / TICKS_PER_POSITION) + 1
        self.tick = position * TICKS_PER_POSITION
        high, low = divmod(position % NUM_POSITIONS, 128)
        for message in ((STOP,), (SONG_POSITION, low, high), (CONTINUE,)):
            self.port.send(message)
        return max(self.line.time_of(self.tick) - self.clock(), 0.0)
