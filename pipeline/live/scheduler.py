"""The notes that are sure, in order of deadline: sent on time, each ended once, each written to the session.

One thread adds notes and another sends them; a lock is held for as long as it takes to send one message and no longer.
Which keys are down, and that each comes up once, is `voices`; when a tick is due is `timeline`.
"""

import heapq
import threading
from itertools import count

from pipeline.live.active_keys import Port, Voices
from pipeline.live.lateness import Lateness
from pipeline.live.note_source import Draft
from pipeline.live.recorder import MODEL, Session
from pipeline.live.timeline import TICKS, Clock, Timeline

EARLY = 1e-6
"""Seconds that count as on time: a sleep may end a rounding error before its deadline."""
STALL = 0.2
"""Seconds that a note may come too late before the music waits for it; less is caught up."""
SHORTEST = 4
"""Ticks that a note of duration 0 sounds, as in `encoding`."""
NEVER = float("inf")


class Schedule:
    """What is to be sent, and what sounds."""

    def __init__(self, port: Port, log: Session, clock: Clock) -> None:
        """Begin now, in silence.

        Args:
            port: what takes the messages; closed at the end.
            log: what remembers the notes that sounded.
            clock: seconds, never backwards.
        """
        self.port = port
        self.log = log
        self.clock = clock
        self.begun = clock()
        self.timeline = Timeline(self.begun)
        self.voices = Voices(port)
        self.lateness = Lateness()
        self.slips = 0
        """Times that the music waited for its source."""
        self.lock = threading.Lock()
        self.queue: list[tuple[int, int, int, int, int]] = []
        """Tick, 0 for off or 1 for on, number of the note, pitch, velocity: offs come before ons."""
        self.sounding: dict[int, tuple[float, int, int]] = {}
        """Number of a note to its onset [s], pitch and velocity."""
        self.numbers = count()
        self.closed = False

    def cell(self, time: float) -> int:
        """Return the cell of music at a clock time [s]."""
        with self.lock:
            return self.timeline.at(time) // TICKS

    def add(self, draft: Draft) -> None:
        """Put a note in the queue; if it is far too late, it comes now, and all after it later by as much."""
        tick, number = draft.onset * TICKS, next(self.numbers)
        end = tick + max(draft.duration * TICKS, SHORTEST)
        with self.lock:
            if self.closed:
                return
            if self.timeline.due(tick) < (now := self.clock()) - STALL:
                self.timeline.slip(tick, now)
                self.slips += 1
            heapq.heappush(self.queue, (tick, 1, number, draft.pitch, draft.velocity))
            heapq.heappush(self.queue, (end, 0, number, draft.pitch, 0))

    def send(self) -> float:
        """Send all that is due; return the seconds until more is."""
        while True:
            with self.lock:
                if not self.queue:
                    return NEVER
                due = self.timeline.due(self.queue[0][0])
                if (wait := due - self.clock()) > EARLY:
                    return wait
                self._send(due, *heapq.heappop(self.queue)[1:])

    def _send(self, due: float, on: int, number: int, pitch: int, velocity: int) -> None:
        """Send one message that is due."""
        if on:
            self.lateness.add(self.clock() - due)
            self.sounding[number] = due, pitch, velocity
            self._ended(self.voices.strike(pitch, velocity, number), due)
        elif self.voices.down.get(pitch) == number:
            self.lateness.add(self.clock() - due)
            self.voices.lift(pitch, number)
            self._ended([number], due)

    def _ended(self, numbers: list[int], time: float) -> None:
        """Write notes to the session."""
        for number in numbers:
            begin, pitch, velocity = self.sounding.pop(number)
            self.log.add(MODEL, begin - self.begun, time - begin, pitch, velocity)

    def pace(self, tempo: float) -> None:
        """Change the tempo, from the next tick on."""
        with self.lock:
            if tempo != self.timeline.tempo:
                self.timeline.change(tempo, self.clock())

    def hush(self) -> None:
        """End all that sounds and drop all that was to come."""
        with self.lock:
            self.queue.clear()
            self._ended(self.voices.release(), self.clock())

    def panic(self) -> Exception | None:
        """Do so whatever the port does, and with the pedal up; return the first error it made."""
        with self.lock:
            self.queue.clear()
            error = None if self.closed else self.voices.silence()
            self._ended(list(self.sounding), self.clock())
            return error

    def close(self) -> Exception | None:
        """Do so, close the port and take no note any more; a second time, nothing."""
        error = self.panic()
        with self.lock:
            first, self.closed = not self.closed, True
        if first:
            try:
                self.port.close()
            except Exception as fault:  # of a port that is gone already
                error = error or fault
        return error

    @property
    def silent(self) -> bool:
        """Whether nothing sounds and nothing is to come."""
        return not self.queue and not self.sounding
