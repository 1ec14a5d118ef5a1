"""How long ago each pitch was struck, against a count by hand."""

import numpy as np
import pytest
from factories import make_quantized_notes

from pipeline.notes import pitch_ages
from pipeline.notes.pitch_ages import AGE_TABLE, DECAY_CELLS, MAX_AGE, StrikeTimes
from pipeline.notes.quantize import PITCH, STEP

NOTES = np.stack([make_quantized_notes(seed, 60) for seed in range(2)])


def count_by_hand(notes: np.ndarray) -> np.ndarray:
    """Return the ages [T, 128] at the onset of each note of one piece [T, 4]."""
    onsets = notes[:, STEP].cumsum(dtype=int)
    ages = np.full((len(notes), 128), MAX_AGE)
    for t, pitch in np.ndindex(ages.shape):
        struck = [
            onset
            for onset, note in zip(onsets[: t + 1], notes, strict=False)
            if note[PITCH] == pitch
        ]
        if struck:
            ages[t, pitch] = min(onsets[t] - struck[-1], MAX_AGE)
    return ages


def test_ages_are_counted_from_the_latest_onset_of_each_pitch():
    ages = pitch_ages.ages_after_each(NOTES, pitch_ages.no_pitch_ages(2))
    assert np.array_equal(ages, np.stack([count_by_hand(piece) for piece in NOTES]))
    assert (np.take_along_axis(ages, NOTES[..., PITCH, None].astype(int), -1) == 0).all()


@pytest.mark.parametrize("cut", [1, 17, 59])
def test_ages_go_on_from_part_to_part(cut):
    whole = pitch_ages.ages_after_each(NOTES, pitch_ages.no_pitch_ages(2))
    first = pitch_ages.ages_after_each(NOTES[:, :cut], pitch_ages.no_pitch_ages(2))
    second = pitch_ages.ages_after_each(NOTES[:, cut:], first[:, -1])
    assert np.array_equal(np.concatenate([first, second], axis=1), whole)


def test_note_by_note_is_all_at_once():
    whole = pitch_ages.ages_after_each(NOTES, pitch_ages.no_pitch_ages(2))
    strikes = StrikeTimes()
    for t, note in enumerate(NOTES[1].tolist()):
        ages = strikes.add_note(note[STEP], note[PITCH])
        assert np.array_equal(np.minimum(ages, MAX_AGE), whole[1, t])


def test_ages_of_a_note_do_not_change_when_the_next_is_read():
    strikes = StrikeTimes()
    ages = strikes.add_note(5, 60)
    before = ages.copy()
    strikes.add_note(7, 61)
    assert np.array_equal(ages, before)


def test_ages_go_on_in_a_piece_longer_than_16_bits_count():
    strikes = StrikeTimes()
    for _ in range(100):
        ages = strikes.add_note(1000, 60)
    assert ages[60] == 0
    assert (np.delete(ages, 60) >= 100_000).all()


def test_what_was_struck_200_seconds_ago_was_never_struck():
    slow = np.tile(np.array([[1000, 1, 60, 64]], np.int16), (22, 1))
    slow[1:, PITCH] = 61
    ages = pitch_ages.ages_after_each(slow[None], pitch_ages.no_pitch_ages(1))[0, :, 60]
    assert ages.tolist() == [min(1000 * t, MAX_AGE) for t in range(22)]
    assert AGE_TABLE[ages[-1]].tolist() == [0, 0, 0]


@pytest.mark.parametrize("column", range(3))
def test_each_feature_falls_to_1_over_e(column):
    cells = round(DECAY_CELLS[column])
    assert AGE_TABLE[[0, cells], column] == pytest.approx([1, np.exp(-1)])
