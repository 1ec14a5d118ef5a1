"""The queue of notes that will be played: sent at their deadlines, each ended once, each recorded.

One thread adds notes and another sends them; the lock is never held for longer than it takes to send one message.
`active_keys` ends each note once; `timeline` says when a tick is due.

While the sustain pedal of the model is down, a note whose key comes up sounds on until the pedal comes up or its key is
struck again, as for the person in `human_keys`. So every port and the recording get notes as they sound, and no pedal.
"""

import heapq
import threading
from itertools import count
from typing import NamedTuple

from pipeline.live.active_keys import ActiveKeys, Port
from pipeline.live.lateness import LatencyHistogram
from pipeline.live.note_source import PendingNote
from pipeline.live.recorder import MODEL, Recorder
from pipeline.live.timeline import TICKS_PER_CELL, Clock, Timeline
from pipeline.notes.note import PEDAL_HELD, PEDAL_UP

TOLERANCE = 1e-6
"""Seconds before its deadline at which a message may be sent: a sleep may end early by a rounding error."""
MAX_LATE = 0.2
"""Seconds that a note may be late; a later one delays the music, so that missed notes are not sent in a burst."""
MIN_DURATION_TICKS = 4
"""Ticks that a note of duration 0 lasts, as in `quantize`."""
MAX_SUSTAIN_TICKS = 5000
"""Ticks that a pedal that stays down holds a note after its key came up."""
NEVER = float("inf")


class QueuedMessage(NamedTuple):
    """A note on or a note off that is to be sent. Of one tick, note offs come first."""

    tick: int
    is_note_on: int
    """0 or 1."""
    note_id: int
    pitch: int
    velocity: int
    pedal: int
    """Of a note off: up where no pedal can hold the note."""


