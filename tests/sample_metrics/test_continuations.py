"""Continuations of a model beside real ones."""

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from factories import make_quantized_notes

from pipeline.notes.quantize import STEP
from pipeline.sample_metrics import continuations
from pipeline.sample_metrics.continuations import PromptContinuations
from pipeline.sample_metrics.form import compute_form

NUM_NOTES = 40


def make_pairs(
    compositions: Sequence[str], num_following: int = 2 * NUM_NOTES, step: int = 7
) -> list[PromptContinuations]:
    """Make a prompt a composition, continued by notes that are all a step apart."""
    pairs = []
    for seed, composition in enumerate(compositions):
        music = make_quantized_notes(seed, 10 + num_following)
        generated = make_quantized_notes(100 + seed, NUM_NOTES)
        generated[:, STEP] = step
        pairs.append(PromptContinuations(composition, music[:10], generated, music[10:]))
    return pairs


def compare_pairs(pairs: Sequence[PromptContinuations]) -> dict[str, Any]:
    """Compare continuations that copy as many notes as their number."""
    num_passages = len(continuations.list_passages(pairs))
    return continuations.compare_continuations(pairs, range(num_passages), 0)


def test_means_and_differences_are_of_the_same_prompts() -> None:
    pairs = make_pairs("abc")
    comparison = compare_pairs(pairs)
    assert (comparison["prompts"], comparison["notes"], comparison["compositions"]) == (
        3,
        NUM_NOTES,
        3,
    )
    measure = comparison["measures"]["density"]
    generated, real = (
        np.mean([compute_form(each)["density"] for each in group])
        for group in (
            [pair.get_generated() for pair in pairs],
            [pair.get_real() for pair in pairs],
        )
    )
    assert measure["generated"] == pytest.approx(generated, rel=1e-3)
    assert measure["real"] == pytest.approx(real, rel=1e-3)
    assert measure["difference"][0] == pytest.approx(generated - real, rel=1e-3)
    mean, low, high = measure["difference"]
    assert low < mean < high


def test_real_music_does_not_differ_from_itself_where_pieces_begin_slowly() -> None:
    pairs = make_pairs([str(number) for number in range(60)])
    for pair in pairs:
        pair.following[:NUM_NOTES, STEP] = 20
        pair.following[NUM_NOTES:, STEP] = 10
    measure = compare_pairs(pairs)["measures"]["density"]
    assert measure["real"] == pytest.approx(5)
    mean, low, high = measure["real_difference"]
    assert low < 0 < high
    # Sixty draws of -5 or 5.
    assert high - low == pytest.approx(2 * 1.96 * 5 / 60**0.5, rel=0.1)
    assert abs(mean) < 2


def test_the_second_real_continuation_begins_where_the_first_ends() -> None:
    (pair,) = make_pairs("a")
    real, following = pair.get_real(), pair.get_next()
    assert np.array_equal(real.notes, pair.following[:NUM_NOTES])
    assert np.array_equal(following.prompt, real.notes[-10:])
    assert np.array_equal(following.notes, pair.following[NUM_NOTES:])


def test_prompts_without_a_second_real_continuation_have_a_first() -> None:
    pairs = [*make_pairs("ab"), *make_pairs("cd", 2 * NUM_NOTES - 1)]
    comparison = compare_pairs(pairs)
    assert (comparison["prompts"], comparison["prompts_with_next"]) == (4, 2)
    short = compare_pairs(pairs[2:])["measures"]["density"]
    assert short["real_difference"] == [None, None, None]
    assert None not in short["difference"]


def test_one_composition_gives_no_interval() -> None:
    measures = compare_pairs(make_pairs("aaa"))["measures"]
    for measure in measures.values():
        assert measure["difference"][1:] == [None, None]
    json.dumps(measures, allow_nan=False)


def test_copies_are_those_of_the_passages_in_order() -> None:
    """Of three prompts, two of which have a second real continuation."""
    pairs = [*make_pairs("ab"), *make_pairs("c", 2 * NUM_NOTES - 1)]
    passages = continuations.list_passages(pairs)
    kinds = [pairs[0].generated, pairs[0].get_real().notes, pairs[0].get_next().notes]
    for index, notes in zip((0, 3, 6), kinds, strict=True):
        assert np.array_equal(passages[index], notes)
    copied = [10, 11, 12, 20, 21, 22, 30, 31]
    measure = continuations.compare_continuations(pairs, copied, 0)["measures"]["copy"]
    assert (measure["generated"], measure["real"]) == (11, 21)
    # Plus or minus 10 each.
    assert abs(measure["real_difference"][0]) in (0, 10)


def test_the_interval_is_of_compositions_not_of_prompts() -> None:
    """Ten compositions far apart, ten equal prompts each: as wide as with one prompt each."""
    rng = np.random.default_rng(0)
    level = rng.normal(size=(10, 1))
    names = np.array(list("abcdefghij"))
    alone = continuations._estimate_means(level, names, 0)
    repeated = continuations._estimate_means(level.repeat(10, axis=0), names.repeat(10), 0)
    assert repeated == pytest.approx(alone)
    independent = continuations._estimate_means(
        level.repeat(10, axis=0), np.arange(100).astype(str), 0
    )
    assert np.ptp(independent[0, 1:]) < 0.5 * np.ptp(alone[0, 1:])


def test_the_interval_is_about_that_of_a_normal_mean() -> None:
    rng = np.random.default_rng(3)
    values = rng.normal(5, 2, size=(400, 1))
    mean, low, high = continuations._estimate_means(values, np.arange(400).astype(str), 0)[0]
    half_width = 1.96 * values.std(ddof=1) / 20
    assert (mean - low, high - mean) == pytest.approx((half_width, half_width), rel=0.1)
