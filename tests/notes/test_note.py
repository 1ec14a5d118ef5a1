import numpy as np
import pytest
from factories import make_music
from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.errors import MidiError
from pipeline.notes import note

ROW = st.tuples(
    st.floats(0, 1000),
    st.floats(0.001, 60),
    st.integers(0, 127),
    st.integers(1, 127),
    st.integers(0, 2),
)


@given(rows=st.lists(ROW, min_size=1, max_size=30))
def test_notes_are_sorted_by_onset_and_pitch_and_none_is_lost(rows):
    notes = note.make_notes(*zip(*rows, strict=True))
    assert note.validate_notes(notes) is notes
    assert sorted(notes.tolist()) == sorted(rows)
    keys = [(onset, pitch) for onset, _, pitch, _, _ in notes.tolist()]
    assert keys == sorted(keys)


@pytest.mark.parametrize(
    ("column", "value", "what"),
    [
        ("onset", np.nan, "onset is not a finite time"),
        ("onset", -0.001, "onset is before the start"),
        ("onset", 90_000.0, "onset is later than a day"),
        ("onset", 0.0, "onset is before the onset of the note above"),
        ("duration", np.inf, "duration is not a finite time"),
        ("duration", 0.0, "duration is not positive"),
        ("duration", 90_000.0, "duration is longer than a day"),
        ("pitch", 128, "pitch is over 127"),
        ("velocity", 0, "velocity is outside 1..127"),
        ("velocity", 128, "velocity is outside 1..127"),
        ("pedal", 3, "pedal is over 2"),
    ],
)
def test_a_bad_row_is_named_with_what_is_wrong(column, value, what):
    notes = make_music(0, 12)
    notes["onset"] += 1.0
    notes[column][7] = value
    with pytest.raises(MidiError, match=f"^note 7: {what}"):
        note.validate_notes(notes)


@pytest.mark.parametrize("column", ["onset", "duration"])
def test_a_last_note_that_is_too_late_or_too_long_is_refused(column):
    notes = make_music(0, 12)
    notes[column][-1] = 90_000.0
    with pytest.raises(MidiError, match=rf"^note 11: {column} is l\w+ than a day"):
        note.validate_notes(notes)


def test_a_bad_row_is_shown_in_words_and_numbers():
    notes = note.make_notes([0.5, 1.0], [0.25, 0.5], [60, 62], [80, 0])
    with pytest.raises(MidiError) as caught:
        note.validate_notes(notes)
    assert str(caught.value) == (
        "note 1: velocity is outside 1..127 (onset 1, duration 0.5, pitch 62, velocity 0, pedal 0)"
    )


def test_no_notes_are_refused():
    with pytest.raises(MidiError, match="no notes"):
        note.validate_notes(make_music(0, 0))


def test_columns_of_unlike_length_are_refused():
    with pytest.raises(ValueError, match="broadcast"):
        note.make_notes([0.0, 1.0], [1.0], [60, 61], [64, 64, 64])
