"""Pitches that sound share one small probability."""

import numpy as np
import pytest

from pipeline.models.numpy.active_mask import ACTIVE_PROB, compute_masked_probs, mask_active
from pipeline.models.numpy.heads import softmax

RNG = np.random.default_rng(0)
LOGITS = RNG.normal(0, 3, (50, 128)).astype(np.float32)
ACTIVE = (RNG.integers(0, 300, (50, 128)) * (RNG.random((50, 128)) < 0.1)).astype(np.int16)


def test_pitches_that_sound_have_one_small_probability_together():
    probs = softmax(mask_active(LOGITS, ACTIVE))
    assert probs.sum(axis=1) == pytest.approx(np.ones(50), abs=1e-12)
    assert (probs * (ACTIVE > 0)).sum(axis=1) == pytest.approx(np.full(50, ACTIVE_PROB), rel=1e-4)


def test_the_others_and_those_that_sound_keep_their_ratios():
    before, after = softmax(LOGITS), softmax(mask_active(LOGITS, ACTIVE))
    for row, sounds in enumerate(ACTIVE > 0):
        for selected in (sounds, ~sounds):
            a, b = before[row, selected], after[row, selected]
            assert b / b.sum() == pytest.approx(a / a.sum(), rel=1e-4)


@pytest.mark.parametrize("cells", [0, 5])
def test_where_all_or_none_sound_nothing_changes(cells):
    assert np.array_equal(mask_active(LOGITS, np.full((50, 128), cells, np.int16)), LOGITS)


def test_a_model_that_is_sure_of_a_pitch_that_sounds_is_masked_all_the_same():
    logits, active = np.zeros(128, np.float32), np.zeros(128, np.int16)
    logits[60], active[60] = 1000, 7
    probs = softmax(mask_active(logits, active))
    assert probs[60] == pytest.approx(ACTIVE_PROB, rel=1e-3)
    assert np.delete(probs, 60) == pytest.approx(np.full(127, (1 - ACTIVE_PROB) / 127), rel=1e-4)


def test_the_distribution_of_one_note_is_the_softmax_of_its_masked_logits():
    for logits, active in zip(LOGITS, ACTIVE, strict=True):
        expected = softmax(mask_active(logits, active))
        probs = compute_masked_probs(logits, active, ACTIVE_PROB)
        assert probs == pytest.approx(expected, rel=1e-4)


def test_in_play_no_pitch_that_sounds_has_a_probability():
    for logits, active in zip(LOGITS, ACTIVE, strict=True):
        probs, expected = compute_masked_probs(logits, active, 0.0), softmax(logits)
        expected[active > 0] = 0
        assert probs == pytest.approx(expected / expected.sum(), rel=1e-6)


@pytest.mark.parametrize("active_prob", [0.0, ACTIVE_PROB])
def test_a_distribution_stays_proper_whatever_sounds(active_prob):
    sure, one = np.zeros(128, np.float32), np.zeros(128, np.int16)
    sure[60], one[60] = 1000, 7
    probs = compute_masked_probs(sure, one, active_prob)
    assert probs[60] == pytest.approx(active_prob)
    assert np.delete(probs, 60) == pytest.approx(np.full(127, (1 - active_prob) / 127))
    for cells in (0, 5):
        active = np.full(128, cells, np.int16)
        probs = compute_masked_probs(LOGITS[0], active, active_prob)
        assert probs == pytest.approx(softmax(LOGITS[0]))
