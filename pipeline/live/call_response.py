"""The phrase of a person in mode `call-response`: when it is over, and how long the model responds.

All times are in cells of the time grid unless seconds are named.
"""

from collections import deque

from pipeline.live.note_source import PendingNote
from pipeline.notes.note import PEDAL_UP
from pipeline.notes.quantize import GRID_SECONDS, GRID_SIZE

HELD_SECONDS = 20.0
"""Seconds without an event after which a phrase is over though a note is on: a piano string is silent by then."""
MIN_RESPONSE_CELLS, MAX_RESPONSE_CELLS = 200, 3000
"""Shortest and longest response."""
DEFAULT_DURATION = 25
"""Duration of a note as long as none has ended yet."""
MAX_NOTES = 512
"""Notes of a phrase; of a longer one the last are kept."""


class Phrase:
    """The notes of a person since the last response."""

    def __init__(self, response_delay: float = 0.8) -> None:
        """Start without notes.

        Args:
            response_delay: seconds of silence after which a phrase is over.
        """
        self.response_delay = response_delay
        self.notes: deque[PendingNote] = deque(maxlen=MAX_NOTES)
        """Notes that ended."""
        self.held_notes: dict[int, PendingNote] = {}
        """Pitch of a note that is on to that note, without a duration."""
        self.last_event = 0
        """Time of the last note on or off."""
        self.response_end: int | None = None
        """End of the response that is played; None if the person plays."""
        self.typical_duration = DEFAULT_DURATION
        """Moving average of the durations of the person's notes."""

    def note_on(self, cell: int, pitch: int, velocity: int, pedal: int = PEDAL_UP) -> None:
        """Start a note; a note of this pitch that is on ends."""
        self.note_off(cell, pitch, cell)
        self.held_notes[pitch] = PendingNote(cell, 0, pitch, velocity, pedal)

    def note_off(self, cell: int, pitch: int, end: int) -> None:
        """End a note, which the model reads as one that ended at cell `end`."""
        self.last_event = cell
        if pitch in self.held_notes:
            note = self.held_notes.pop(pitch)
            note = note._replace(duration=end - note.onset)
            self.notes.append(note)
            duration = min(note.duration, GRID_SIZE - 1)
            self.typical_duration = (3 * self.typical_duration + duration) // 4

    def is_finished(self, now: int, tempo: float) -> bool:
        """Whether there is a phrase and it is over."""
        delay = max(self.response_delay, HELD_SECONDS) if self.held_notes else self.response_delay
        is_over = now - self.last_event >= round(delay * tempo / GRID_SECONDS)
        return is_over and bool(self.notes or self.held_notes)

    def take_if_finished(self, now: int, tempo: float) -> list[PendingNote]:
        """Return the phrase in order of time and start a response, if the phrase is over; else nothing."""
        return self.take(now, self.last_event) if self.is_finished(now, tempo) else []

    def take(self, now: int, end: int) -> list[PendingNote]:
        """Return the phrase in order of time and start a response; notes that are on end at `end`.

        The response to a phrase without notes has the greatest length.
        """
        for pitch in list(self.held_notes):
            self.note_off(end, pitch, end)
        notes = sorted(self.notes)
        self.notes.clear()
        duration = MAX_RESPONSE_CELLS
        if notes:
            duration = max(note.onset + note.duration for note in notes) - notes[0].onset
        self.response_end = now + min(max(duration, MIN_RESPONSE_CELLS), MAX_RESPONSE_CELLS)
        return notes

    def is_response_over(self, now: int) -> bool:
        """Whether the response is over, or none was started."""
        if self.response_end is not None and now >= self.response_end:
            self.response_end = None
        return self.response_end is None

    def clear(self) -> None:
        """Drop the phrase and the response."""
        self.notes.clear()
        self.response_end = None
