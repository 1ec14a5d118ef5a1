"""Hints against a search by hand, and what they must not depend on."""

import numpy as np
import pytest
from factories import make_quantized_notes

from pipeline.notes import recall
from pipeline.notes.quantize import DURATION, PITCH, STEP, TIME_TOKEN
from pipeline.notes.recall import MATCH_LENGTHS, NO_HINT, NO_PITCH, PieceMemory

PARTS = make_quantized_notes(3, 200)
NOTES = np.concatenate(
    [PARTS, PARTS[10:60], make_quantized_notes(5, 20), PARTS[40:60], PARTS[:110]]
)


def make_melody(pitches: list[int]) -> np.ndarray:
    """Make notes [N, 4] whose step and duration tell which note they are."""
    numbers = np.arange(len(pitches))
    return np.stack([numbers, numbers + 100, pitches, np.full(len(pitches), 64)], 1).astype(
        np.int16
    )


def search_by_hand(notes: np.ndarray, t: int) -> list[int]:
    """Return the hint [5] after note t of notes [N, 4]."""

    def describe(end: int, length: int) -> list[int]:
        """Return the pitches of the last notes up to one, relative to it and in order."""
        window = notes[end + 1 - length : end + 1, PITCH].astype(int)
        return sorted(window - window[-1])

    for level in range(len(MATCH_LENGTHS), 0, -1):
        length = MATCH_LENGTHS[level - 1]
        earliest = max(t - recall.MAX_DISTANCE, length - 1)
        for s in range(t - 2, earliest - 1, -1):
            if t >= length - 1 and describe(s, length) == describe(t, length):
                pitches = (
                    notes[s + 1 : s + 3, PITCH].astype(int) + notes[t, PITCH] - notes[s, PITCH]
                )
                pitches = [pitch if 0 <= pitch < 128 else NO_PITCH for pitch in pitches.tolist()]
                return [level, *pitches, *TIME_TOKEN[notes[s + 1, [STEP, DURATION]]].tolist()]
    return list(NO_HINT)


@pytest.mark.parametrize("max_distance", [recall.MAX_DISTANCE, 60])
def test_hints_are_those_of_a_search_by_hand(monkeypatch, max_distance):
    monkeypatch.setattr(recall, "MAX_DISTANCE", max_distance)
    expected = [search_by_hand(NOTES, t) for t in range(len(NOTES))]
    assert set(np.array(expected)[:, 0]) >= set(range(5))
    assert recall.compute_hints(NOTES[None])[0].tolist() == expected


@pytest.mark.parametrize("max_distance", [recall.MAX_DISTANCE, 60])
def test_note_by_note_is_all_at_once(monkeypatch, max_distance):
    monkeypatch.setattr(recall, "MAX_DISTANCE", max_distance)
    memory = PieceMemory()
    hints = [memory.add_note(note) for note in NOTES.tolist()]
    assert np.array_equal(hints, recall.compute_hints(NOTES[None])[0])


def test_memory_is_bounded(monkeypatch):
    monkeypatch.setattr(recall, "MAX_DISTANCE", 60)
    memory = PieceMemory()
    for note in NOTES.tolist():
        memory.add_note(note)
    assert len(memory.notes) == len(memory.keys) == 61
    assert all(0 < len(places) <= 61 for places in memory.places)


def test_a_theme_comes_back_in_another_key_and_with_a_chord_in_another_order():
    theme, swapped = [60, 64, 67, 62, 65, 72, 71], [60, 67, 64, 62, 65]
    notes = make_melody([*theme, 40, 90, 33, *(pitch + 5 for pitch in swapped)])
    hint = recall.compute_hints(notes[None])[0, -1]
    assert hint.tolist() == [2, 77, 76, TIME_TOKEN[5], TIME_TOKEN[105]]
    assert np.array_equal(recall.compute_hints(notes[None])[0, :-2], [NO_HINT] * 13)


def test_the_longest_match_counts_and_of_equal_ones_the_latest():
    five = [60, 64, 67, 62, 65]
    seven = [50, 57, *five]
    pitches = [*seven, 70, 1, *five, 80, 3, *five, 90, 5, *seven]
    hints = recall.compute_hints(make_melody(pitches)[None])[0]
    assert hints[pitches.index(90) - 1, :2].tolist() == [2, 80]
    assert hints[-1, :3].tolist() == [3, 70, 1]


def test_a_hint_does_not_depend_on_later_notes():
    changed = NOTES.copy()
    changed[200:] = make_quantized_notes(4, 200)
    before, after = (recall.compute_hints(notes[None])[0] for notes in (NOTES, changed))
    assert np.array_equal(before[:200], after[:200])
    assert not np.array_equal(before[200:], after[200:])


def test_transposed_music_has_transposed_hints_and_no_pitch_beyond_the_keyboard():
    hints = recall.compute_hints(NOTES[None])[0]
    higher = NOTES.copy()
    higher[:, PITCH] += 3
    expected = hints.copy()
    pitches = expected[:, 1:3]
    pitches[pitches != NO_PITCH] += 3
    assert np.array_equal(recall.compute_hints(higher[None])[0], expected)
    rising = make_melody([10, 14, 17, 12, 15, 127, 126, 11, 15, 18, 13, 16])
    assert recall.compute_hints(rising[None])[0, -1, :3].tolist() == [2, NO_PITCH, 127]


@pytest.mark.parametrize("count", [0, 1, 2, 4, 5, 11])
def test_a_short_piece_has_no_hints(count):
    notes = make_melody(list(range(40, 40 + 3 * count, 3)))[:5]
    hints = recall.compute_hints(notes[None])
    assert np.array_equal(hints[0], np.array([NO_HINT] * len(notes)).reshape(-1, 5))


def test_notes_that_repeat_have_hints_from_two_notes_earlier():
    hints = recall.compute_hints(make_melody([60] * 8)[None])[0]
    assert hints[:, 0].tolist() == [0, 0, 0, 0, 0, 1, 2, 2]
    assert hints[5:, 3].tolist() == [4, 5, 6]


def test_each_column_has_rows_of_the_table_for_all_values():
    hints = recall.compute_hints(NOTES[None])[0]
    rows = hints + recall.TABLE_OFFSETS
    assert recall.NUM_TABLE_ROWS == 7 + 2 * 129 + 2 * 83
    assert ((hints >= 0) & (hints < recall.NUM_VALUES)).all()
    assert (np.array(NO_HINT) < recall.NUM_VALUES).all()
    assert (rows[:, 1:].min(0) > rows[:, :-1].max(0)).all()
