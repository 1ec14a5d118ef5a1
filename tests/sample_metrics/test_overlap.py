import numpy as np
import pytest
from factories import make_quantized_notes
from hypothesis import given
from hypothesis import strategies as st
from sample_metrics.conftest import make_codes
from scipy import integrate, stats
from scipy.spatial.distance import cdist, pdist

from pipeline.notes.quantize import DURATION, STEP
from pipeline.sample_metrics import features, overlap

DISTANCES = st.lists(st.floats(0, 100), min_size=3, max_size=15)


def compute_overlap_by_scipy(first, second):
    first_density, second_density = stats.gaussian_kde(first), stats.gaussian_kde(second)
    points = np.linspace(min(*first, *second) - 300, max(*first, *second) + 300, 60_001)
    return integrate.trapezoid(np.minimum(first_density(points), second_density(points)), points)


@pytest.mark.slow
@given(DISTANCES, DISTANCES)
def test_the_area_is_that_of_scipy(first, second):
    low, high = min(*first, *second), max(*first, *second)
    widths = [np.std(each, ddof=1) * len(each) ** -0.2 for each in (first, second)]
    if min(widths) < 0.011 * (high - low) or high - low < 1:
        return  # narrower than the narrowest kernel
    assert overlap.compute_kde_overlap(np.array(first), np.array(second)) == pytest.approx(
        compute_overlap_by_scipy(first, second), abs=0.01
    )


def test_areas_worked_by_hand():
    rng = np.random.default_rng(0)
    some = rng.normal(5, 1, 400)
    assert overlap.compute_kde_overlap(some, some) == pytest.approx(1, abs=1e-3)
    assert overlap.compute_kde_overlap(some, some + 100) == pytest.approx(0, abs=1e-6)
    # Two normal densities a standard deviation apart share 2 Phi(-1/2); the kernels widen both by 4 %.
    assert overlap.compute_kde_overlap(some, rng.normal(6, 1, 400)) == pytest.approx(
        2 * stats.norm.cdf(-0.5), abs=0.06
    )


def test_distances_that_are_all_equal_are_no_fault():
    same = np.full(5, 2.0)
    assert overlap.compute_kde_overlap(same, same) == 1.0
    assert overlap.compute_kde_overlap(same, np.array([0.0, 1.0, 3.0])) < 0.5
    assert 0 < overlap.compute_kde_overlap(np.array([1.0]), np.array([1.0, 2.0])) < 0.5


@given(st.integers(2, 6), st.integers(1, 6), st.integers(1, 4))
def test_distances_are_those_of_scipy(num_first, num_second, size):
    rng = np.random.default_rng([num_first, num_second, size])
    first, second = rng.normal(size=(num_first, size)), rng.normal(size=(num_second, size))
    assert overlap.compute_intra_set_distances(first) == pytest.approx(pdist(first))
    assert overlap.compute_inter_set_distances(first, second) == pytest.approx(
        cdist(first, second).ravel()
    )


def test_features_by_hand():
    tune = make_codes(pitch=[60, 62, 60, 72], step=[0, 100, 50, 50], duration=[0, 1, 3, 1000])
    values = {name: feature(tune).tolist() for name, feature in overlap.FEATURE_FUNCTIONS.items()}
    assert values["pitches_used"] == [3]
    assert values["pitch_range"] == [12]
    assert values["pitch_interval"] == [pytest.approx((2 + 2 + 12) / 3)]
    assert values["step"] == [pytest.approx(0.5)]
    assert values["density"] == [pytest.approx(2)]
    assert values["polyphony"] == [features.compute_polyphony(tune)]
    assert values["pitch_classes"] == features.compute_pitch_class_histogram(tune).tolist()
    moves = np.reshape(values["pitch_class_transitions"], (12, 12))
    assert (moves[0, 2], moves[2, 0], moves[0, 0]) == pytest.approx((1 / 3, 1 / 3, 1 / 3))
    assert moves.sum() == pytest.approx(1)
    assert values["durations"] == [0.25, 0.25, 0, 0.25, *[0] * 15, 0.25]
    assert np.flatnonzero(values["steps"]).tolist() == [0, 11, 13]


def test_every_cell_of_time_has_its_half_octave():
    every = make_codes(duration=list(range(1001)))
    shares = overlap.compute_log_time_histogram(every, DURATION) * 1001
    assert shares == pytest.approx(np.diff(overlap.TIME_BIN_EDGES))
    assert overlap.compute_log_time_histogram(every, STEP).max() == 1


def test_passages_are_whole_apart_and_spread():
    pieces = [
        np.arange(40).reshape(10, 4),
        np.arange(100, 136).reshape(9, 4),
        np.zeros((2, 4), int),
    ]
    passages = overlap.split_passages(pieces, 3, 10)
    assert [part[0, 0] for part in passages] == [0, 12, 24, 100, 112, 124]
    assert all(part.shape == (3, 4) for part in passages)
    assert [part[0, 0] for part in overlap.split_passages(pieces, 3, 2)] == [0, 124]
    assert overlap.split_passages(pieces, 11, 2) == []


def test_similar_music_overlaps_and_odd_music_does_not():
    reference = overlap.split_passages(
        [make_quantized_notes(seed, 2000) for seed in range(3)], 100, 40
    )
    alike = overlap.compute_overlapping_areas(
        overlap.split_passages([make_quantized_notes(9, 2000)], 100, 40), reference
    )
    odd = [part.copy() for part in reference[:20]]
    for part in odd:
        part[:, STEP] = 900
    apart, before = (
        overlap.compute_overlapping_areas(odd, reference),
        overlap.compute_overlapping_areas(reference[:20], reference),
    )
    assert set(alike) == set(overlap.FEATURE_FUNCTIONS)
    assert min(alike.values()) > 0.6
    assert max(apart[name] for name in ("step", "steps", "density")) < 0.1
    unchanged = [name for name in before if name.startswith("pitch") or name == "durations"]
    assert [apart[name] for name in unchanged] == [before[name] for name in unchanged]
