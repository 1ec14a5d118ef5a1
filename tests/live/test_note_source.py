import numpy as np
from factories import make_quantized_notes
from hypothesis import given
from hypothesis import strategies as st

from pipeline.live.note_source import PendingNote, from_quantized, to_quantized


@given(st.integers(0, 1000), st.integers(0, 40))
def test_codes_to_drafts_and_back(seed, count):
    given_codes = make_quantized_notes(seed, count)
    drafts = from_quantized(given_codes)
    assert np.array_equal(to_quantized(drafts), given_codes)
    assert [draft.onset for draft in drafts[-1:]] == [0] * min(count, 1)


def test_long_rests_and_long_notes_are_clipped_and_the_first_step_is_none():
    assert to_quantized([PendingNote(-500, 5000, 60, 1), PendingNote(9000, 1, 61, 2)]).tolist() == [
        [0, 1000, 60, 1, 0],
        [1000, 1, 61, 2, 0],
    ]
