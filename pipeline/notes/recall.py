"""What a piece has played before: the notes that came after the latest earlier place like the present one.

Two places are alike if their last 32, 16, 10, 7, 5 or 4 notes have the same pitches relative to the last of them. So music in
another key is alike, and so are the notes of a chord in another order, since no player strikes them twice in the same
order. Times do not count. Of all places 2 to 4,096 notes earlier, the one with the most notes alike is taken, and of
several such places the latest.

A hint is what the two notes after that place suggest for the next note. Its columns:

    column 0  level     0 without such a place; 1 to 6 for 4, 5, 7, 10, 16 or 32 notes alike
    column 1  pitch     of the first note after that place, transposed to the present key, 0..127; 128 for none
    column 2  pitch     of the second note, likewise
    column 3  step      time token of the first note, 0..81; 82 for none
    column 4  duration  time token of the first note, 0..81; 82 for none

On 69,000 notes of MAESTRO validation, half of the notes have a hint. At levels 1 to 6 the first pitch is right for 20,
37, 57, 66, 72 and 80 % of them, and the second for another 8 to 14 %.

Shapes: B pieces side by side, N notes, M notes after the first few.
"""

from collections import deque

import numpy as np
from numpy.typing import NDArray

from pipeline.notes.note import NUM_PITCHES
from pipeline.notes.quantize import (
    DURATION,
    NUM_TIME_TOKENS,
    PITCH,
    STEP,
    TIME_TOKEN,
    TIME_TOKEN_LIST,
    QuantizedNotes,
)

MATCH_LENGTHS = (4, 5, 7, 10, 16, 32)
"""Notes that are alike at levels 1 to 6."""
NUM_LEVELS = 1 + len(MATCH_LENGTHS)
MAX_DISTANCE = 4096
"""Notes from a place to the earliest that is remembered."""
MIN_DISTANCE = 2
"""Notes from a place to the latest that is compared with it: two notes after that one were played."""
NUM_RECENT = 3
"""Last notes whose pitches get no bonus in generation: with it a trill, played two notes ago, would hardly end."""
HISTORY_NOTES = MAX_DISTANCE + MATCH_LENGTHS[-1] - 1
"""Notes before a note on which its hint depends."""
NO_PITCH = NUM_PITCHES
NO_TIME = NUM_TIME_TOKENS
NO_HINT = (0, NO_PITCH, NO_PITCH, NO_TIME, NO_TIME)
"""The hint where no place is alike."""
NUM_READ_COLUMNS = 1 + max(STEP, DURATION, PITCH)
"""First columns of a note; hints depend on no other."""
LEVEL, FIRST_PITCH, SECOND_PITCH = 0, 1, 2
"""Columns of a hint."""
NUM_VALUES = np.array([NUM_LEVELS, NO_PITCH + 1, NO_PITCH + 1, NO_TIME + 1, NO_TIME + 1])
"""[5] number of values of each column."""
BASE = 0x9E3779B97F4A7C15
"""An odd number, so that it has an inverse modulo 2^64."""
MODULUS = 2**64
MASK = MODULUS - 1
"""`x & MASK` is `x % MODULUS` in less time."""
POWER_LIST = [pow(BASE, pitch, MODULUS) for pitch in range(NUM_PITCHES)]
INVERSE_LIST = [pow(BASE, -pitch, MODULUS) for pitch in range(NUM_PITCHES)]
POWERS, INVERSES = np.array(POWER_LIST, np.uint64), np.array(INVERSE_LIST, np.uint64)
"""The key of some notes is the sum of `POWERS` of their pitches times `INVERSES` of the last, modulo 2^64: it does not
depend on their order nor on the key of the music, and costs the same for any number of notes. Different notes with equal
keys would give a wrong hint; if keys are as random numbers, the chance is 3 in 10^12 for a piece of 4,096 notes."""
TABLE_OFFSETS = np.cumsum(NUM_VALUES) - NUM_VALUES
"""[5] first row of each column in one table of embeddings for all columns."""
NUM_TABLE_ROWS = int(NUM_VALUES.sum())

Hints = NDArray[np.int16]
"""[..., 5], after each note."""


def find_places(pitches: NDArray[np.int16]) -> tuple[NDArray[np.int64], NDArray[np.int16]]:
    """Return for each note of a piece the latest earlier note at a place that is alike.

    Args:
        pitches: [N] of the first notes of a piece.

    Returns:
        The index [N] of that note, -1 for none, and the level [N].
    """
    places = np.full(len(pitches), -1)
    levels = np.zeros(len(pitches), np.int16)
    sums = np.cumsum(np.append(np.uint64(0), POWERS[pitches]), dtype=np.uint64)
    for level, length in enumerate(MATCH_LENGTHS, 1):
        if len(pitches) > length:
            keys = (sums[length:] - sums[:-length]) * INVERSES[pitches[length - 1 :]]
            previous = _find_previous(keys)
            is_alike = np.flatnonzero(previous >= 0)
            places[is_alike + length - 1] = previous[is_alike] + length - 1
            levels[is_alike + length - 1] = level
    return places, levels


