"""The keys that are down on a port: every note on is followed by exactly one note off, whatever happens.

A key is written down before its note on is sent, and struck off after its note off was: if the port fails in between, a
note off too many may be sent, never one too few.
"""

from typing import Protocol

NOTE_OFF, NOTE_ON, CONTROL_CHANGE = 0x80, 0x90, 0xB0
PANIC_CONTROLS = ((64, 0), (123, 0), (120, 0))
"""Pedal up, all notes off, all sound off, after a note off for each key: receivers ignore one or another."""
MAX_ATTEMPTS = 3
"""Times that a message is offered to a port that fails, when all must end."""
MAX_KEYS = 64
"""Keys down at most: an old synthesizer has no more voices, and a fault of a model must not swamp any."""

Message = tuple[int, int, int]
"""The three bytes of a MIDI message: status with channel, and two below 128."""


class Port(Protocol):
    """Where messages go. `send` must not wait: it is called from the thread that keeps time."""

    def send(self, message: Message) -> None:
        """Send one message at once."""

    def close(self) -> None:
        """Close; nothing is sent after."""


class ActiveKeys:
    """The keys that are down, in the order they were struck."""

    def __init__(self, port: Port, channel: int = 0, max_keys: int = MAX_KEYS) -> None:
        """Begin in silence.

        Args:
            port: where messages go.
            channel: 0..15.
            max_keys: keys down at once; one more, and the oldest is let go.
        """
        self.port = port
        self.channel = channel
        self.max_keys = max_keys
        self.pressed: dict[int, int] = {}
        """Pitch to the number of the note that holds it."""

    def note_on(self, pitch: int, velocity: int, note_id: int) -> list[int]:
        """Sound a note.

        Args:
            pitch: 0..127; if it sounds already, that note ends first.
            velocity: 1..127.
            note_id: names the note, so that the off of an older note of this pitch does not end it.

        Returns:
            Numbers of the notes that ended to make room.
        """
        ended = [self.pressed[pitch]] if pitch in self.pressed else []
        if ended:
            self._send_note_off(pitch)
        while len(self.pressed) >= self.max_keys:
            oldest = next(iter(self.pressed))
            ended.append(self.pressed[oldest])
            self._send_note_off(oldest)
        self.pressed[pitch] = note_id
        self.port.send((NOTE_ON | self.channel, pitch, velocity))
        return ended

    def note_off(self, pitch: int, note_id: int) -> bool:
        """End a note, if it still sounds; return whether it did."""
        if self.pressed.get(pitch) != note_id:
            return False
        self._send_note_off(pitch)
        return True

    def all_notes_off(self) -> list[int]:
        """End all notes, each with a note off; return their numbers."""
        ended = list(self.pressed.values())
        for pitch in list(self.pressed):
            self._send_note_off(pitch)
        return ended

    def panic(self) -> Exception | None:
        """End all that may sound, whatever the port does; return the first error it made."""
        first: Exception | None = None
        messages = [(NOTE_OFF | self.channel, pitch, 64) for pitch in self.pressed]
        messages += [
            (CONTROL_CHANGE | self.channel, number, value) for number, value in PANIC_CONTROLS
        ]
        for message in messages:
            error = self._send_with_retries(message)
            first = first or error
        self.pressed.clear()
        return first

    def _send_with_retries(self, message: Message) -> Exception | None:
        """Send a message, more than once if need be: a port that failed may work again."""
        first: Exception | None = None
        for _ in range(MAX_ATTEMPTS):
            try:
                self.port.send(message)
                return first
            except Exception as error:
                first = first or error
        return first

    def _send_note_off(self, pitch: int) -> None:
        """Send a note off."""
        self.port.send((NOTE_OFF | self.channel, pitch, 64))
        del self.pressed[pitch]
