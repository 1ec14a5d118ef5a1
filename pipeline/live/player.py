"""Play the notes of a source on a MIDI port: each message at its deadline, and a note off for each note on.

Two threads share a queue of messages (`scheduler`). One draws notes from the source until the queue has those of the
next `LOOK_AHEAD` seconds, so that a slow model delays no message. The other sleeps until the deadline of the next
message, on a monotonic clock, and sends it. Deadlines are absolute (`timeline`): a late message delays no other.

`LOOK_AHEAD` is 0.08 s. That is longer than pauses of a busy machine (a few ms) and steps of slow models (tens of ms),
and short enough that a control acts within 0.1 s, because a note further ahead is drawn again. It is a time and not a
number of notes: eight notes may be one chord or ten seconds.

Clock, sleep and port are arguments: with `timeline.SimulatedClock`, `run_offline` plays hours in seconds in one thread.
"""

import time
from collections import deque
from collections.abc import Callable, Iterator
from queue import SimpleQueue

from pipeline.live.active_keys import Port
from pipeline.live.human_keys import (
    AllKeysReleased,
    HumanKeys,
    KeyboardEvent,
    KeyPressed,
    KeyReleased,
    ModelStopped,
    PedalMoved,
    SoundingNote,
    SoundStopped,
)
from pipeline.live.note_source import NoteSource
from pipeline.live.recorder import HUMAN, Recorder
from pipeline.live.scheduler import Schedule
from pipeline.live.timeline import Clock
from pipeline.live.worker import POLL_SECONDS, Worker, poll

LOOK_AHEAD = 0.08
"""Seconds of music in the queue; notes further ahead can still change."""
MAX_ONSETS = 128
"""Last notes of the person whose onsets are kept."""


