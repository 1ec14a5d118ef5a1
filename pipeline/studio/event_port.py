"""A MIDI port that sends the ends of notes to pages; their starts the pages know already, ahead of time."""

import time
from collections.abc import Callable

from pipeline.live.active_keys import NOTE_OFF, Message
from pipeline.studio.messages import AllNotesEnded, ModelNoteEnded, ServerMessage

ALL_NOTES_OFF = 123
"""Number of the control change."""


class EventPort:
    """The port of the player."""

    def __init__(self, broadcast: Callable[[ServerMessage], None]) -> None:
        """Start.

        Args:
            broadcast: sends a message to the pages; must not wait.
        """
        self.broadcast = broadcast

    def send(self, message: Message) -> None:
        """Send the end of a note, or of all notes; never waits."""
        status, number, _ = message
        if status & 0xF0 == NOTE_OFF:
            self.broadcast(ModelNoteEnded(pitch=number, time=time.monotonic()))
        elif number == ALL_NOTES_OFF:
            self.broadcast(AllNotesEnded(time=time.monotonic()))

    def close(self) -> None:
        """Do nothing: pages stay."""
