"""The keys that are down on a port: every note on is followed by exactly one note off, whatever happens.

A key is written down before its note on is sent, and struck off after its note off was: if the port fails in between, a
note off too many may be sent, never one too few.
"""

from typing import Protocol

NOTE_OFF, NOTE_ON, CONTROL = 0x80, 0x90, 0xB0
SILENCE = ((64, 0), (123, 0), (120, 0))
"""Pedal up, all notes off, all sound off, after a note off for each key: receivers ignore one or another."""
TRIES = 3
"""Times that a message is offered to a port that fails, when all must end."""
MOST = 64
"""Keys down at most: an old synthesiser has no more voices, and a fault of a model must not swamp any."""

Message = tuple[int, int, int]
"""The three bytes of a MIDI message: status with channel, and two below 128."""


class Port(Protocol):
    """Where messages go. `send` must not wait: it is called from the thread that keeps time."""

    def send(self, message: Message) -> None:
        """Send one message at once."""

    def close(self) -> None:
        """Close; nothing is sent after."""


class Voices:
    """The keys that are down, in the order they were struck."""

    def __init__(self, port: Port, channel: int = 0, most: int = MOST) -> None:
        """Begin in silence.

        Args:
            port: where messages go.
            channel: 0..15.
            most: keys down at once; one more, and the oldest is let go.
        """
        self.port = port
        self.channel = channel
        self.most = most
        self.down: dict[int, int] = {}
        """Pitch to the number of the note that holds it."""

    def strike(self, pitch: int, velocity: int, number: int) -> list[int]:
        """Sound a note.

        Args:
            pitch: 0..127; if it sounds already, that note ends first.
            velocity: 1..127.
            number: names the note, so that the off of an older note of this pitch does not end it.

        Returns:
            Numbers of the notes that ended to make room.
        """
        ended = [self.down[pitch]] if pitch in self.down else []
        if ended:
            self._off(pitch)
        while len(self.down) >= self.most:
            oldest = next(iter(self.down))
            ended.append(self.down[oldest])
            self._off(oldest)
        self.down[pitch] = number
        self.port.send((NOTE_ON | self.channel, pitch, velocity))
        return ended

    def lift(self, pitch: int, number: int) -> bool:
        """End a note, if it still sounds; return whether it did."""
        if self.down.get(pitch) != number:
            return False
        self._off(pitch)
        return True

    def release(self) -> list[int]:
        """End all notes, each with a note off; return their numbers."""
        ended = list(self.down.values())
        for pitch in list(self.down):
            self._off(pitch)
        return ended

    def silence(self) -> Exception | None:
        """End all that may sound, whatever the port does; return the first error it made."""
        first: Exception | None = None
        messages = [(NOTE_OFF | self.channel, pitch, 64) for pitch in self.down]
        messages += [(CONTROL | self.channel, number, value) for number, value in SILENCE]
        for message in messages:
            error = self._try(message)
            first = first or error
        self.down.clear()
        return first

    def _try(self, message: Message) -> Exception | None:
        """Send a message, more than once if need be: a port that failed may work again."""
        first: Exception | None = None
        for _ in range(TRIES):
            try:
                self.port.send(message)
                return first
            except Exception as error:
                first = first or error
        return first

    def _off(self, pitch: int) -> None:
        """Send a note off."""
        self.port.send((NOTE_OFF | self.channel, pitch, 64))
        del self.down[pitch]
