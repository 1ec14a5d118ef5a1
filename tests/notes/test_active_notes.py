import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.notes import active_notes
from pipeline.notes.quantize import DURATION, PITCH, STEP

# Few pitches, so that keys are struck again while they sound.
NOTE = st.tuples(st.integers(0, 30), st.integers(0, 60), st.integers(60, 64), st.integers(1, 127))
PIECES = st.integers(1, 30).flatmap(
    lambda count: st.lists(st.lists(NOTE, min_size=count, max_size=count), min_size=1, max_size=3)
)


def make_pieces(pieces: list[list[tuple[int, int, int, int]]]) -> np.ndarray:
    return np.array(pieces, np.int16)


def compute_by_definition(codes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the active notes before each note [T, 128] and after the last [128], from the end of each key's last note."""
    out, now, ends = np.zeros((len(codes), 128), int), 0, {}
    for t, (step, duration, pitch, _) in enumerate(codes.tolist()):
        now += step
        for key, end in ends.items():
            out[t, key] = max(end - now, 0)
        ends[pitch] = now + duration
    after = np.zeros(128, int)
    for key, end in ends.items():
        after[key] = max(end - now, 0)
    return out, after


def make_codes(*notes: tuple[int, int, int]) -> np.ndarray:
    """Make codes [1, T, 4] of (step, duration, pitch)."""
    return np.array([[(*note, 64) for note in notes]], np.int16)


@given(PIECES)
def test_what_is_left_is_the_time_to_the_end_of_the_latest_note_of_a_key(pieces):
    codes = make_pieces(pieces)
    active, after = active_notes.active_before_each(codes, active_notes.no_active_notes(len(codes)))
    for row, piece in enumerate(codes):
        expected, last = compute_by_definition(piece)
        assert np.array_equal(active[row], expected)
        assert np.array_equal(after[row], last)


@given(PIECES, st.data())
def test_reading_in_two_parts_is_reading_at_once(pieces, data):
    codes = make_pieces(pieces)
    cut = data.draw(st.integers(0, codes.shape[1]))
    active, after = active_notes.active_before_each(codes, active_notes.no_active_notes(len(codes)))
    first, between = active_notes.active_before_each(
        codes[:, :cut], active_notes.no_active_notes(len(codes))
    )
    second, end = active_notes.active_before_each(codes[:, cut:], between)
    assert np.array_equal(np.concatenate([first, second], axis=1), active)
    assert np.array_equal(end, after)


def test_a_note_does_not_count_itself():
    active, after = active_notes.active_before_each(
        make_codes((0, 50, 60)), active_notes.no_active_notes(1)
    )
    assert not active.any()
    assert after[0, 60] == 50


def test_the_notes_of_a_chord_hear_those_before_them():
    active, _ = active_notes.active_before_each(
        make_codes((0, 50, 60), (0, 40, 64), (0, 30, 67)), active_notes.no_active_notes(1)
    )
    assert {key: int(active[0, 2, key]) for key in np.flatnonzero(active[0, 2])} == {60: 50, 64: 40}


def test_a_key_struck_again_ends_as_its_latest_note_does():
    active, _ = active_notes.active_before_each(
        make_codes((0, 900, 60), (10, 20, 60), (5, 1, 61), (15, 1, 62)),
        active_notes.no_active_notes(1),
    )
    assert active[0, :, 60].tolist() == [0, 890, 15, 0]


def test_reading_leaves_the_state_it_was_given():
    given_state = np.full((1, 128), 7, np.int16)
    active_notes.active_before_each(make_codes((3, 50, 60)), given_state)
    active_notes.advance(given_state, np.array([3], np.int16))
    assert (given_state == 7).all()


def test_nothing_is_less_than_silent():
    assert not active_notes.advance(
        np.full((1, 128), 1000, np.int16), np.array([1000], np.int16)
    ).any()
    assert not active_notes.advance(
        active_notes.no_active_notes(2), np.array([0, 1000], np.int16)
    ).any()


def test_features_say_whether_a_key_sounds_and_how_nearly_it_ends():
    active = np.zeros((2, 3, 128), np.int16)
    active[0, 1, [0, 60, 127]] = 1, 20, 1000
    features = active_notes.active_features(active)
    assert features.shape == (2, 3, active_notes.NUM_FEATURES)
    assert features.dtype == np.float32
    sounds, fades = features[0, 1, :128], features[0, 1, 128:]
    assert np.flatnonzero(sounds).tolist() == [0, 60, 127]
    assert set(sounds) == {0.0, 1.0}
    assert fades[[0, 60, 127]] == pytest.approx([np.exp(-0.05), np.exp(-1), np.exp(-50)])
    assert np.flatnonzero(fades[:127]).tolist() == [0, 60]
    assert not features[1].any()


def test_the_columns_are_those_of_the_encoding():
    code = np.zeros((1, 2, 4), np.int16)
    code[0, :, STEP], code[0, :, DURATION], code[0, :, PITCH] = [0, 4], [9, 1], [70, 71]
    assert active_notes.active_before_each(code, active_notes.no_active_notes(1))[0][0, 1, 70] == 5


@given(st.dictionaries(st.integers(0, 127), st.integers(0, 1000), max_size=20), st.integers(0, 9))
def test_the_rows_of_sounding_keys_are_the_product_with_all(keys, seed):
    kernel = (
        np.random.default_rng(seed).normal(0, 1, (active_notes.NUM_FEATURES, 7)).astype(np.float32)
    )
    active = active_notes.no_active_notes(1)[0]
    active[list(keys)] = list(keys.values())
    expected = active_notes.active_features(active) @ kernel
    assert active_notes.SparseActiveProduct(kernel).apply(active) == pytest.approx(
        expected, abs=1e-4
    )


def test_silent_keys_add_nothing():
    kernel = np.ones((active_notes.NUM_FEATURES, 7), np.float32)
    assert np.array_equal(
        active_notes.SparseActiveProduct(kernel).apply(active_notes.no_active_notes(1)[0]),
        np.zeros(7, np.float32),
    )
