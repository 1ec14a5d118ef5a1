import math
from collections.abc import Sequence

import factories
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from sample_metrics.conftest import CODES, make_codes
from scipy.stats import wasserstein_distance

from pipeline.notes.quantize import DURATION, PITCH, STEP, QuantizedNotes
from pipeline.sample_metrics import features
from pipeline.sample_metrics.features import TrainingReference
from pipeline.sample_metrics.memorization import SuffixIndex, find_longest_match


def compute_repetition(codes: QuantizedNotes, n: int, transposed: bool) -> float:
    seen: list[tuple[int, ...]] = []
    again, pitches = 0, codes[:, PITCH].tolist()
    for begin in range(len(pitches) - n + 1):
        run = pitches[begin : begin + n]
        key = tuple(pitch - run[0] if transposed else pitch for pitch in run)
        again += key in seen
        seen.append(key)
    return again / max(1, len(pitches) - n + 1)


@given(CODES, st.integers(2, 8), st.booleans())
def test_repeated_is_what_came_before(codes: QuantizedNotes, n: int, transposed: bool) -> None:
    expected = compute_repetition(codes, n, transposed)
    assert features.compute_ngram_repetition(codes, n, transposed) == pytest.approx(
        expected, abs=1e-12
    )


def test_repeated_by_hand() -> None:
    tune = make_codes(pitch=[60, 62, 64, 65, 60, 62, 64, 65, 67, 69, 71])
    # Of 8 runs of four only the fifth, 60 62 64 65, came before; moved up, G A B would follow another interval.
    assert features.compute_ngram_repetition(tune, 4) == pytest.approx(1 / 8)
    assert features.compute_ngram_repetition(tune, 3) == pytest.approx(2 / 9)
    # 60 62 64, 62 64 65 again, and 65 67 69, 67 69 71 like the 60 62 64 of the beginning.
    assert features.compute_ngram_repetition(tune, 3, transposed=True) == pytest.approx(4 / 9)
    assert features.compute_ngram_repetition(tune, 12) == 0.0


@given(st.lists(st.booleans(), max_size=30))
def test_longest_run(flags: list[bool]) -> None:
    text = "".join("x" if flag else " " for flag in flags)
    assert features.find_longest_run(np.array(flags, bool)) == max(map(len, text.split(" ")))


def test_a_model_stuck_on_a_key_or_in_time_is_seen() -> None:
    assert features.count_same_pitch_run(make_codes(pitch=[60, 62, 62, 62, 60, 60])) == 3
    assert features.count_same_pitch_run(make_codes(pitch=[60] * 50)) == 50
    assert features.count_same_pitch_run(make_codes(pitch=[60, 61])) == 1
    assert features.count_same_pitch_run(make_codes(pitch=[])) == 0
    assert features.count_zero_step_run(make_codes(step=[0, 5, 0, 0, 0, 1, 0])) == 3
    assert features.count_zero_step_run(make_codes(step=[0] * 50)) == 50
    assert features.count_zero_step_run(make_codes(step=[1, 1])) == 0


def test_density_by_hand() -> None:
    assert features.compute_density(make_codes(step=[0, 50, 50, 100])) == pytest.approx(4 / 2.0)
    assert features.compute_density(make_codes(step=[0, 0, 0])) == pytest.approx(300)
    assert features.compute_density(make_codes(step=[1000] * 40)) == pytest.approx(
        0.1
    )  # no overflow of int16


def test_drift_by_hand() -> None:
    codes = make_codes(
        step=[10, 10, 20, 20, 40, 40, 50, 50],
        pitch=[60, 62, 60, 64, 50, 50, 70, 72],
        velocity=[1, 3, 10, 10, 20, 40, 100, 101],
    )
    drift = features.compute_drift(codes)
    assert [drift[f"density_{k}"] for k in range(1, 5)] == pytest.approx([10, 5, 2.5, 2])
    assert [drift[f"pitch_{k}"] for k in range(1, 5)] == [61, 62, 50, 71]
    assert [drift[f"velocity_{k}"] for k in range(1, 5)] == [2, 10, 30, 100.5]
    assert drift["density_drift"] == pytest.approx(0.2)


def test_pitch_classes_and_their_overlap_by_hand() -> None:
    first = features.compute_pitch_class_histogram(make_codes(pitch=[0, 12, 61, 127]))
    assert first.tolist() == [0.5, 0.25, 0, 0, 0, 0, 0, 0.25, 0, 0, 0, 0]
    second = features.compute_pitch_class_histogram(make_codes(pitch=[24, 13, 13, 14]))
    assert features.compute_histogram_overlap(first, second) == pytest.approx(0.25 + 0.25)
    assert features.compute_histogram_overlap(first, first) == pytest.approx(1)


@given(CODES, CODES)
def test_overlap_is_one_less_the_total_variation(
    first: QuantizedNotes, second: QuantizedNotes
) -> None:
    first_histogram, second_histogram = (
        features.compute_pitch_class_histogram(first),
        features.compute_pitch_class_histogram(second),
    )
    assert features.compute_histogram_overlap(first_histogram, second_histogram) == pytest.approx(
        1 - np.abs(first_histogram - second_histogram).sum() / 2
    )


CELLS = st.lists(st.integers(0, 1000), min_size=1, max_size=30)


def compute_octaves(cells: Sequence[int]) -> NDArray[np.float64]:
    return np.log2(1 + np.array(cells))