def _find_previous(keys: NDArray[np.uint64]) -> NDArray[np.int64]:
    """Return the index of the latest equal key [M] within the distances that count, -1 for none."""
    order = np.argsort(keys, kind="stable")
    is_equal = keys[order[1:]] == keys[order[:-1]]
    previous = np.full(len(keys), -1)
    previous[order[1:][is_equal]] = order[:-1][is_equal]
    indices = np.arange(len(keys))
    is_near = (previous >= 0) & (indices - previous < MIN_DISTANCE)
    previous[is_near] = previous[previous[is_near]]
    previous[indices - previous > MAX_DISTANCE] = -1
    return previous


def make_hints(
    last_pitches: NDArray[np.int16], sources: QuantizedNotes, levels: NDArray[np.int16]
) -> Hints:
    """Return the hints [..., 5] after notes.

    Args:
        last_pitches: [...] of the notes.
        sources: [..., 3, 5] the note at the place that is alike, and the two after it; anything where the level is 0.
        levels: [...] as of `find_places`.
    """
    hints = np.empty((*levels.shape, len(NO_HINT)), np.int16)
    hints[..., LEVEL] = levels
    pitches = sources[..., 1:, PITCH] + (last_pitches - sources[..., 0, PITCH])[..., None]
    is_pitch = (pitches >= 0) & (pitches < NUM_PITCHES)
    hints[..., FIRST_PITCH : SECOND_PITCH + 1] = np.where(is_pitch, pitches, NO_PITCH)
    hints[..., SECOND_PITCH + 1 :] = TIME_TOKEN[sources[..., 1, [STEP, DURATION]]]
    hints[levels == 0] = NO_HINT
    return hints


def compute_hints(notes: QuantizedNotes) -> Hints:
    """Return the hints [B, N, 5] after each of the first notes of pieces [B, N, 5], of which the first columns are enough."""
    hints = np.empty((*notes.shape[:2], len(NO_HINT)), np.int16)
    for piece, out in zip(notes, hints, strict=True):
        places, levels = find_places(piece[:, PITCH])
        sources = piece[locate_sources(places)]
        out[:] = make_hints(piece[:, PITCH], sources, levels)
    return hints


def locate_sources(places: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the indices [N, 3] of the notes that hints are made of; 0, 1 and 2 where there is no place.

    A piece without any place may have fewer notes; then all three are 0.
    """
    last = max(len(places) - 1, 0)
    return np.minimum(np.maximum(places, 0)[:, None] + np.arange(3), last)


class PieceMemory:
    """The notes of one piece in play, as far as hints depend on them; a note takes the same time wherever it is."""

    def __init__(self) -> None:
        self.num_notes = 0
        self.sums: deque[int] = deque([0], maxlen=1 + MATCH_LENGTHS[-1])
        """Sums of `POWERS` of all pitches up to each of the last notes, modulo 2^64; the first is before a note."""
        self.notes: list[tuple[int, int, int]] = []
        """Pitch, time token of the step and of the duration of the last notes; note n is at n modulo the size."""
        self.keys: deque[list[int]] = deque()
        """Keys of the last notes, one for each level that has enough notes."""
        self.places: list[dict[int, int]] = [{} for _ in MATCH_LENGTHS]
        """By level, the latest note with each key, but for the last note."""

    def add_note(self, note: list[int]) -> tuple[int, ...]:
        """Read the next note [5], and return the hint [5] after it."""
        number, pitch = self.num_notes, note[PITCH]
        stored = (pitch, TIME_TOKEN_LIST[note[STEP]], TIME_TOKEN_LIST[note[DURATION]])
        if number <= MAX_DISTANCE:
            self.notes.append(stored)
        else:
            self.notes[number % (MAX_DISTANCE + 1)] = stored
            self._forget(number - MAX_DISTANCE - 1)
        keys = self._make_keys(pitch)
        place, level = self._find_place(keys)
        if self.keys:
            for places, key in zip(self.places, self.keys[-1], strict=False):
                places[key] = number - 1
        self.keys.append(keys)
        self.num_notes += 1
        return self._make_hint(place, level, pitch) if level else NO_HINT

    def _forget(self, number: int) -> None:
        """Remove a note from the places."""
        for places, key in zip(self.places, self.keys.popleft(), strict=False):
            if places[key] == number:
                del places[key]

    def _make_keys(self, pitch: int) -> list[int]:
        """Return the keys of the next note, as `find_places` has them."""
        sums, inverse = self.sums, INVERSE_LIST[pitch]
        total = (sums[-1] + POWER_LIST[pitch]) & MASK
        sums.append(total)
        return [
            (total - sums[-1 - length]) * inverse & MASK
            for length in MATCH_LENGTHS
            if length < len(sums)
        ]

    def _find_place(self, keys: list[int]) -> tuple[int, int]:
        """Return the latest note at the longest key that is known, and its level; level 0 for none."""
        for level in range(len(keys), 0, -1):
            place = self.places[level - 1].get(keys[level - 1])
            if place is not None:
                return place, level
        return -1, 0

    def _make_hint(self, place: int, level: int, last_pitch: int) -> tuple[int, ...]:
        """Return the hint of a place."""
        size = MAX_DISTANCE + 1
        pitch = self.notes[place % size][0]
        first, step, duration = self.notes[(place + 1) % size]
        second = self.notes[(place + 2) % size][0]
        transposed = [other + last_pitch - pitch for other in (first, second)]
        pitches = [other if 0 <= other < NUM_PITCHES else NO_PITCH for other in transposed]
        return level, *pitches, step, duration
