import numpy as np
import pytest
from factories import make_music
from hypothesis import given
from hypothesis import strategies as st

from pipeline.notes import quantize
from pipeline.notes.note import make_notes, validate_notes
from pipeline.notes.quantize import DURATION, PITCH, STEP, VELOCITY

CODE = st.tuples(
    st.integers(0, 1000), st.integers(0, 1000), st.integers(0, 127), st.integers(1, 127)
)
CODES = st.lists(CODE, min_size=1, max_size=40).map(lambda rows: np.array(rows, np.int16))


@given(codes=CODES, start=st.floats(0, 3600))
def test_codes_come_back_from_notes_but_for_the_first_step(codes, start):
    notes = quantize.dequantize(codes, start)
    codes[0, STEP] = 0
    assert np.array_equal(quantize.quantize(notes), codes)
    assert notes["onset"][0] == start


@given(codes=CODES)
def test_decoded_notes_are_notes(codes):
    validate_notes(quantize.dequantize(codes))


@given(seconds=st.floats(0, 10))
def test_a_time_on_the_grid_is_at_most_half_a_cell_off(seconds):
    cell = quantize.seconds_to_grid(np.array([seconds]))[0]
    assert abs(cell * 0.01 - seconds) <= 0.005 + 1e-9


def test_codes_worked_by_hand():
    notes = make_notes(
        [0.5, 0.5, 0.756, 30.0], [0.004, 0.006, 1.0, 60.0], [60, 64, 62, 127], [1, 2, 3, 127]
    )
    expected = [[0, 0, 60, 1], [0, 1, 64, 2], [26, 100, 62, 3], [1000, 1000, 127, 127]]
    assert quantize.quantize(notes).tolist() == expected
    assert quantize.quantize(notes).dtype == np.int16


def test_no_notes_and_no_codes():
    assert quantize.quantize(make_music(0, 0)).shape == (0, 4)
    assert len(quantize.dequantize(np.empty((0, 4), np.int16))) == 0


def test_scalar_input_worked_by_hand():
    code = np.zeros(4, np.int16)
    code[[STEP, DURATION, PITCH, VELOCITY]] = 25, 150, 96, 80
    features = quantize.scalar_features(np.stack([code, code])[None])
    assert features.shape == (1, 2, 3)
    assert features.dtype == np.float32
    assert features[0, 1].tolist() == pytest.approx([0.75, 0.25, 1.5])


def test_a_note_fed_back_is_scaled_as_one_that_was_given():
    codes = quantize.quantize(make_music(1, 50))
    again = quantize.quantize(quantize.dequantize(codes))
    assert np.array_equal(quantize.scalar_features(again), quantize.scalar_features(codes))


def test_a_token_alone_is_that_of_many():
    codes = quantize.quantize(make_music(1, 300))
    assert [
        list(quantize.token_ids_of_note(*code)) for code in codes.tolist()
    ] == quantize.token_ids(codes).tolist()


def test_features_are_one_row_each_and_columns_are_those_of_quantized_notes():
    rows = quantize.FEATURES
    assert [rows[name].column for name in ("step", "duration", "pitch", "velocity")] == [0, 1, 2, 3]
    assert [STEP, DURATION, PITCH, VELOCITY] == [0, 1, 2, 3]
    assert quantize.SCORED_FEATURES == ("pitch", "step", "duration")
    assert quantize.SCALAR_FEATURES == [PITCH, STEP, DURATION]
    assert np.array_equal(quantize.SCALAR_SCALE, np.array([1 / 128, 0.01, 0.01], np.float32))


def test_token_ids_are_fewer_than_num_tokens_and_reach_the_last():
    highest = quantize.token_ids(np.array([[1000, 1000, 127, 127]], np.int16))[0]
    for feature in quantize.FEATURES.values():
        assert highest[feature.column] == feature.num_tokens - 1
