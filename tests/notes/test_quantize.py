import numpy as np
import pytest
from factories import make_music
from hypothesis import given
from hypothesis import strategies as st

from pipeline.notes import quantize
from pipeline.notes.note import make_notes, validate_notes
from pipeline.notes.quantize import DURATION, PEDAL, PITCH, STEP, VELOCITY

CODE = st.tuples(
    st.integers(0, 1000),
    st.integers(0, 1000),
    st.integers(0, 127),
    st.integers(1, 127),
    st.integers(0, 2),
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
        [0.5, 0.5, 0.756, 30.0],
        [0.004, 0.006, 1.0, 60.0],
        [60, 64, 62, 127],
        [1, 2, 3, 127],
        [0, 2, 1, 0],
    )
    expected = [
        [0, 0, 60, 1, 0],
        [0, 1, 64, 2, 2],
        [26, 100, 62, 3, 1],
        [1000, 1000, 127, 127, 0],
    ]
    assert quantize.quantize(notes).tolist() == expected
    assert quantize.quantize(notes).dtype == np.int16


def test_no_notes_and_no_codes():
    assert quantize.quantize(make_music(0, 0)).shape == (0, 5)
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
    assert [STEP, DURATION, PITCH, VELOCITY, PEDAL] == [0, 1, 2, 3, 4]
    assert quantize.SCORED_FEATURES == ("pitch", "step", "duration")
    assert quantize.SCALAR_FEATURES == [PITCH, STEP, DURATION]
    assert np.array_equal(quantize.SCALAR_SCALE, np.array([1 / 128, 0.01, 0.01], np.float32))


def test_token_ids_are_fewer_than_num_tokens_and_reach_the_last():
    highest = quantize.token_ids(np.array([[1000, 1000, 127, 127, 2]], np.int16))[0]
    for feature in quantize.FEATURES.values():
        assert highest[feature.column] == feature.num_tokens - 1


@given(codes=CODES)
def test_notes_without_a_pedal_are_notes_whose_pedal_is_up(codes):
    codes[:, PEDAL] = 0
    without = codes[:, :PEDAL]
    assert np.array_equal(quantize.add_pedal_column(without), codes)
    assert quantize.add_pedal_column(codes) is codes
    assert np.array_equal(quantize.dequantize(without), quantize.dequantize(codes))
    assert np.array_equal(quantize.token_ids(without), quantize.token_ids(codes)[:, :PEDAL])


def test_velocity_and_pedal_are_generated_and_embedded_only_where_a_model_has_them():
    assert quantize.list_generated_features(False) == ("step", "pitch", "duration")
    assert quantize.list_generated_features(True) == ("step", "pitch", "duration", "velocity")
    with_pedal = ["step", "pitch", "duration", "velocity", "pedal"]
    assert list(quantize.list_generated_features(True, True)) == with_pedal
    embedded = [feature.name for feature in quantize.list_embedded_features(True, True)]
    assert embedded == ["step", "duration", "pitch", "velocity", "pedal"]
    assert quantize.list_bits_columns(5) == ("pitch", "step", "duration", "velocity", "pedal")
