"""How late messages were sent: a histogram with bins of 10 µs, of the same size after any time."""

from array import array

BIN_SECONDS = 1e-5
"""Width of a bin [s]."""
NUM_BINS = 20_000
"""Number of bins; the last counts all messages later than 0.2 s."""


class LatencyHistogram:
    """A histogram of the times between deadline and message."""

    def __init__(self) -> None:
        self.counts = array("L", [0]) * NUM_BINS
        self.count = 0
        self.max_seconds = 0.0
        """Lateness of the latest message [s]."""

    def add(self, seconds: float) -> None:
        """Count a message; an early one counts as on time."""
        late = max(seconds, 0.0)
        self.counts[min(int(late / BIN_SECONDS), NUM_BINS - 1)] += 1
        self.count += 1
        self.max_seconds = max(self.max_seconds, late)

    def quantile(self, fraction: float) -> float:
        """Return the lateness [s] that this fraction of the messages did not exceed, rounded up to a bin."""
        reached = 0
        for number, count in enumerate(self.counts[:-1]):
            reached += count
            if count and reached >= fraction * self.count:
                return min((number + 1) * BIN_SECONDS, self.max_seconds)
        return self.max_seconds

    def __str__(self) -> str:
        """Return quantiles in milliseconds."""
        fractions = {"p50": 0.5, "p99": 0.99, "p99.9": 0.999}
        parts = [f"{name} {1000 * self.quantile(part):.2f}" for name, part in fractions.items()]
        maximum = 1000 * self.max_seconds
        return f"{self.count:,} messages, late by {', '.join(parts)}, max {maximum:.2f} ms"
