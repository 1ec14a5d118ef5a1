"""How late messages went out: counts in bins of 10 µs, so that hours of playing fit in a fixed space."""

from array import array

BIN_SECONDS = 1e-5
"""Width of a bin [s]."""
NUM_BINS = 20_000
"""Bins; the last takes all that is later than 0.2 s."""


class LatencyHistogram:
    """A histogram of what passed between deadline and message."""

    def __init__(self) -> None:
        self.counts = array("L", [0]) * NUM_BINS
        self.count = 0
        self.max_seconds = 0.0
        """Latest of all [s]."""

    def add(self, seconds: float) -> None:
        """Count a message; an early one counts as on time."""
        late = max(seconds, 0.0)
        self.counts[min(int(late / BIN_SECONDS), NUM_BINS - 1)] += 1
        self.count += 1
        self.max_seconds = max(self.max_seconds, late)

    def quantile(self, fraction: float) -> float:
        """Return a time [s] that this share of the messages, 0..1, was not later than; a bin too long at most."""
        reached = 0
        for number, count in enumerate(self.counts[:-1]):
            reached += count
            if count and reached >= fraction * self.count:
                return min((number + 1) * BIN_SECONDS, self.max_seconds)
        return self.max_seconds

    def __str__(self) -> str:
        """Say it in milliseconds."""
        named = (("p50", 0.5), ("p99", 0.99), ("p99.9", 0.999))
        parts = [f"{name} {1000 * self.quantile(share):.2f}" for name, share in named]
        return f"{self.count:,} messages, late by {', '.join(parts)}, worst {1000 * self.max_seconds:.2f} ms"
