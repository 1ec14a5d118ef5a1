"""Limits of what one page may send: how fast messages are read, and how many of each type are handled.

A page that sends faster is read more slowly, so its messages wait in its own connection and not in this process. Of each
type a page has its own token bucket; a message that finds it empty is ignored and counted. A person does not reach
these limits: a glissando over all 88 keys within a second is inside them.
"""

import time

from pipeline.core.token_bucket import Clock, TokenBucket
from pipeline.studio import messages

READ_RATE, READ_BURST = 1000.0, 1000
"""Messages of a page that are read in a second, and at once."""
DEFAULT_LIMIT = (5.0, 10)
"""Messages of one type that are handled in a second, and at once."""
LIMITS: dict[type[messages.ClientMessage], tuple[float, int]] = {
    messages.NoteOn: (40.0, 88),
    messages.SetControls: (200.0, 200),
    messages.ControlChange: (200.0, 200),
    messages.Ping: (50.0, 100),
    messages.LoadModel: (1.0, 3),
}
"""The same for types that come more or less often."""


class MessageLimiter:
    """The limits of one page."""

    def __init__(self, clock: Clock = time.monotonic) -> None:
        self.clock = clock
        self.reads = TokenBucket(READ_RATE, READ_BURST, clock)
        self.buckets: dict[type[messages.ClientMessage], TokenBucket] = {}
        self.ignored = 0
        """Messages that were ignored since the page was last told."""

    def allow(self, message: messages.ClientMessage) -> bool:
        """Return whether to handle a message; count it, if not."""
        if isinstance(message, messages.NoteOff):
            return True  # there are no more key releases to handle than key presses
        bucket = self._find_bucket(type(message))
        allowed = bucket.take()
        self.ignored += not allowed
        return allowed

    def take_ignored(self) -> int:
        """Return the number of ignored messages, and count anew."""
        ignored, self.ignored = self.ignored, 0
        return ignored

    def _find_bucket(self, message_type: type[messages.ClientMessage]) -> TokenBucket:
        if message_type not in self.buckets:
            rate, burst = LIMITS.get(message_type, DEFAULT_LIMIT)
            self.buckets[message_type] = TokenBucket(rate, burst, self.clock)
        return self.buckets[message_type]
