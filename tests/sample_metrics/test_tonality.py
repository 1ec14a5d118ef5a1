import numpy as np
import pytest
from factories import make_quantized_notes
from hypothesis import given
from hypothesis import strategies as st
from sample_metrics.conftest import CODES, make_codes

from pipeline.notes.quantize import DURATION, PITCH
from pipeline.sample_metrics import tonality

MAJOR, MINOR = (0, 2, 4, 5, 7, 9, 11), (0, 2, 3, 5, 7, 8, 10)


@given(CODES)
def test_scale_consistency_is_the_best_of_all_scales(music):
    classes = [pitch % 12 for pitch in music[:, PITCH].tolist()]
    best = max(
        sum((each - tonic) % 12 in scale for each in classes) / len(classes)
        for scale in (MAJOR, MINOR)
        for tonic in range(12)
    )
    assert tonality.scale_consistency(music) == pytest.approx(best)


@given(CODES)
def test_the_fit_of_a_key_is_the_correlation_of_numpy(music):
    held = np.zeros(12)
    for _, duration, pitch, _ in music.tolist():
        held[pitch % 12] += max(duration, 1)
    correlations = tonality.key_correlation(music)
    if np.ptp(held) == 0:
        assert (correlations == 0).all()
        return
    for tonic in range(12):
        assert correlations[tonic] == pytest.approx(
            np.corrcoef(held, np.roll(tonality.MAJOR_PROFILE, tonic))[0, 1]
        )
        assert correlations[12 + tonic] == pytest.approx(
            np.corrcoef(held, np.roll(tonality.MINOR_PROFILE, tonic))[0, 1]
        )


@pytest.mark.parametrize(("scale", "place"), [(MAJOR, 0), (MINOR, 12)])
@given(tonic=st.integers(0, 11))
def test_a_cadence_is_in_its_key(scale, place, tonic):
    triad = [scale[k] for k in (0, 2, 4)]
    tune = [60 + tonic + each for each in (*scale, *triad * 3, scale[4], scale[0])]
    assert int(tonality.key_correlation(make_codes(pitch=tune)).argmax()) == place + tonic


def test_long_notes_count_more():
    # C major by number of notes, F sharp major by how long they sound.
    tune = make_codes(pitch=[60, 64, 67, 60, 64, 67, 66, 70, 73], duration=[1] * 6 + [100] * 3)
    assert int(tonality.key_correlation(tune).argmax()) == 6


def test_music_of_one_key_keeps_it_and_music_of_many_does_not():
    chords = np.array([[0, 4, 7], [5, 9, 12], [7, 11, 14], [0, 4, 7]] * 100)
    stays = make_codes(pitch=(60 + chords).ravel())
    wanders = make_codes(
        pitch=(60 + chords + np.repeat(np.arange(12), 34)[:400, None] * 7 % 12).ravel()
    )
    assert tonality.tonality_features(stays) == {
        "scale_consistency": 1.0,
        "key_clarity": pytest.approx(0.96, abs=0.02),
        "key_kept": 1.0,
    }
    measures = tonality.tonality_features(wanders)
    assert measures["key_kept"] < 0.3
    assert 0.9 < measures["scale_consistency"] <= 1


def test_random_pitches_have_no_clear_key():
    rng = np.random.default_rng(0)
    random = tonality.tonality_features(make_codes(pitch=rng.integers(21, 109, 2000)))
    scale = tonality.tonality_features(make_quantized_notes(1, 2000))
    assert random["key_clarity"] < 0.6 < scale["key_clarity"]
    assert random["scale_consistency"] < 0.72 and scale["scale_consistency"] == 1.0


def test_one_stretch_keeps_its_key_and_silence_of_differences_has_none():
    assert tonality.tonality_features(make_quantized_notes(1, 40))["key_kept"] == 1.0
    even = make_codes(pitch=list(range(60, 72)))
    even[:, DURATION] = 10
    assert (tonality.key_correlation(even) == 0).all()
