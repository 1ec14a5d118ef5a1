import itertools

import numpy as np
import pytest
from factories import make_quantized_notes
from hypothesis import given
from sample_metrics.conftest import CODES, make_codes

from pipeline.notes.quantize import DURATION, PITCH, STEP, VELOCITY
from pipeline.sample_metrics import passage_features
from pipeline.sample_metrics.passage_features import PASSAGE_FEATURES


@given(CODES)
def test_a_key_is_struck_again_if_an_earlier_note_of_it_still_sounds(music):
    onsets = np.cumsum(music[:, STEP]).tolist()
    ends = [onset + int(held) for onset, held in zip(onsets, music[:, DURATION], strict=True)]
    pitches = music[:, PITCH].tolist()
    expected = sum(
        any(pitches[k] == pitches[n] and ends[k] > onsets[n] for k in range(n))
        for n in range(len(music))
    )
    assert passage_features.compute_restruck_share(music) == pytest.approx(expected / len(music))


def test_a_short_note_does_not_end_a_longer_one_of_its_key():
    music = make_codes(step=[5, 1, 5, 90], duration=[60, 0, 10, 10])
    assert passage_features.compute_restruck_share(music) == pytest.approx(2 / 4)


@given(CODES)
def test_silence_is_the_time_in_which_nothing_sounds(music):
    onsets = np.cumsum(music[:, STEP])
    first, last = int(onsets[0]), int(onsets[-1])
    sounds = np.zeros(last - first, bool)
    for onset, held in zip(onsets - first, music[:, DURATION], strict=True):
        sounds[onset : onset + held] = True
    expected = (~sounds).mean() if len(sounds) else 0.0
    assert passage_features.compute_silent_share(music) == pytest.approx(expected)


def test_chords_by_hand():
    # C E G, one after the other C# within a chord with C an octave below, then D alone.
    music = make_codes(step=[50, 0, 2, 10, 1, 3], pitch=[60, 64, 67, 61, 48, 62])
    assert passage_features.compute_chord_share(music) == pytest.approx(3 / 6)
    assert passage_features.compute_semitone_share(music) == pytest.approx(1 / 3)
    # Tops 67, 61, 62; bottoms 60, 48, 62.
    assert passage_features.compute_line_leap(music, is_top=True) == pytest.approx((6 + 1) / 2)
    assert passage_features.compute_line_leap(music, is_top=False) == pytest.approx((12 + 14) / 2)
    assert passage_features.compute_line_leap(make_codes(step=[5, 0, 0]), is_top=True) == 0
    assert passage_features.compute_semitone_share(make_codes(step=[10, 10, 10])) == 0


def test_rhythms_by_hand():
    # 10 and 11 cells lie in one half octave. Runs of four: 10 20 10 20, 20 10 20 11 which is new, 10 20 11 20 again.
    music = make_codes(step=[10, 20, 10, 20, 11, 20])
    assert passage_features.compute_rhythm_repetition(music) == pytest.approx(1 / 3)
    assert passage_features.compute_rhythm_repetition(make_codes(step=[1, 2, 3])) == 0


def test_steps_that_go_up_and_down_are_unlike_the_step_before():
    assert passage_features.compute_step_correlation(make_codes(step=[5, 50] * 9)) == pytest.approx(
        -1
    )
    assert passage_features.compute_step_correlation(make_codes(step=[5] * 9)) == 0
    assert passage_features.compute_step_correlation(make_codes(step=[5, 5, 5, 9])) == 0
    slow_then_fast = make_codes(step=[90] * 20 + [3] * 20)
    assert passage_features.compute_step_correlation(slow_then_fast) > 0.8


def test_halves_of_other_keys_have_nothing_in_common():
    other = make_codes(pitch=[60] * 10 + [61] * 10)
    assert passage_features.compute_half_overlap(other) == 0
    assert passage_features.compute_half_overlap(make_codes(pitch=[60, 48] * 10)) == 1


def test_each_feature_stands_in_its_column():
    passages = [make_quantized_notes(seed, 200) for seed in range(4)]
    values = passage_features.compute_passage_features(passages)
    assert values.shape == (4, len(PASSAGE_FEATURES))
    assert np.isfinite(values).all()
    names = list(PASSAGE_FEATURES)
    expected = [passage_features.compute_restruck_share(passage) for passage in passages]
    assert values[:, names.index("restruck")].tolist() == expected
    assert values[2, names.index("pitch")] == pytest.approx(passages[2][:, PITCH].mean())
    assert values[1, names.index("pitches_used")] == len(set(passages[1][:, PITCH].tolist()))


@given(CODES.filter(lambda music: len(music) >= 2))
def test_every_passage_has_finite_features(music):
    assert np.isfinite(passage_features.compute_passage_features([music])).all()


@pytest.mark.parametrize("name", PASSAGE_FEATURES)
def test_no_feature_depends_on_velocity_or_on_the_octave_of_the_key(name):
    music = make_quantized_notes(5, 200)
    loud, transposed = music.copy(), music.copy()
    loud[:, VELOCITY] = 99
    transposed[:, PITCH] += 1
    compute = PASSAGE_FEATURES[name].compute
    assert compute(loud) == compute(music)
    if name != "pitch":
        assert compute(transposed) == pytest.approx(compute(music))


def test_the_words_of_a_feature_name_both_directions():
    words = [(feature.more, feature.less) for feature in PASSAGE_FEATURES.values()]
    every = list(itertools.chain(*words))
    assert len(set(every)) == len(every) == 2 * len(PASSAGE_FEATURES)
