"""What a person plays, up to the rest that asks for an answer, and how long that answer is."""

from collections import deque

from pipeline.live.note_source import PendingNote
from pipeline.notes.quantize import GRID_SECONDS

HELD_SECONDS = 20.0
"""Seconds without a key after which notes still held are answered: a piano string is silent by then, or a key is stuck."""
MIN_RESPONSE_CELLS, MAX_RESPONSE_CELLS = 200, 3000
"""Cells that an answer lasts at least and at most."""
DEFAULT_DURATION = 25
"""Cells that a key is held, as long as no key came up yet."""
MAX_NOTES = 512
"""Notes of a phrase; of a longer one, the last."""


class Phrase:
    """The notes of a person since the last answer; times in cells."""

    def __init__(self, response_delay: float = 0.8) -> None:
        """Begin with nothing.

        Args:
            response_delay: seconds without a key after which a phrase is over.
        """
        self.response_delay = response_delay
        self.notes: deque[PendingNote] = deque(maxlen=MAX_NOTES)
        """Notes whose keys came up."""
        self.held_keys: dict[int, tuple[int, int]] = {}
        """Pitch of a key that is down to its onset and velocity."""
        self.last_event = 0
        """When a key last moved."""
        self.response_end: int | None = None
        """When the answer ends, while one is played."""
        self.typical_duration = DEFAULT_DURATION
        """Cells that the person lately held a key, about."""

    def note_on(self, cell: int, pitch: int, velocity: int) -> None:
        """Take note of a key; if it is down already, that note ends."""
        self.note_off(cell, pitch)
        self.held_keys[pitch] = cell, velocity

    def note_off(self, cell: int, pitch: int) -> None:
        """Take note of a key that came up."""
        self.last_event = cell
        if pitch in self.held_keys:
            onset, velocity = self.held_keys.pop(pitch)
            self.notes.append(PendingNote(onset, cell - onset, pitch, velocity))
            self.typical_duration = (3 * self.typical_duration + min(cell - onset, 1000)) // 4

    def take_if_finished(self, now: int, tempo: float) -> list[PendingNote]:
        """Return the phrase in order of time, if it is over by now, and begin an answer; else nothing."""
        rest = round(
            (max(self.response_delay, HELD_SECONDS) if self.held_keys else self.response_delay)
            * tempo
            / GRID_SECONDS
        )
        if not (self.notes or self.held_keys) or now - self.last_event < rest:
            return []
        for pitch in list(self.held_keys):
            self.note_off(self.last_event, pitch)
        notes = sorted(self.notes)
        self.notes.clear()
        long = max(note.onset + note.duration for note in notes) - notes[0].onset
        self.response_end = now + min(max(long, MIN_RESPONSE_CELLS), MAX_RESPONSE_CELLS)
        return notes

    def is_response_over(self, now: int) -> bool:
        """Whether the answer is over, or none began."""
        if self.response_end is not None and now >= self.response_end:
            self.response_end = None
        return self.response_end is None

    def clear(self) -> None:
        """Drop the phrase and the answer."""
        self.notes.clear()
        self.response_end = None
