"""A limit of events: a burst at once, and then a rate."""

import time
from collections.abc import Callable

Clock = Callable[[], float]


class TokenBucket:
    """Allows a burst of events, and then events at a rate."""

    def __init__(self, rate: float, burst: int, clock: Clock = time.monotonic) -> None:
        """Start full.

        Args:
            rate: events in a second.
            burst: events at once.
            clock: seconds, never backwards.
        """
        self.rate = rate
        self.burst = burst
        self.clock = clock
        self.tokens = float(burst)
        self.updated_at = clock()

    def take(self) -> bool:
        """Take a token, if there is one."""
        self._refill()
        if self.tokens < 1:
            return False
        self.tokens -= 1
        return True

    def reserve(self) -> float:
        """Take a token in any case, and return the seconds to wait until it is there."""
        self._refill()
        self.tokens -= 1
        return max(0.0, -self.tokens / self.rate)

    def _refill(self) -> None:
        now = self.clock()
        self.tokens = min(float(self.burst), self.tokens + (now - self.updated_at) * self.rate)
        self.updated_at = now
