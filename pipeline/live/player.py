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
from collections.abc import Callable, Iterator
from contextlib import suppress
from queue import Empty, SimpleQueue

from pipeline.live.active_keys import Port
from pipeline.live.human_keys import (
    AllKeysReleased,
    HumanKeys,
    KeyboardEvent,
    KeyPressed,
    KeyReleased,
    PedalMoved,
    SoundStopped,
)
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
        self.events: SimpleQueue[KeyboardEvent] = SimpleQueue()
        """What a person did, until the source learns of it."""
        self.human_keys = HumanKeys()
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
        """Queue a key that a person presses: pitch 0..127, velocity 1..127."""
        self.events.put(KeyPressed(self.clock(), pitch, velocity))

    def note_off(self, pitch: int) -> None:
        """Queue a key that a person releases."""
        self.events.put(KeyReleased(self.clock(), pitch))

    def release_keys(self) -> None:
        """Queue the release of all keys that a person holds; the model plays on."""
        self.events.put(AllKeysReleased(self.clock()))

    def move_pedal(self, is_down: bool) -> None:
        """Queue a move of the person's sustain pedal."""
        self.events.put(PedalMoved(self.clock(), is_down))

    def panic(self) -> None:
        """Silence the model at once, and end what the person holds; then play on."""
        self.stop_with_error(self.schedule.panic())
        self.events.put(SoundStopped(self.clock()))

    def fill_queue(self) -> None:
        """Handle what a person did, then draw the notes up to the look-ahead."""
        self.schedule.set_tempo(self.source.tempo)
        for event in self._take_events():
            self._handle_event(event)
        floor = self.schedule.grid_position(self.clock() + LOOK_AHEAD)
        while (note := self.source.peek(floor)) and note.onset <= floor and not self.stopping:
            self.source.commit()
            self.schedule.enqueue(note)

    def _take_events(self) -> Iterator[KeyboardEvent]:
        """Yield the events of the queue until it is empty."""
        with suppress(Empty):
            while True:
                yield self.events.get_nowait()

    def _handle_event(self, event: KeyboardEvent) -> None:
        """Pass one event on to the source and the recording."""
        match event:
            case KeyPressed():
                self._start_human_note(event)
            case KeyReleased(time, pitch):
                self._end_human_notes(self.human_keys.release(pitch), time)
            case AllKeysReleased(time):
                self._end_human_notes(self.human_keys.release_all(), time)
            case PedalMoved(time, is_down):
                self._end_human_notes(self.human_keys.move_pedal(is_down), time)
            case SoundStopped(time):
                self.schedule.all_notes_off()  # a note that was drawn while the panic was sent
                self._end_human_notes(self.human_keys.stop(), time)
                self.source.end_turn()
                self.source.cut_at(self.schedule.grid_position(time))

    def _start_human_note(self, event: KeyPressed) -> None:
        """Start a note of the person, which may silence the model."""
        self._record_human_note(event.pitch, event.time)
        self.human_keys.press(event.pitch, event.velocity, event.time)
        cell = self.schedule.grid_position(event.time)
        if self.source.note_on(cell, event.pitch, event.velocity):
            self.schedule.all_notes_off()
            self.source.cut_at(self.schedule.grid_position(self.clock()))

    def _end_human_notes(self, pitches: list[int], time: float) -> None:
        """End notes of the person at a clock time [s]."""
        for pitch in pitches:
            self._record_human_note(pitch, time)
            self.source.note_off(self.schedule.grid_position(time), pitch)

    def _record_human_note(self, pitch: int, end: float) -> None:
        """Record a note of the person that ends at a clock time [s], if one of this pitch sounds."""
        if note := self.human_keys.take(pitch):
            onset = note.start - self.schedule.start_time
            self.recorder.add(HUMAN, onset, end - note.start, pitch, note.velocity)

    def _fill_until_stopped(self) -> None:
        """Draw notes until it ends."""
        try:
            while not self.stopping:
                self.fill_queue()
                self.sleep(POLL_SECONDS)
        except (
            Exception
        ) as error:  # any fault of a model: the other thread must end in silence, not alone
            self.stop_with_error(error)

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
            self.stop_with_error(error)
        finally:
            self._close_port()

    def _close_port(self) -> None:
        """Silence and close the port, and write what a person still holds."""
        self.stopping = True
        self.stop_with_error(self.schedule.close())
        for pitch in list(self.human_keys.sounding):
            self._record_human_note(pitch, self.clock())

    def stop_with_error(self, error: Exception | None) -> None:
        """Remember the first error, and end."""
        if error:
            self.error = self.error or error
            self.stopping = True