class Schedule:
    """The messages to be sent, and the notes that are on."""

    def __init__(self, port: Port, recorder: Recorder, clock: Clock) -> None:
        """Start the timeline now, without notes.

        Args:
            port: takes the messages; closed at the end.
            recorder: takes the notes that were played.
            clock: returns seconds; never runs backwards.
        """
        self.port = port
        self.recorder = recorder
        self.clock = clock
        self.start_time = clock()
        self.timeline = Timeline(self.start_time)
        self.active_keys = ActiveKeys(port)
        self.latency = LatencyHistogram()
        self.stalls = 0
        """Number of notes that delayed the music."""
        self.lock = threading.Lock()
        self.queue: list[QueuedMessage] = []
        self.is_pedal_down = False
        self.sustained: dict[int, int] = {}
        """Pitch of a note that the pedal holds to its id."""
        self.active_notes: dict[int, tuple[float, int, int]] = {}
        """Id of a note that is on to its onset [s], pitch and velocity."""
        self.thru_notes: dict[int, int] = {}
        """Pitch of a note of the person that was sent to its id; it may have ended."""
        self.output_latency = 0.0
        """Seconds that messages are sent before they are due."""
        self.note_ids = count()
        self.closed = False

    def grid_position(self, time: float) -> int:
        """Return the cell at a clock time [s]."""
        with self.lock:
            return self.timeline.tick_at(time) // TICKS_PER_CELL

    def align_cell(self, time: float) -> int:
        """Move the music by less than a cell, so that a cell begins at a clock time [s]; return that cell."""
        with self.lock:
            cell = self.timeline.tick_at(time) // TICKS_PER_CELL
            self.timeline.delay(cell * TICKS_PER_CELL, time)
            return cell

    def enqueue(self, note: PendingNote) -> None:
        """Add a note; if it is later than MAX_LATE, it is due now, and all notes after it are delayed as much."""
        start = note.onset * TICKS_PER_CELL
        end = start + max(note.duration * TICKS_PER_CELL, MIN_DURATION_TICKS)
        note_id = next(self.note_ids)
        with self.lock:
            if self.closed:
                return
            now = self.clock()
            if self.timeline.time_of(start) < now - MAX_LATE:
                self.timeline.delay(start, now)
                self.stalls += 1
            note_on = QueuedMessage(start, 1, note_id, note.pitch, note.velocity, note.pedal)
            heapq.heappush(self.queue, note_on)
            note_off = QueuedMessage(end, 0, note_id, note.pitch, 0, PEDAL_HELD)
            heapq.heappush(self.queue, note_off)

    def send_due(self) -> float:
        """Send all messages that are due; return the seconds until the next one."""
        while True:
            with self.lock:
                if not self.queue:
                    return NEVER
                due = self.timeline.time_of(self.queue[0].tick)
                wait = due - self.output_latency - self.clock()
                if wait > TOLERANCE:
                    return wait
                message = heapq.heappop(self.queue)
                if message.is_note_on:
                    self._send_note_on(due, message)
                else:
                    self._release_key(due, message)

    def _send_note_on(self, due: float, message: QueuedMessage) -> None:
        """Move the pedal and start a note that is due."""
        self._add_lateness(due)
        if message.pedal != PEDAL_HELD:
            self._end_sustained_notes(due)
        self.is_pedal_down = message.pedal != PEDAL_UP
        self.active_notes[message.note_id] = due, message.pitch, message.velocity
        ended = self.active_keys.note_on(message.pitch, message.velocity, message.note_id)
        self._record_ended_notes(ended, due)

    def _release_key(self, due: float, message: QueuedMessage) -> None:
        """End a note that still sounds, or let the pedal hold it."""
        if self.active_keys.pressed.get(message.pitch) != message.note_id:
            return
        if self.is_pedal_down and message.pedal != PEDAL_UP:
            self.sustained[message.pitch] = message.note_id
            latest_end = message.tick + MAX_SUSTAIN_TICKS
            heapq.heappush(self.queue, message._replace(tick=latest_end, pedal=PEDAL_UP))
            return
        self._add_lateness(due)
        self.active_keys.note_off(message.pitch, message.note_id)
        self._record_ended_notes([message.note_id], due)

    def _add_lateness(self, due: float) -> None:
        """Count a message that is sent now."""
        self.latency.add(self.clock() + self.output_latency - due)

    def _end_sustained_notes(self, due: float) -> None:
        """End the notes that the pedal holds."""
        if not self.sustained:
            return
        for pitch, note_id in self.sustained.items():
            if self.active_keys.note_off(pitch, note_id):
                self._record_ended_notes([note_id], due)
        ended = set(self.sustained.values())
        self.queue = [message for message in self.queue if message.note_id not in ended]
        heapq.heapify(self.queue)
        self.sustained.clear()

    def _clear_queue(self) -> None:
        """Forget all notes that were to come, and the pedal."""
        self.queue.clear()
        self.sustained.clear()
        self.is_pedal_down = False

    def _record_ended_notes(self, note_ids: list[int], time: float) -> None:
        """Record notes that ended at a clock time [s]."""
        for note_id in note_ids:
            if note_id in self.active_notes:  # a note of the person is recorded by the player
                start, pitch, velocity = self.active_notes.pop(note_id)
                self.recorder.add(MODEL, start - self.start_time, time - start, pitch, velocity)

    def set_tempo(self, tempo: float) -> None:
        """Change the tempo, from the next tick on."""
        with self.lock:
            if tempo != self.timeline.tempo:
                self.timeline.set_tempo(tempo, self.clock())

    def start_thru(self, pitch: int, velocity: int) -> Exception | None:
        """Start a note of the person now; return the error of the port."""
        with self.lock:
            if self.closed:
                return None
            note_id = next(self.note_ids)
            self.thru_notes[pitch] = note_id
            try:
                ended = self.active_keys.note_on(pitch, velocity, note_id)
            except Exception as error:  # the caller ends the player, which ends all notes
                return error
            self._record_ended_notes(ended, self.clock())
            return None

    def end_thru(self, pitch: int) -> Exception | None:
        """End a note of the person, if it still sounds; return the error of the port."""
        with self.lock:
            note_id = self.thru_notes.pop(pitch, None)
            if self.closed or note_id is None:
                return None
            try:
                self.active_keys.note_off(pitch, note_id)
            except Exception as error:  # as of `start_thru`
                return error
            return None

    def all_notes_off(self) -> None:
        """End all notes of the model and clear the queue."""
        with self.lock:
            self._clear_queue()
            thru_ids = set(self.thru_notes.values())
            self._record_ended_notes(self.active_keys.all_notes_off(thru_ids), self.clock())

    def panic(self) -> Exception | None:
        """End all notes even if the port fails, clear the queue, lift the pedal; return the first error of the port."""
        with self.lock:
            return self._panic()

    def _panic(self) -> Exception | None:
        """End all notes; see `panic`."""
        self._clear_queue()
        self.thru_notes.clear()
        error = None if self.closed else self.active_keys.panic()
        self._record_ended_notes(list(self.active_notes), self.clock())
        return error

    def close(self) -> Exception | None:
        """End all notes, close the port and take no more notes; return the first error. A second call does nothing."""
        with self.lock:  # once: no note may be sent between the last message and the end
            error = self._panic()
            was_closed = self.closed
            self.closed = True
        if not was_closed:
            try:
                self.port.close()
            except Exception as close_error:  # the port may be gone already
                error = error or close_error
        return error

    @property
    def is_idle(self) -> bool:
        """Whether no note is on and none is in the queue."""
        return not self.queue and not self.active_notes