@given(CELLS, CELLS)
def test_distance_of_times_against_scipy(first: list[int], second: list[int]) -> None:
    first_histogram, second_histogram = (
        features.compute_time_histogram(make_codes(duration=cells), DURATION)
        for cells in (first, second)
    )
    expected = wasserstein_distance(compute_octaves(first), compute_octaves(second))
    assert features.compute_log_time_wasserstein(
        first_histogram, second_histogram
    ) == pytest.approx(expected, abs=1e-9)


def test_twice_as_long_is_an_octave_apart() -> None:
    short, long = (
        features.compute_time_histogram(make_codes(step=cells), STEP)
        for cells in ([9, 49, 199], [19, 99, 399])
    )
    assert features.compute_log_time_wasserstein(short, long) == pytest.approx(1)


def compute_polyphony(codes: QuantizedNotes) -> float:
    roll = np.zeros((int(codes[:, STEP].sum()) + 1100, 128), bool)
    onset = 0
    for step, duration, pitch, _ in codes.tolist():
        onset += step
        roll[onset : onset + max(duration, 1), pitch] = True
    sounding = roll.sum(axis=1)
    return float(sounding[sounding > 0].mean())


@given(CODES)
def test_polyphony_is_that_of_the_piano_roll(codes: QuantizedNotes) -> None:
    assert features.compute_polyphony(codes) == pytest.approx(compute_polyphony(codes))


def test_polyphony_by_hand() -> None:
    # Two pitches for 10 cells, one for 10 more, silence, one for 10: 40 cells of pitch in 30 of sound.
    codes = make_codes(step=[0, 0, 100], duration=[10, 20, 10], pitch=[60, 64, 60])
    assert features.compute_polyphony(codes) == pytest.approx(40 / 30)
    assert (
        features.compute_polyphony(make_codes(step=[0, 5], duration=[10, 10], pitch=[60, 60]))
        == 1.0
    )


TRAINING = [factories.make_quantized_notes(seed, 300) for seed in range(3)]


def compute_features(
    codes: QuantizedNotes, pieces: Sequence[QuantizedNotes] = TRAINING
) -> dict[str, float]:
    """Return the measures of one passage."""
    reference = TrainingReference.from_pieces(pieces, [codes])
    (row,) = features.compute_sample_features([codes], reference)
    return row


def test_measures_come_by_name_and_in_one_order() -> None:
    first, second = (compute_features(factories.make_quantized_notes(seed, 100)) for seed in (7, 8))
    assert list(first) == list(second)
    assert all(type(value) is float and math.isfinite(value) for value in first.values())


def test_training_music_is_all_copy_and_no_distance() -> None:
    measures = compute_features(factories.make_quantized_notes(1, 300)[100:200])
    assert measures["copy"] == measures["copy_in_time"] == 100
    alone = [factories.make_quantized_notes(1, 300)]
    measures = compute_features(alone[0], alone)
    assert measures["pitch_class_overlap"] == pytest.approx(1)
    assert measures["step_distance"] == measures["duration_distance"] == 0


def test_each_measure_stands_under_its_name() -> None:
    codes = np.concatenate(
        [
            factories.make_quantized_notes(4, 120),
            factories.make_quantized_notes(1, 300)[40:80],
            factories.make_quantized_notes(4, 120),
        ]
    )
    codes[50:56, PITCH] = 64
    codes[100:120, PITCH] += 3
    codes[140, STEP] += 2
    codes[69:80, STEP] = [1, *[0] * 9, 1]
    measures = compute_features(codes)
    index, every = SuffixIndex(TRAINING), np.concatenate(TRAINING)
    assert (measures["same_pitch_run"], measures["step_zero_run"]) == (
        features.count_same_pitch_run(codes),
        9,
    )
    for n in (4, 8):
        assert measures[f"repeated_{n}"] == features.compute_ngram_repetition(codes, n)
        assert measures[f"repeated_{n}_transposed"] == features.compute_ngram_repetition(
            codes, n, transposed=True
        )
    assert measures["copy"] == find_longest_match(codes, index).num_notes
    assert measures["copy_in_time"] == find_longest_match(codes, index, tolerance=1).num_notes
    assert measures["pitches_used"] == len(set(codes[:, PITCH].tolist())) / 128
    assert measures["pitch_range"] == codes[:, PITCH].max() - codes[:, PITCH].min()
    assert measures["step_distance"] == features.compute_log_time_wasserstein(
        features.compute_time_histogram(codes, STEP), features.compute_time_histogram(every, STEP)
    )
    assert measures["duration_distance"] == features.compute_log_time_wasserstein(
        features.compute_time_histogram(codes, DURATION),
        features.compute_time_histogram(every, DURATION),
    )


def test_collapse_is_measured_not_refused() -> None:
    measures = compute_features(make_codes(step=[0] * 100, duration=[0] * 100))
    assert all(map(math.isfinite, measures.values()))
    assert (measures["same_pitch_run"], measures["step_zero_run"], measures["pitches_used"]) == (
        100,
        100,
        1 / 128,
    )
    assert measures["repeated_8"] == pytest.approx(92 / 93)


def test_too_few_notes_are_refused() -> None:
    with pytest.raises(ValueError, match="7 notes cannot be measured"):
        compute_features(factories.make_quantized_notes(1, 7))
