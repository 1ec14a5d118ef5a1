import numpy as np
from factories import make_music as notes_of
from hypothesis import given
from hypothesis import strategies as st

from pipeline.notes import note
from pipeline.report import note_lists


@given(st.integers(0, 1000), st.integers(1, 60))
def test_notes_come_back_to_a_hundredth_of_a_second(seed, count):
    notes = notes_of(seed, count)
    step, held, pitch, velocity = np.array(note_lists.pack_notes(notes)).reshape(-1, 4).T
    assert np.abs(np.cumsum(step) / 100 - notes["onset"]).max() <= 0.0051
    assert np.abs(held / 100 - notes["duration"]).max() <= 0.0051
    assert (pitch == notes["pitch"]).all() and (velocity == notes["velocity"]).all()


def test_no_notes_are_an_empty_list():
    assert note_lists.pack_notes(np.empty(0, note.NOTE_DTYPE)) == []
