"""A take: what both played between the press of a button and the next, whatever model played."""

import threading

from pipeline.live.recorder import Session

NEVER = float("inf")


class Take(Session):
    """A session that takes notes down only while it records, with times from the beginning of the take."""

    def __init__(self) -> None:
        super().__init__()
        self.begun = 0.0
        """Clock time from which the player that now plays counts [s]."""
        self.since, self.until = NEVER, NEVER
        """Clock times of the take [s]."""
        self.switch = threading.Lock()

    @property
    def recording(self) -> bool:
        """Whether a take goes on."""
        return self.since < NEVER and self.until == NEVER

    def begin(self, now: float) -> None:
        """Begin a new take at a clock time [s]; the one before is gone."""
        with self.switch:
            fresh = Session()
            self.times, self.keys = fresh.times, fresh.keys
            self.since, self.until = now, NEVER

    def end(self, now: float) -> None:
        """End the take; a note that began in it and still sounds is taken down when it ends."""
        with self.switch:
            self.until = min(self.until, now)

    def add(self, who: int, onset: float, duration: float, pitch: int, velocity: int) -> None:
        """Add a note that began in the take, `onset` from the begin of the player."""
        with self.switch:
            at = self.begun + onset
            if self.since <= at < self.until:
                super().add(who, at - self.since, duration, pitch, velocity)
