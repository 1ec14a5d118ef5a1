"""How late messages went out: counts in bins of 10 µs, so that hours of playing fit in a fixed space."""

from array import array

BIN = 1e-5
"""Width of a bin [s]."""
BINS = 20_000
"""Bins; the last takes all that is later than 0.2 s."""


class Lateness:
    """A histogram of what passed between deadline and message."""

    def __init__(self) -> None:
        self.counts = array("L", [0]) * BINS
        self.count = 0
        self.worst = 0.0
        """Latest of all [s]."""

    def add(self, seconds: float) -> None:
        """Count a message; an early one counts as on time."""
        late = max(seconds, 0.0)
        self.counts[min(int(late / BIN), BINS - 1)] += 1
        self.count += 1
        self.worst = max(self.worst, late)

    def quantile(self, share: float) -> float:
        """Return a time [s] that this share of the messages, 0..1, was not later than; a bin too long at most."""
        reached = 0
        for number, count in enumerate(self.counts[:-1]):
            reached += count
            if count and reached >= share * self.count:
                return min((number + 1) * BIN, self.worst)
        return self.worst

    def __str__(self) -> str:
        """Say it in milliseconds."""
        named = (("p50", 0.5), ("p99", 0.99), ("p99.9", 0.999))
        parts = [f"{name} {1000 * self.quantile(share):.2f}" for name, share in named]
        return f"{self.count:,} messages, late by {', '.join(parts)}, worst {1000 * self.worst:.2f} ms"
