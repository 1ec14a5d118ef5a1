"""The notes that are on at a port: every note on is followed by exactly one note off.

A note is stored before its note on is sent, and removed after its note off was sent. So if the port fails in between,
one note off too many may be sent, but never one too few.
"""

from collections.abc import Collection
from typing import Protocol

from pipeline.midi.sustain import SUSTAIN_CC

NOTE_OFF, NOTE_ON, CONTROL_CHANGE = 0x80, 0x90, 0xB0
PANIC_CONTROLS = ((SUSTAIN_CC, 0), (123, 0), (120, 0))
"""Pedal up, all notes off, all sound off, sent after a note off for each note: some receivers ignore one of them."""
MAX_ATTEMPTS = 3
"""Times that a panic sends a message to a port that fails."""
MAX_KEYS = 64
"""Notes on at once: old synthesizers have no more voices, and a fault of a model must not flood any."""

Message = tuple[int, int, int]
"""The three bytes of a MIDI message: status with channel, and two below 128."""


class Port(Protocol):
    """Takes messages. `send` must not wait: the thread that sends on time calls it."""

    def send(self, message: Message) -> None:
        """Send one message immediately."""

    def close(self) -> None:
        """Close the port; nothing is sent after that."""


class ActiveKeys:
    """The notes that are on, in the order of their note ons."""

    def __init__(self, port: Port, channel: int = 0, max_keys: int = MAX_KEYS) -> None:
        """Start with no note on.

        Args:
            port: takes the messages.
            channel: 0..15.
            max_keys: notes on at once; one more ends the oldest.
        """
        self.port = port
        self.channel = channel
        self.max_keys = max_keys
        self.pressed: dict[int, int] = {}
        """Pitch to the id of its note."""

    def note_on(self, pitch: int, velocity: int, note_id: int) -> list[int]:
        """Start a note.

        Args:
            pitch: 0..127; a note of this pitch that is on ends first.
            velocity: 1..127.
            note_id: id of the note, so that the note off of an older note of this pitch does not end it.

        Returns:
            Ids of the notes that ended because of it.
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
        """End a note if it is still on; return whether it was."""
        if self.pressed.get(pitch) != note_id:
            return False
        self._send_note_off(pitch)
        return True

    def all_notes_off(self, kept_ids: Collection[int] = ()) -> list[int]:
        """End all notes but those of some ids, each with a note off; return the ids of those that ended."""
        ended = {
            pitch: note_id for pitch, note_id in self.pressed.items() if note_id not in kept_ids
        }
        for pitch in ended:
            self._send_note_off(pitch)
        return list(ended.values())

    def panic(self) -> Exception | None:
        """End all notes even if the port fails; return its first error."""
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
        """Send a message, up to MAX_ATTEMPTS times: a port that failed may work again."""
        first: Exception | None = None
        for _ in range(MAX_ATTEMPTS):
            try:
                self.port.send(message)
                return first
            except Exception as error:
                first = first or error
        return first

    def _send_note_off(self, pitch: int) -> None:
        """Send a note off and remove the note."""
        self.port.send((NOTE_OFF | self.channel, pitch, 64))
        del self.pressed[pitch]