class Player:
    """Plays the notes of a source until it is stopped."""

    def __init__(
        self,
        source: NoteSource,
        port: Port,
        recorder: Recorder,
        clock: Clock = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Start the timeline now, without notes.

        Args:
            source: gives the notes.
            port: takes the messages; closed at the end.
            recorder: takes the notes that were played.
            clock: returns seconds; never runs backwards.
            sleep: waits for a number of seconds.
        """
        self.source = source
        self.recorder = recorder
        self.clock = clock
        self.sleep = sleep
        self.schedule = Schedule(port, recorder, clock)
        self.events: SimpleQueue[KeyboardEvent] = SimpleQueue()
        """Events of the person that the source does not know yet."""
        self.human_keys = HumanKeys()
        self.human_onsets: deque[float] = deque(maxlen=MAX_ONSETS)
        """Clock times [s] of the last notes of the person."""
        self.report_human_note: Callable[[int, int], None] = lambda pitch, velocity: None
        """Takes pitch and velocity of each note of the person, velocity 0 at its end."""
        self.stopping = False
        """Set it to end the player; that is safe in a signal handler, `stop` is not."""
        self.is_drawn = False
        """Whether the source is done and the queue has all its notes."""
        self.end_time: float | None = None
        """Clock time at which all notes were ended [s]; None while it plays."""
        self.error: Exception | None = None
        """Error that ended the player, if one did."""
        self.worker = Worker()

    @property
    def running(self) -> bool:
        """Whether the port is open."""
        return not self.schedule.closed

    def start(self) -> None:
        """Play in two new threads."""
        self.worker = Worker(self._fill_until_stopped, self._send_until_stopped)
        self.worker.start()

    def run(self) -> None:
        """Send in this thread, and draw in another, until the source is done or `stopping` is true.

        Raises:
            Exception: error of the source or the port, after all notes were ended.
        """
        self.worker = Worker(self._fill_until_stopped)
        self.worker.start()
        self._send_until_stopped()
        self.stop()
        if self.error:
            raise self.error

    def run_offline(self) -> None:
        """Draw and send in this thread; with a simulated clock that takes only the time of the model.

        Raises:
            Exception: as of `run`.
        """
        self._send_until_stopped(self.fill_queue)
        self._end_held_notes()
        if self.error:
            raise self.error

    def stop(self) -> None:
        """End all notes and the threads. A second call does nothing."""
        self.stopping = True
        self.worker.join()
        self._close_port()
        self._end_held_notes()

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
        """End all notes of the model now, and those of the person; then play on."""
        self.stop_with_error(self.schedule.panic())
        self.events.put(SoundStopped(self.clock()))

    def end_model_notes(self) -> None:
        """Queue the end of all notes of the model; those of the person go on."""
        self.events.put(ModelStopped(self.clock()))

    def fill_queue(self) -> None:
        """Handle what a person did, then draw the notes up to the look-ahead."""
        self.schedule.set_tempo(self.source.tempo)
        for event in self._take_events():
            self._handle_event(event)
        look_ahead = LOOK_AHEAD + self.schedule.output_latency
        floor = self.schedule.grid_position(self.clock() + look_ahead)
        while (note := self.source.peek(floor)) and note.onset <= floor and not self.stopping:
            self.source.commit()
            self.schedule.enqueue(note)
        self.is_drawn = self.source.done

    def _take_events(self) -> Iterator[KeyboardEvent]:
        """Yield the events that the queue holds now; those that come meanwhile are of the next step."""
        for _ in range(self.events.qsize()):
            yield self.events.get_nowait()

    def _handle_event(self, event: KeyboardEvent) -> None:
        """Pass one event on to the source and the recording."""
        match event:
            case KeyPressed():
                self._start_human_note(event)
            case KeyReleased(time, pitch):
                self._end_human_notes(self.human_keys.release(pitch, time), time)
            case AllKeysReleased(time):
                self._end_human_notes(self.human_keys.release_all(time), time)
            case PedalMoved(time, is_down):
                self._end_human_notes(self.human_keys.move_pedal(is_down), time)
            case SoundStopped(time):
                self.schedule.all_notes_off()  # a note that was drawn while the panic was sent
                self._end_human_notes(self.human_keys.stop(), time)
                self.source.end_turn()
                self.source.cut_at(self.schedule.grid_position(time))
            case ModelStopped():
                self._end_model_notes()

    def _start_human_note(self, event: KeyPressed) -> None:
        """Start a note of the person, which may silence the model."""
        self._end_human_notes([event.pitch], event.time)
        self.human_onsets.append(event.time)
        self.report_human_note(event.pitch, event.velocity)
        self.human_keys.press(event.pitch, event.velocity, event.time)
        cell = self.schedule.grid_position(event.time)
        pedal = self.human_keys.sounding[event.pitch].pedal
        if self.source.note_on(cell, event.pitch, event.velocity, pedal):
            self._end_model_notes()

    def _end_model_notes(self) -> None:
        """End the notes of the model now, and drop those of the source that were not played."""
        self.schedule.all_notes_off()
        self.source.cut_at(self.schedule.grid_position(self.clock()))

    def _end_human_notes(self, pitches: list[int], time: float) -> None:
        """End those notes of the person that sound, at a clock time [s]."""
        for pitch in pitches:
            if note := self.human_keys.take(pitch):
                self._record_human_note(pitch, note, time)
                self.report_human_note(pitch, 0)
                key_up = time if note.key_up is None else note.key_up
                cells = self.schedule.grid_position(time), self.schedule.grid_position(key_up)
                self.source.note_off(cells[0], pitch, cells[1])

    def _record_human_note(self, pitch: int, note: SoundingNote, end: float) -> None:
        """Record a note of the person that ends at a clock time [s]."""
        onset = note.start - self.schedule.start_time
        self.recorder.add(HUMAN, onset, end - note.start, pitch, note.velocity)

    def _fill_until_stopped(self) -> None:
        """Draw notes until the player ends."""
        try:
            poll(lambda: self.stopping, self._fill_step, self.sleep)
        except Exception as error:  # any fault of a model; the other thread must end all notes
            self.stop_with_error(error)

    def _fill_step(self) -> float:
        """Draw the notes that are needed now; return the seconds until the next time."""
        self.fill_queue()
        return POLL_SECONDS

    def _send_until_stopped(self, before_send: Callable[[], None] = lambda: None) -> None:
        """Send messages at their deadlines until the player ends, then end all notes."""

        def send_step() -> float:
            before_send()
            wait = self.schedule.send_due()
            if self.is_drawn and self.schedule.is_idle:
                self.stopping = True
                return 0.0
            return wait

        try:
            poll(lambda: self.stopping, send_step, self.sleep)
        except Exception as error:  # any fault of a port, or of a model in `run_offline`
            self.stop_with_error(error)
        finally:
            self._close_port()

    def _close_port(self) -> None:
        """End all notes and close the port."""
        self.stopping = True
        if self.end_time is None:
            self.end_time = self.clock()
        self.stop_with_error(self.schedule.close())

    def _end_held_notes(self) -> None:
        """Record the notes that the person held to the end, after the thread that draws has ended."""
        assert self.end_time is not None
        for pitch in self.human_keys.stop():
            if note := self.human_keys.take(pitch):
                self._record_human_note(pitch, note, max(self.end_time, note.start))
                self.report_human_note(pitch, 0)

    def stop_with_error(self, error: Exception | None) -> None:
        """Keep the first error and end the player; nothing happens without an error."""
        if error:
            self.error = self.error or error
            self.stopping = True
