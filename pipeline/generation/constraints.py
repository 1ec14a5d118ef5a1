"""Constraints on generated notes: the pitches of a key and a range, and the least step after the notes before.

These sets are all there is, so a limit cannot be broken by a note and a note cannot be left without an outcome:

- Key and range allow the same pitches for every note; if there are none, that is refused before the first note.
- Longest times of the model (`pipeline.models.time_limits`) forbid the steps and durations above them. A step that must be
  longer to keep the limits below is as short as these allow.
- Polyphony and density forbid the first steps, up to some cell, and never another. No note is cut or shortened: the
  next one waits. Step 1000 is always allowed, because a duration is 1000 cells at most, so whatever sounds has ended
  1000 cells after the last onset, and a second is only 100 cells.

How notes are counted, on the safe side of what a MIDI file or a synthesiser makes of them:

- A note sounds from its onset up to, not including, onset + duration; duration 0 is heard (4 ms), so it sounds in the
  cell of its onset and in no later one. Then the number of notes sounding can only rise at an onset.
- A pitch struck again while it sounds counts twice until the older note would have ended. The MIDI writer cuts the
  older note, other players may not: the limit holds for both.
- Notes of one pitch and onset are written to end together, so each counts until the latest of their ends.
- Notes that a person played count like all others, but are as they are: limits bind the notes that are chosen.

Shapes: N notes, 128 pitches.
"""

from collections import deque

import numpy as np

from pipeline.core.errors import ParamsError
from pipeline.notes.note import NUM_PITCHES
from pipeline.notes.quantize import DURATION, GRID_SECONDS, GRID_SIZE, PITCH, STEP, QuantizedNotes
from pipeline.notes.theory import key_pitch_classes

CELLS_PER_SECOND = round(1 / GRID_SECONDS)
"""Cells of the time grid in a second."""
MAX_LIMIT = 1000
"""The highest limit of notes per second."""


def allowed_pitches(key: str, min_pitch: int, max_pitch: int) -> list[int]:
    """Return the pitches of a key within a range, upwards.

    Args:
        key: `chromatic`, or a tonic and a scale, such as `C major`, `F# minor` or `Bb dorian`.
        min_pitch: first pitch of the range.
        max_pitch: last pitch of the range, itself allowed.

    Returns:
        Pitches, at least one.

    Raises:
        ParamsError: there is no such key, or none of its pitches lies in the range.
    """
    classes = key_pitch_classes(key)
    pitches = [
        pitch
        for pitch in range(max(min_pitch, 0), min(max_pitch + 1, NUM_PITCHES))
        if pitch % 12 in classes
    ]
    if not pitches:
        raise ParamsError(
            f"no pitch of {key!r} lies in {min_pitch}..{max_pitch}; lower min_pitch or raise max_pitch"
        )
    return pitches


class NoteLimits:
    """How soon the next note may start, after the notes that came."""

    def __init__(self, max_polyphony: int, max_notes_per_second: int) -> None:
        """Begin before the first note.

        Args:
            max_polyphony: notes that may sound at once; 0 is no limit.
            max_notes_per_second: notes that may start within any second, [t, t + 1 s); 0 is no limit.
        """
        self.max_polyphony = max_polyphony
        self.max_notes_per_second = max_notes_per_second
        self.position = 0
        """Onset of the last note [cells]."""
        self.active_notes: list[tuple[int, int, int]] = []
        """End [cells], onset [cells] and pitch of the notes that sound at `now`; kept under a limit on polyphony."""
        self.recent_onsets: deque[int] = deque(maxlen=max_notes_per_second)
        """The last `density` onsets [cells]."""

    def min_step(self) -> int:
        """Return the least step [cells] that keeps all limits, 0..1000; so does every longer one."""
        first = self.position
        if self.max_polyphony and len(self.active_notes) >= self.max_polyphony:
            first = sorted(self.active_notes)[-self.max_polyphony][0]
        if self.max_notes_per_second and len(self.recent_onsets) == self.max_notes_per_second:
            first = max(first, self.recent_onsets[0] + CELLS_PER_SECOND)
        return first - self.position if first > self.position else 0

    def add(self, step: int, duration: int, pitch: int) -> None:
        """Take note of a note: step and duration in cells, 0..1000."""
        self.position = now = self.position + step
        self.recent_onsets.append(now)
        if self.max_polyphony:
            others = [note for note in self.active_notes if note[0] > now]
            doubles = [note for note in others if note[1:] == (now, pitch)]
            end = max([now + max(duration, 1), *(note[0] for note in doubles)])
            self.active_notes = [(end, now, pitch) if note in doubles else note for note in others]
            self.active_notes.append((end, now, pitch))

    def observe(self, notes: QuantizedNotes) -> None:
        """Take note of notes that were not chosen here, codes [N, 5]."""
        first = self._find_first_needed(notes)
        self.position += int(notes[:first, STEP].sum(dtype=np.int64))
        for code in notes[first:].tolist():
            self.add(code[STEP], code[DURATION], code[PITCH])

    @staticmethod
    def _find_first_needed(notes: QuantizedNotes) -> int:
        """Return the index of the first note that may still sound, or that started among the last, after all others."""
        onsets = notes[:, STEP].cumsum(dtype=np.int64)
        if len(onsets) <= MAX_LIMIT:
            return 0
        sounding = int(onsets.searchsorted(onsets[-1] - (GRID_SIZE - 1)))
        return min(sounding, len(onsets) - MAX_LIMIT)
