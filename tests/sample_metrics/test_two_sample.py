import json

import numpy as np
import pytest
from factories import make_quantized_notes
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import mannwhitneyu

from pipeline.notes.quantize import DURATION, PITCH
from pipeline.sample_metrics import two_sample
from pipeline.sample_metrics.passage_features import PASSAGE_FEATURES
from pipeline.sample_metrics.two_sample import PassagePairs, PromptPassages

FEATURE_NAMES = list(PASSAGE_FEATURES)


@given(st.lists(st.integers(0, 5), min_size=2, max_size=20))
def test_the_auc_is_the_statistic_of_mann_and_whitney(values):
    first, second = np.array(values[::2], float), np.array(values[1::2], float)
    expected = mannwhitneyu(second, first).statistic / (len(first) * len(second))
    assert two_sample.compute_auc(first, second) == pytest.approx(expected)


def make_scores(rng, effect, num_compositions, num_prompts):
    """Make scores of two kinds in which a composition shifts both, and the effect, of all its passages."""
    composition = np.repeat(np.arange(num_compositions), num_prompts)
    shift = rng.normal(0, 1, num_compositions)[composition]
    own_effect = effect + rng.normal(0, 0.5, num_compositions)[composition]
    noise = rng.normal(size=(2, len(composition)))
    return shift + noise[0], shift + own_effect + noise[1], composition.astype(str)


@pytest.mark.parametrize("effect", [0.0, 1.0, 3.0])
def test_the_interval_over_compositions_covers_the_true_auc(effect):
    rng = np.random.default_rng(4)
    first, second, _ = make_scores(rng, effect, 4000, 1)
    truth = two_sample.compute_auc(first, second)
    num_covered = 0
    for _ in range(400):
        estimate = two_sample.estimate_auc(*make_scores(rng, effect, 10, 10))
        num_covered += estimate.low <= truth <= estimate.high
        assert estimate.high - estimate.low < 0.35
    assert num_covered / 400 >= 0.95


def test_passages_of_one_composition_count_as_less_than_as_many_compositions():
    rng = np.random.default_rng(0)
    first, second, _ = make_scores(rng, 1.0, 5, 20)
    clustered = two_sample.estimate_auc(first, second, np.repeat(list("abcde"), 20))
    independent = two_sample.estimate_auc(first, second, np.arange(100).astype(str))
    assert clustered.auc == independent.auc
    assert clustered.high - clustered.low > 1.5 * (independent.high - independent.low)


def test_an_auc_of_one_still_has_an_interval():
    scores = np.arange(30.0)
    estimate = two_sample.estimate_auc(scores, scores + 100, np.repeat(list("abc"), 10))
    assert (estimate.auc, estimate.high) == (1.0, 1.0)
    assert 0.5 < estimate.low < 0.99


def make_pairs(shifts, num_compositions=8, num_prompts=6, spread=3.0):
    """Make features of two kinds; every composition has features of its own, far from those of others."""
    rng = np.random.default_rng(7)
    composition = np.repeat(np.arange(num_compositions), num_prompts)
    own = rng.normal(0, spread, (num_compositions, len(FEATURE_NAMES)))[composition]
    first, second = own + rng.normal(size=(2, *own.shape))
    for name, shift in shifts.items():
        second[:, FEATURE_NAMES.index(name)] += shift
    return PassagePairs(first, second, composition.astype(str))


def test_a_planted_difference_is_detected_on_unseen_compositions():
    assert two_sample.estimate_separation(make_pairs({"leap": 20.0})).low > 0.8
    estimate = two_sample.estimate_separation(make_pairs({}))
    assert estimate.low < 0.5 < estimate.high


def test_a_classifier_is_not_trained_on_the_composition_it_scores():
    # Both kinds of a composition can be known by a feature of that composition only, which says nothing of others.
    pairs = make_pairs({}, num_compositions=len(FEATURE_NAMES), num_prompts=4, spread=0.0)
    for number, composition in enumerate(np.unique(pairs.compositions)):
        pairs.second[pairs.compositions == composition, number] += 50
    estimate = two_sample.estimate_separation(pairs)
    assert estimate.auc < 0.75


