"""What a person plays, up to the rest that asks for an answer, and how long that answer is."""

from collections import deque

from pipeline.live.note_source import Draft
from pipeline.notes.quantize import GRID_SECONDS

HELD = 4.0
"""Seconds without a key moving after which keys that are still down are no phrase going on: held for long, or stuck."""
SHORTEST_ANSWER, LONGEST_ANSWER = 200, 3000
"""Cells that an answer lasts at least and at most."""
USUAL = 25
"""Cells that a key is held, as long as no key came up yet."""
KEPT = 512
"""Notes of a phrase; of a longer one, the last."""


class Phrase:
    """The notes of a person since the last answer; times in cells."""

    def __init__(self, rest: float = 0.8) -> None:
        """Begin with nothing.

        Args:
            rest: seconds without a key after which a phrase is over.
        """
        self.rest = rest
        self.notes: deque[Draft] = deque(maxlen=KEPT)
        """Notes whose keys came up."""
        self.keys: dict[int, tuple[int, int]] = {}
        """Pitch of a key that is down to its onset and velocity."""
        self.touched = 0
        """When a key last moved."""
        self.until: int | None = None
        """When the answer ends, while one is played."""
        self.usual = USUAL
        """Cells that the person lately held a key, about."""

    def strike(self, cell: int, pitch: int, velocity: int) -> None:
        """Take note of a key; if it is down already, that note ends."""
        self.lift(cell, pitch)
        self.keys[pitch] = cell, velocity

    def lift(self, cell: int, pitch: int) -> None:
        """Take note of a key that came up."""
        self.touched = cell
        if pitch in self.keys:
            onset, velocity = self.keys.pop(pitch)
            self.notes.append(Draft(onset, cell - onset, pitch, velocity))
            self.usual = (3 * self.usual + min(cell - onset, 1000)) // 4

    def finished(self, now: int, tempo: float) -> list[Draft]:
        """Return the phrase in order of time, if it is over by now, and begin an answer; else nothing."""
        rest = round((max(self.rest, HELD) if self.keys else self.rest) * tempo / GRID_SECONDS)
        if not (self.notes or self.keys) or now - self.touched < rest:
            return []
        for pitch in list(self.keys):
            self.lift(self.touched, pitch)
        notes = sorted(self.notes)
        self.notes.clear()
        long = max(note.onset + note.duration for note in notes) - notes[0].onset
        self.until = now + min(max(long, SHORTEST_ANSWER), LONGEST_ANSWER)
        return notes

    def answered(self, now: int) -> bool:
        """Whether the answer is over, or none began."""
        if self.until is not None and now >= self.until:
            self.until = None
        return self.until is None

    def forget(self) -> None:
        """Drop the phrase and the answer."""
        self.notes.clear()
        self.until = None
