import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from pipeline.evaluation import calibration
from pipeline.evaluation.calibration import CalibrationStats

WEIGHTS = st.lists(st.integers(0, 5), min_size=6, max_size=6).filter(any)
NOTES = st.lists(st.tuples(WEIGHTS, st.integers(0, 5)), min_size=1, max_size=12)


def make_distributions(notes: list[tuple[list[int], int]]) -> tuple[np.ndarray, np.ndarray]:
    masses = np.array([weights for weights, _ in notes], float)
    return masses / masses.sum(axis=1, keepdims=True), np.array([came for _, came in notes])


def draw_stats(
    rng: np.random.Generator, sharp: float, stated: float, count: int = 20_000
) -> CalibrationStats:
    """Judge notes that come by softmax(sharp x logits) and are forecast by softmax(stated x logits)."""
    logits = rng.normal(size=(count, 12))
    truth, forecasts = (
        np.exp(scale * logits) / np.exp(scale * logits).sum(axis=1, keepdims=True)
        for scale in (sharp, stated)
    )
    outcomes = (truth.cumsum(axis=1) < rng.random((count, 1))).sum(axis=1)
    return calibration.score_distributions(forecasts, outcomes)


@given(NOTES)
def test_a_note_is_judged_as_by_hand(notes):
    masses, outcomes = make_distributions(notes)
    judged = calibration.score_distributions(masses, outcomes)
    for row, (weights, which) in enumerate(notes):
        whole = sum(weights)
        assert judged.prob[row] == pytest.approx(weights[which] / whole)
        assert judged.cdf_below[row] == pytest.approx(sum(weights[:which]) / whole)
        assert judged.max_prob[row] == pytest.approx(max(weights) / whole)
        assert judged.entropy[row] == pytest.approx(stats.entropy(weights, base=2))
        # Equally likely outcomes have any order: count the share of ranks in which the outcome is among the first k.
        before = sum(weight > weights[which] for weight in weights)
        ranks = range(before, before + weights.count(weights[which]))
        for k, top in ((1, judged.top1), (5, judged.top5)):
            assert top[row] == pytest.approx(
                float(Fraction(sum(rank < k for rank in ranks), len(ranks)))
            )


def test_reliability_and_its_error_worked_by_hand():
    # Two forecasts of 0.8, one of which came true, and two of 0.5, both of which came true; a bin holds its upper edge.
    masses = np.array([[0.8, 0.2], [0.2, 0.8], [0.5, 0.3], [0.5, 0.4]])
    judged = calibration.score_distributions(masses, np.array([0, 0, 0, 0]))
    half = 1 / math.sqrt(2)
    assert calibration.compute_reliability_bins(judged) == [
        (pytest.approx(half / 2), 0.5, 2, 0.5, 1.0),
        (pytest.approx(half), 1.0, 2, 0.8, 0.5),
    ]
    assert calibration.compute_calibration_error(judged) == pytest.approx(0.5 * 0.3 + 0.5 * 0.5)


def test_bins_reach_from_0_to_1():
    tops = np.array([1.0, 0.72, 0.70, 2**-6.9, 2**-7.1, 2**-12])
    judged = CalibrationStats(tops, tops, tops, np.zeros(6), np.zeros(6), np.zeros(6))
    bins = calibration.compute_reliability_bins(judged)
    assert [row[2] for row in bins] == [2, 1, 1, 2]
    assert bins[0][0] == 0.0
    assert all(low <= forecast <= high for low, high, _, forecast, _ in bins)
    assert bins == sorted(bins)


def test_true_probabilities_are_calibrated_and_exaggerated_ones_are_not():
    honest, boastful, timid = (
        draw_stats(np.random.default_rng(k), 1.5, scale) for k, scale in enumerate((1.5, 3.0, 0.7))
    )
    assert calibration.compute_calibration_error(honest) < 0.012
    assert calibration.compute_calibration_error(boastful) > 0.15
    assert calibration.compute_calibration_error(timid) > 0.15
    assert all(
        abs(frequency - forecast) < 0.05
        for _, _, notes, forecast, frequency in calibration.compute_reliability_bins(honest)
        if notes > 400
    )
    bits = [-np.log2(each.prob).mean() for each in (honest, boastful, timid)]
    assert bits[0] == pytest.approx(honest.entropy.mean(), abs=0.03)
    assert bits[1] > boastful.entropy.mean() + 0.3
    assert bits[2] < timid.entropy.mean() - 0.3


def test_pit_is_flat_for_true_probabilities():
    honest, boastful, timid = (
        draw_stats(np.random.default_rng(k), 1.5, scale) for k, scale in enumerate((1.5, 3.0, 0.7))
    )
    assert calibration.compute_pit_histogram(honest) == pytest.approx([0.1] * 10, abs=0.006)
    assert sum(calibration.compute_pit_histogram(boastful)) == pytest.approx(1)
    ends = [
        sum(calibration.compute_pit_histogram(each)[k] for k in (0, 9))
        for each in (boastful, timid)
    ]
    assert ends[0] > 0.25 and ends[1] < 0.17
    for level, share in calibration.compute_coverage(honest):
        assert share == pytest.approx(level, abs=0.01)
    assert all(share < level for level, share in calibration.compute_coverage(boastful))


def test_pit_is_the_mean_over_places_within_what_came():
    rng = np.random.default_rng(0)
    masses = rng.dirichlet(np.ones(7), 60)
    came = rng.integers(0, 7, 60)
    judged = calibration.score_distributions(masses, came)
    places = (np.arange(4000) + 0.5) / 4000
    spots = (judged.cdf_below[:, None] + judged.prob[:, None] * places).ravel()
    expected = np.histogram(spots, np.linspace(0, 1, 11))[0] / spots.size
    assert calibration.compute_pit_histogram(judged) == pytest.approx(expected.tolist(), abs=1e-3)


def test_statistics_of_parts_are_those_of_the_whole():
    masses, came = np.random.default_rng(0).dirichlet(np.ones(5), 30), np.arange(30) % 5
    parts = [
        calibration.score_distributions(masses[k : k + 10], came[k : k + 10]) for k in (0, 10, 20)
    ]
    whole, joined = (
        calibration.score_distributions(masses, came),
        calibration.concatenate_stats(parts),
    )
    assert all((getattr(whole, name) == getattr(joined, name)).all() for name in vars(whole))


def test_the_summary_has_times_below_and_pitch_not():
    judged = draw_stats(np.random.default_rng(0), 1, 1, 500)
    summary = calibration.summarize_calibration(
        {"pitch": judged, "step": judged}, {"pitch": 3.12345, "step": 2.0, "bits_per_note": 9.0}
    )
    assert summary["pitch"]["bits"] == 3.1235 or summary["pitch"]["bits"] == 3.1234
    assert set(summary["step"]) - set(summary["pitch"]) == {"pit", "coverage"}
    assert summary["step"]["top_1"] == pytest.approx(judged.top1.mean(), abs=1e-4)
    assert summary["step"]["top_5"] == pytest.approx(judged.top5.mean(), abs=1e-4)
    assert summary["step"]["ece"] == pytest.approx(
        calibration.compute_calibration_error(judged), abs=1e-4
    )
    assert sum(row[2] for row in summary["step"]["reliability"]) == 500
