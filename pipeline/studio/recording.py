"""A take: what both played between the press of a button and the next, whatever model played."""

import threading

from pipeline.live.recorder import Recorder

NEVER = float("inf")


class TimedRecorder(Recorder):
    """A session that takes notes down only while it records, with times from the beginning of the take."""

    def __init__(self) -> None:
        super().__init__()
        self.player_start_time = 0.0
        """Clock time from which the player that now plays counts [s]."""
        self.start_time, self.end_time = NEVER, NEVER
        """Clock times of the take [s]."""
        self.interval_lock = threading.Lock()

    @property
    def is_recording(self) -> bool:
        """Whether a take goes on."""
        return self.start_time < NEVER and self.end_time == NEVER

    def start(self, now: float) -> None:
        """Begin a new take at a clock time [s]; the one before is gone."""
        with self.interval_lock:
            fresh = Recorder()
            self.times, self.note_bytes = fresh.times, fresh.note_bytes
            self.start_time, self.end_time = now, NEVER

    def stop(self, now: float) -> None:
        """End the take; a note that began in it and still sounds is taken down when it ends."""
        with self.interval_lock:
            self.end_time = min(self.end_time, now)

    def add(self, performer: int, onset: float, duration: float, pitch: int, velocity: int) -> None:
        """Add a note that began in the take, `onset` from the begin of the player."""
        with self.interval_lock:
            at = self.player_start_time + onset
            if self.start_time <= at < self.end_time:
                super().add(performer, at - self.start_time, duration, pitch, velocity)
