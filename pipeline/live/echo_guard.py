"""Protection against hearing oneself: a synthesizer may send back what it receives, and the model would answer itself.

A note on that equals one that was sent within ECHO_SECONDS is an echo, and so is the note off that follows it in the same
way. A person who plays the same note at the same velocity at that moment is not heard.
"""

import threading
from collections import deque
from collections.abc import Sequence

from pipeline.live.active_keys import NOTE_OFF, NOTE_ON, Message
from pipeline.live.timeline import Clock

ECHO_SECONDS = 0.05
"""Seconds in which an echo comes back: two cycles of a sound system and the cable."""
MAX_SENT = 256
"""Messages that are kept: more than are sent within ECHO_SECONDS."""
CHANNEL_BITS = 0x0F


def _normalize(message: Sequence[int]) -> Message | None:
    """Return a note on, or a note off in the one form for all; None for another message."""
    kind, channel = message[0] & 0xF0, message[0] & CHANNEL_BITS
    if kind == NOTE_ON and message[2]:
        return message[0], message[1], message[2]
    if kind in (NOTE_ON, NOTE_OFF):
        return NOTE_OFF | channel, message[1], 0
    return None


class EchoGuard:
    """Tells which messages came back; one thread adds those that are sent and another asks."""

    def __init__(self, clock: Clock) -> None:
        """Start with nothing sent.

        Args:
            clock: returns seconds.
        """
        self.clock = clock
        self.lock = threading.Lock()
        self.sent: deque[tuple[float, Message]] = deque(maxlen=MAX_SENT)
        """Clock time [s] and message."""
        self.echoed_keys: set[tuple[int, int]] = set()
        """Channel and pitch of the echoes whose note off has not come back."""
        self.num_ignored = 0
        """Number of note ons that came back."""

    def add_sent(self, message: Sequence[int]) -> None:
        """Keep a message that is sent now; only notes are."""
        if note := _normalize(message):
            with self.lock:
                self.sent.append((self.clock(), note))

    def is_echo(self, message: Message) -> bool:
        """Whether a message that was received is one of those that were sent; each comes back once."""
        note = _normalize(message)
        if note is None:
            return False
        key = note[0] & CHANNEL_BITS, note[1]
        is_note_on = note[0] & 0xF0 == NOTE_ON
        with self.lock:
            if not is_note_on and key not in self.echoed_keys:
                return False
            if not self._take_sent(note):
                return False
        if is_note_on:
            self.echoed_keys.add(key)
            self.num_ignored += 1
        else:
            self.echoed_keys.discard(key)
        return True

    def _take_sent(self, note: Message) -> bool:
        """Forget a message that was sent lately; return whether it was."""
        earliest = self.clock() - ECHO_SECONDS
        for entry in self.sent:
            if entry[0] >= earliest and entry[1] == note:
                self.sent.remove(entry)
                return True
        return False
