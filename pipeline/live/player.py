"""Notes in time: a source of notes on one side, a MIDI port on the other, and no message early, lost or left hanging.

Two threads share a queue of messages (`schedule`). One draws notes from the source until those of the next `LOOK_AHEAD`
seconds are in the queue, so that a slow step of a model delays no message; the other sleeps to the deadline of the next
message, on one monotonic clock, and sends it. Deadlines are absolute (`timeline`): a late message makes no other late,
and nothing drifts.

`LOOK_AHEAD` is 0.08 s: long enough for pauses of a busy machine (a few ms) and for steps of slow models (tens of ms),
short enough that a control acts within 0.1 s, because a note further ahead is not queued but drawn again. It is a time
and not a count of notes, for eight notes may be one chord or ten seconds.

Clock, sleep and port are passed in; with `timeline.Simulated`, `rehearse` plays hours in moments, in one thread.
"""

import threading
import time
from collections.abc import Callable
from queue import Empty, SimpleQueue

from pipeline.live.active_keys import Port
from pipeline.live.note_source import NoteSource
from pipeline.live.recorder import HUMAN, Recorder
from pipeline.live.scheduler import Schedule
from pipeline.live.timeline import Clock

LOOK_AHEAD = 0.08
"""Seconds of music that are sure; what lies further ahead can still change."""
POLL_SECONDS = 0.01
"""Seconds that a thread sleeps at most before it looks again."""
JOIN_TIMEOUT = 5.0
"""Seconds that `stop` waits for a thread."""
NOTE_OFF_EVENT, PANIC_EVENT = 0, -1
"""Velocities that are none: a key let go, a panic."""


class Player:
    """Plays what a source says, until it is stopped."""

    def __init__(
        self,
        source: NoteSource,
        port: Port,
        recorder: Recorder,
        clock: Clock = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Begin now, in silence.

        Args:
            source: what says the notes.
            port: what takes the messages; closed at the end.
            recorder: what remembers the notes that sounded.
            clock: seconds, never backwards.
            sleep: waits for seconds.
        """
        self.source = source
        self.recorder = recorder
        self.clock = clock
        self.sleep = sleep
        self.schedule = Schedule(port, recorder, clock)
        self.events: SimpleQueue[tuple[float, int, int]] = SimpleQueue()
        """What a person did: clock time [s], pitch, velocity or LIFT or PANIC."""
        self.held_keys: dict[int, tuple[float, int]] = {}
        """Keys that a person holds: since when [s], and how hard they were struck."""
        self.stopping = False
        """Set it to end; that is safe in a signal handler, where `stop` is not."""
        self.error: Exception | None = None
        """What ended the player, if an error did."""
        self.threads: list[threading.Thread] = []

    @property
    def running(self) -> bool:
        """Whether it plays."""
        return not self.schedule.closed

    def start(self) -> None:
        """Play in threads of its own."""
        self.threads = [
            threading.Thread(target=each, daemon=True)
            for each in (self._fill_until_stopped, self._send_until_stopped)
        ]
        for thread in self.threads:
            thread.start()

    def run(self) -> None:
        """Play in this thread, and draw in another, until the source is done or `stopping` is true.

        Raises:
            Exception: what the source or the port raised, after all notes were released.
        """
        self.threads = [threading.Thread(target=self._fill_until_stopped, daemon=True)]
        self.threads[0].start()
        self._send_until_stopped()
        self.stop()
        if self.error:
            raise self.error

    def run_offline(self) -> None:
        """Draw and play in this thread: with a clock that waits for nobody, as fast as the source can think.

        Raises:
            Exception: as of `run`.
        """
        self._send_until_stopped(self.fill_queue)
        if self.error:
            raise self.error

    def stop(self) -> None:
        """End, with every note released; a second time, nothing."""
        self.stopping = True
        for thread in self.threads:
            if thread is not threading.current_thread():
                thread.join(JOIN_TIMEOUT)
        self._close_port()

    def note_on(self, pitch: int, velocity: int) -> None:
        """Take note, at once, of a key that a person struck: pitch 0..127, velocity 1..127."""
        self.events.put((self.clock(), pitch, velocity))

    def note_off(self, pitch: int) -> None:
        """Take note of a key that a person let go."""
        self.events.put((self.clock(), pitch, NOTE_OFF_EVENT))

    def panic(self) -> None:
        """Silence everything now, then play on."""
        self._stop_with_error(self.schedule.panic())
        self.events.put((self.clock(), 0, PANIC_EVENT))

    def fill_queue(self) -> None:
        """Hear what a person did, then draw the notes of the time that is to be sure."""
        self.schedule.set_tempo(self.source.tempo)
        while self._handle_event():
            pass
        floor = self.schedule.grid_position(self.clock() + LOOK_AHEAD)
        while (draft := self.source.peek(floor)) and draft.onset <= floor and not self.stopping:
            self.source.commit()
            self.schedule.enqueue(draft)

    def _handle_event(self) -> bool:
        """Hear one thing that a person did, if there is one."""
        try:
            when, pitch, velocity = self.events.get_nowait()
        except Empty:
            return False
        cell = self.schedule.grid_position(when)
        if velocity == PANIC_EVENT:
            self.source.cut_at(cell)
            return True
        self._record_held_note(pitch, when)
        if velocity == NOTE_OFF_EVENT:
            self.source.note_off(cell, pitch)
            return True
        self.held_keys[pitch] = when, velocity
        if self.source.note_on(cell, pitch, velocity):
            self.schedule.all_notes_off()
            self.source.cut_at(self.schedule.grid_position(self.clock()))
        return True

    def _record_held_note(self, pitch: int, clock_time: float) -> None:
        """Write the note of a key that a person held to the session."""
        if pitch in self.held_keys:
            since, velocity = self.held_keys.pop(pitch)
            self.recorder.add(
                HUMAN, since - self.schedule.start_time, clock_time - since, pitch, velocity
            )

    def _fill_until_stopped(self) -> None:
        """Draw notes until it ends."""
        try:
            while not self.stopping:
                self.fill_queue()
                self.sleep(POLL_SECONDS)
        except (
            Exception
        ) as error:  # any fault of a model: the other thread must end in silence, not alone
            self._stop_with_error(error)

    def _send_until_stopped(self, before_send: Callable[[], None] = lambda: None) -> None:
        """Send messages on time until it ends, and then silence the port."""
        try:
            while not self.stopping:
                before_send()
                wait = self.schedule.send_due()
                if self.source.done and self.schedule.is_idle:
                    return
                self.sleep(min(wait, POLL_SECONDS))
        except Exception as error:  # any fault of a port, or of a model in `rehearse`
            self._stop_with_error(error)
        finally:
            self._close_port()

    def _close_port(self) -> None:
        """Silence and close the port, and write what a person still holds."""
        self.stopping = True
        self._stop_with_error(self.schedule.close())
        for pitch in list(self.held_keys):
            self._record_held_note(pitch, self.clock())

    def _stop_with_error(self, error: Exception | None) -> None:
        """Remember the first error, and end."""
        if error:
            self.error = self.error or error
            self.stopping = True
