"""A recording: what both played between two presses of a button, whatever model played."""

import threading

from pipeline.live.recorder import Recorder

NEVER = float("inf")


class TimedRecorder(Recorder):
    """A recorder that keeps notes only while it records, with times from the start of the recording."""

    def __init__(self) -> None:
        super().__init__()
        self.player_start_time = 0.0
        """Clock time from which the present player counts [s]."""
        self.start_time, self.end_time = NEVER, NEVER
        """Clock times of the recording [s]."""
        self.interval_lock = threading.Lock()

    @property
    def is_recording(self) -> bool:
        """Whether it records now."""
        return self.start_time < NEVER and self.end_time == NEVER

    def start(self, now: float) -> None:
        """Start a new recording at a clock time [s]; `share_notes` still has the one before."""
        with self.interval_lock:
            empty = Recorder()
            self.times, self.note_bytes = empty.times, empty.note_bytes
            self.start_time, self.end_time = now, NEVER

    def stop(self, now: float) -> None:
        """Stop the recording; a note that started in it and still sounds is added when it ends."""
        with self.interval_lock:
            self.end_time = min(self.end_time, now)

    @property
    def seconds(self) -> float:
        """Length of a recording that was stopped [s]."""
        return self.end_time - self.start_time

    def share_notes(self) -> Recorder:
        """Return the notes of this recording; one that still sounds appears there too when it ends."""
        shared = Recorder()
        with self.interval_lock:
            shared.lock, shared.times, shared.note_bytes = self.lock, self.times, self.note_bytes
        return shared

    def add(self, performer: int, onset: float, duration: float, pitch: int, velocity: int) -> None:
        """Add a note that started in the recording; `onset` counts from the start of the player."""
        with self.interval_lock:
            clock_time = self.player_start_time + onset
            if self.start_time <= clock_time < self.end_time:
                super().add(performer, clock_time - self.start_time, duration, pitch, velocity)
