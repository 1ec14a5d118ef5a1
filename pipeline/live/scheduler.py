"""The notes that are sure, in order of deadline: sent on time, each ended once, each written to the session.

One thread adds notes and another sends them; a lock is held for as long as it takes to send one message and no longer.
Which keys are down, and that each comes up once, is `voices`; when a tick is due is `timeline`.
"""

import heapq
import threading
from itertools import count

from pipeline.live.active_keys import ActiveKeys, Port
from pipeline.live.lateness import LatencyHistogram
from pipeline.live.note_source import PendingNote
from pipeline.live.recorder import MODEL, Recorder
from pipeline.live.timeline import TICKS_PER_CELL, Clock, Timeline

TOLERANCE = 1e-6
"""Seconds that count as on time: a sleep may end a rounding error before its deadline."""
MAX_LATE = 0.2
"""Seconds that a note may come too late before the music waits for it; less is caught up."""
MIN_DURATION_TICKS = 4
"""Ticks that a note of duration 0 sounds, as in `encoding`."""
NEVER = float("inf")


class Schedule:
    """What is to be sent, and what sounds."""

    def __init__(self, port: Port, recorder: Recorder, clock: Clock) -> None:
        """Begin now, in silence.

        Args:
            port: what takes the messages; closed at the end.
            recorder: what remembers the notes that sounded.
            clock: seconds, never backwards.
        """
        self.port = port
        self.recorder = recorder
        self.clock = clock
        self.start_time = clock()
        self.timeline = Timeline(self.start_time)
        self.active_keys = ActiveKeys(port)
        self.latency = LatencyHistogram()
        self.stalls = 0
        """Times that the music waited for its source."""
        self.lock = threading.Lock()
        self.queue: list[tuple[int, int, int, int, int]] = []
        """Tick, 0 for off or 1 for on, number of the note, pitch, velocity: offs come before ons."""
        self.active_notes: dict[int, tuple[float, int, int]] = {}
        """Number of a note to its onset [s], pitch and velocity."""
        self.note_ids = count()
        self.closed = False

    def grid_position(self, time: float) -> int:
        """Return the cell of music at a clock time [s]."""
        with self.lock:
            return self.timeline.tick_at(time) // TICKS_PER_CELL

    def enqueue(self, note: PendingNote) -> None:
        """Put a note in the queue; if it is far too late, it comes now, and all after it later by as much."""
        tick, number = note.onset * TICKS_PER_CELL, next(self.note_ids)
        end = tick + max(note.duration * TICKS_PER_CELL, MIN_DURATION_TICKS)
        with self.lock:
            if self.closed:
                return
            if self.timeline.time_of(tick) < (now := self.clock()) - MAX_LATE:
                self.timeline.delay(tick, now)
                self.stalls += 1
            heapq.heappush(self.queue, (tick, 1, number, note.pitch, note.velocity))
            heapq.heappush(self.queue, (end, 0, number, note.pitch, 0))

    def send_due(self) -> float:
        """Send all that is due; return the seconds until more is."""
        while True:
            with self.lock:
                if not self.queue:
                    return NEVER
                due = self.timeline.time_of(self.queue[0][0])
                if (wait := due - self.clock()) > TOLERANCE:
                    return wait
                self._send_message(due, *heapq.heappop(self.queue)[1:])

    def _send_message(
        self, due: float, is_note_on: int, note_id: int, pitch: int, velocity: int
    ) -> None:
        """Send one message that is due."""
        if is_note_on:
            self.latency.add(self.clock() - due)
            self.active_notes[note_id] = due, pitch, velocity
            self._record_ended_notes(self.active_keys.note_on(pitch, velocity, note_id), due)
        elif self.active_keys.pressed.get(pitch) == note_id:
            self.latency.add(self.clock() - due)
            self.active_keys.note_off(pitch, note_id)
            self._record_ended_notes([note_id], due)

    def _record_ended_notes(self, note_ids: list[int], time: float) -> None:
        """Write notes to the session."""
        for number in note_ids:
            begin, pitch, velocity = self.active_notes.pop(number)
            self.recorder.add(MODEL, begin - self.start_time, time - begin, pitch, velocity)

    def set_tempo(self, tempo: float) -> None:
        """Change the tempo, from the next tick on."""
        with self.lock:
            if tempo != self.timeline.tempo:
                self.timeline.set_tempo(tempo, self.clock())

    def all_notes_off(self) -> None:
        """End all that sounds and drop all that was to come."""
        with self.lock:
            self.queue.clear()
            self._record_ended_notes(self.active_keys.all_notes_off(), self.clock())

    def panic(self) -> Exception | None:
        """Do so whatever the port does, and with the pedal up; return the first error it made."""
        with self.lock:
            self.queue.clear()
            error = None if self.closed else self.active_keys.panic()
            self._record_ended_notes(list(self.active_notes), self.clock())
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
    def is_idle(self) -> bool:
        """Whether nothing sounds and nothing is to come."""
        return not self.queue and not self.active_notes