def test_the_control_exchanges_both_kinds_of_a_pair():
    pairs = make_pairs({"leap": 20.0})
    swapped = pairs.swap(np.arange(48) % 2 == 1)
    assert (swapped.first[0] == pairs.first[0]).all()
    assert (swapped.first[1] == pairs.second[1]).all()
    assert (swapped.second[1] == pairs.first[1]).all()
    assert two_sample.estimate_separation(swapped).low < 0.5


def test_the_strongest_features_are_named_with_their_direction():
    shifts = {"restruck": 4.0, "repeated_pitches": -3.0, "silence": 2.0}
    rows = two_sample.rank_features(make_pairs(shifts, spread=0.1))
    assert [row["words"] for row in rows] == [
        "more keys struck again while they sound",
        "fewer runs of 4 pitches repeated",
        "more silence",
    ]
    assert rows[0]["auc"] >= rows[1]["auc"] >= rows[2]["auc"] > 0.8
    assert rows[1]["generated"] < rows[1]["real"]


def test_a_feature_that_follows_another_is_not_named_beside_it():
    pairs = make_pairs({"restruck": 30.0, "silence": 9.0})
    column = FEATURE_NAMES.index("restruck")
    for kind in (pairs.first, pairs.second):
        kind[:, FEATURE_NAMES.index("chords")] = 2 * kind[:, column] + 1
    names = [row["feature"] for row in two_sample.rank_features(pairs)]
    assert len({"restruck", "chords"} & set(names)) == 1
    assert len(names) == 3


def make_passages(change):
    """Make passages of 6 compositions, each in a range of its own, of which the generated ones are changed."""
    passages = []
    for number in range(30):
        real, next_real, generated = (
            make_quantized_notes(100 * kind + number, 200) for kind in range(3)
        )
        for music in (real, next_real, generated):
            music[:, PITCH] += number // 5
        change(generated)
        passages.append(PromptPassages(str(number // 5), real, next_real, generated))
    return passages


def hold_longer(music):
    music[:, DURATION] = np.minimum(2 * music[:, DURATION] + 5, 1000)


def test_generated_music_that_differs_is_detected_and_real_music_is_not():
    comparison = two_sample.compare_passages(make_passages(hold_longer), seed=42)
    assert json.loads(json.dumps(comparison, allow_nan=False)) == comparison
    assert (comparison["prompts"], comparison["notes"], comparison["compositions"]) == (30, 200, 6)
    assert comparison["generated"]["low"] > 0.5
    assert comparison["real"]["low"] < 0.5 < comparison["real"]["high"]
    assert "longer notes" in [row["words"] for row in comparison["features"]]


@pytest.mark.parametrize("num_compositions", [6, 10])
def test_without_a_difference_the_interval_covers_a_half(num_compositions):
    num_covered = 0
    for seed in range(100):
        rng = np.random.default_rng(seed)
        composition = np.repeat(np.arange(num_compositions), 8)
        own = rng.normal(size=(num_compositions, len(FEATURE_NAMES)))[composition]
        first, second = own + rng.normal(size=(2, *own.shape))
        estimate = two_sample.estimate_separation(
            PassagePairs(first, second, composition.astype(str))
        )
        num_covered += estimate.low <= 0.5 <= estimate.high
    assert num_covered >= 93


def test_a_change_between_passages_of_real_music_is_no_difference():
    passages = make_passages(lambda music: None)
    for each in passages:
        hold_longer(each.next_real)
    control = two_sample.compare_passages(passages, seed=42)["real"]
    assert control["low"] < 0.5 < control["high"]


def test_equal_passages_give_equal_results():
    passages = make_passages(hold_longer)
    first = two_sample.compare_passages(passages, seed=1)
    assert two_sample.compare_passages(passages, seed=1) == first
    assert two_sample.compare_passages(passages, seed=2)["generated"] == first["generated"]
