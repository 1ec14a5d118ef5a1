import math
from dataclasses import replace

import numpy as np
import pytest
from factories import make_scores
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import stats

from pipeline.core.errors import DataError
from pipeline.evaluation import intervals
from pipeline.evaluation.bits import PieceScores, concatenate_scores
from pipeline.evaluation.intervals import Estimate, TMixture

SEEDS = st.integers(0, 10**6)
DESIGNS = st.sampled_from(["crossed", "nested", "one replicate"])


def make_table(design: str, seed: int) -> np.ndarray:
    """Make bits per note [R, C] of a design; not a number where a replicate did not score a composition."""
    rng = np.random.default_rng(seed)
    num_replicates = 1 if design == "one replicate" else int(rng.integers(2, 6))
    num_compositions = int(rng.integers(max(2, num_replicates), 12))
    replicate_effects = rng.normal(0, 1, (num_replicates, 1))
    composition_effects = rng.normal(0, 1, num_compositions)
    noise = rng.normal(0, 0.5, (num_replicates, num_compositions))
    table = 12 + replicate_effects + composition_effects + noise
    if design == "nested":
        is_held_out = np.arange(num_compositions) % num_replicates
        table[is_held_out != np.arange(num_replicates)[:, None]] = math.nan
    return table


def make_pair(design: str, seed: int) -> tuple[PieceScores, PieceScores]:
    """Make scores of two models on compositions of unequal length."""
    table = make_table(design, seed)
    rng = np.random.default_rng([seed, 1])
    num_notes = rng.integers(1, 400, table.shape[1])
    other = table + rng.normal(0.2, 0.4, table.shape)
    return make_scores(table, num_notes), make_scores(other, num_notes)


def list_figures(estimate: Estimate) -> list[float]:
    """Return all figures of an estimate that a caller can see."""
    variances = estimate.composition_variance, estimate.replicate_variance
    return [*estimate.interval, estimate.p_value, *variances, *estimate.distribution]


def split_piece(scores: PieceScores, row: int, share: float) -> PieceScores:
    """Replace a piece by two performances of its composition, each with a share of the bits and notes."""
    first = np.floor(scores.num_notes[row] * share).astype(np.int64)
    notes, bits, names = scores.num_notes.copy(), scores.bits.copy(), scores.piece_names.copy()
    notes[row] -= first
    bits[row] *= 1 - share
    only = scores.select(np.arange(len(notes)) == row)
    added = replace(
        only,
        piece_names=np.array(["again.mid"]),
        num_notes=np.array([first]),
        bits=only.bits * share,
    )
    return concatenate_scores(
        [replace(scores, num_notes=notes, bits=bits, piece_names=names), added]
    )


@given(DESIGNS, SEEDS)
def test_a_difference_the_other_way_round_has_the_other_sign(design, seed):
    scores, reference = make_pair(design, seed)
    forth = intervals.estimate_difference(scores, reference)
    back = intervals.estimate_difference(reference, scores)
    assert back.mean == pytest.approx(-forth.mean, abs=1e-12)
    assert back.interval.low == pytest.approx(-forth.interval.high, abs=1e-9)
    assert back.interval.high == pytest.approx(-forth.interval.low, abs=1e-9)
    assert back.p_value == pytest.approx(forth.p_value)


@given(DESIGNS, SEEDS)
def test_equal_scores_differ_by_nothing_and_are_tied(design, seed):
    scores, _ = make_pair(design, seed)
    estimate = intervals.estimate_difference(scores, scores)
    assert (estimate.interval, estimate.p_value) == ((0, 0, 0), 1)
    assert all(pair.is_tie for pair in intervals.compare_pairs({"a": scores, "b": scores}))


@given(DESIGNS, SEEDS, st.sampled_from([0.01, -0.5, 3.0]))
def test_a_difference_that_is_the_same_everywhere_is_sure(design, seed, gap):
    scores, _ = make_pair(design, seed)
    shifted = replace(scores, bits=scores.bits + np.outer(scores.num_notes, [gap, 0, 0]))
    estimate = intervals.estimate_difference(shifted, scores)
    assert estimate.mean == pytest.approx(gap)
    assert estimate.half_width == pytest.approx(0, abs=1e-6)
    assert estimate.p_value == 0


@given(DESIGNS, SEEDS, st.floats(0.1, 10))
def test_an_interval_scales_with_the_bits(design, seed, factor):
    scores, reference = make_pair(design, seed)
    estimate = intervals.estimate_difference(scores, reference)
    scaled = intervals.estimate_difference(
        replace(scores, bits=factor * scores.bits), replace(reference, bits=factor * reference.bits)
    )
    assert scaled.interval == pytest.approx([factor * value for value in estimate.interval])
    assert scaled.p_value == pytest.approx(estimate.p_value)


@given(DESIGNS, SEEDS)
def test_the_order_of_rows_does_not_count(design, seed):
    pair = make_pair(design, seed)
    order = np.random.default_rng(seed).permutation(len(pair[0].num_notes))
    estimate = intervals.estimate_difference(*pair)
    shuffled = intervals.estimate_difference(*(scores.select(order) for scores in pair))
    assert list_figures(shuffled) == pytest.approx(list_figures(estimate))


@given(DESIGNS, SEEDS, st.sampled_from([0.25, 0.5]))
def test_performances_of_one_composition_are_one_unit(design, seed, share):
    rng = np.random.default_rng(seed)
    table = make_table(design, seed)
    num_notes = 4 * rng.integers(1, 100, table.shape[1])
    whole = (
        make_scores(table, num_notes),
        make_scores(table + rng.normal(size=table.shape), num_notes),
    )
    row = int(rng.integers(len(whole[0].num_notes)))
    parts = [split_piece(scores, row, share) for scores in whole]
    assert len(parts[0].num_notes) == len(whole[0].num_notes) + 1
    expected = list_figures(intervals.estimate_difference(*whole))
    assert list_figures(intervals.estimate_difference(*parts)) == pytest.approx(expected)


@given(DESIGNS, SEEDS)
def test_the_mean_is_over_notes_and_without_velocity(design, seed):
    scores, _ = make_pair(design, seed)
    with_velocity = np.hstack([scores.bits, np.full((len(scores.bits), 1), 1e6)])
    estimate = intervals.estimate_mean(replace(scores, bits=with_velocity))
    assert estimate.mean == pytest.approx(scores.bits.sum() / scores.num_notes.sum())
    assert list_figures(estimate) == list_figures(intervals.estimate_mean(scores))


@given(SEEDS, st.integers(2, 20))
def test_one_replicate_is_a_t_test_over_compositions(seed, num_compositions):
    bits_per_note = np.random.default_rng(seed).normal(12, 1, num_compositions)
    estimate = intervals.estimate_mean(make_scores(bits_per_note))
    expected = stats.ttest_1samp(bits_per_note, 0)
    assert estimate.p_value == pytest.approx(expected.pvalue)
    assert estimate.interval[1:] == pytest.approx(expected.confidence_interval(0.95))
    assert not estimate.is_nested


@given(SEEDS, st.integers(2, 6), st.integers(1, 3))
def test_folds_of_equal_size_are_a_t_test_over_their_means(seed, num_folds, fold_size):
    table = np.full((num_folds, num_folds * fold_size), math.nan)
    values = np.random.default_rng(seed).normal(12, 1, (num_folds, fold_size))
    for fold in range(num_folds):
        table[fold, fold * fold_size : (fold + 1) * fold_size] = values[fold]
    estimate = intervals.estimate_mean(make_scores(table))
    expected = stats.ttest_1samp(values.mean(axis=1), 0)
    assert estimate.interval[1:] == pytest.approx(expected.confidence_interval(0.95))
    assert estimate.is_nested


@given(SEEDS, st.integers(2, 5), st.integers(2, 8))
def test_crossed_replicates_are_a_two_way_analysis_of_variance(
    seed, num_replicates, num_compositions
):
    rng = np.random.default_rng(seed)
    shape = num_replicates, num_compositions
    table = rng.normal(0, 1, shape) + rng.normal(0, 2, (num_replicates, 1))
    table += rng.normal(0, 2, num_compositions)
    # Mean squares of rows, columns and the rest, by loops over the definitions of Searle, chapter 4.
    grand = table.mean()
    by_row = sum(
        num_compositions * (table[i].mean() - grand) ** 2 for i in range(num_replicates)
    ) / (num_replicates - 1)
    by_column = sum(
        num_replicates * (table[:, j].mean() - grand) ** 2 for j in range(num_compositions)
    ) / (num_compositions - 1)
    rest = sum(
        (table[i, j] - table[i].mean() - table[:, j].mean() + grand) ** 2
        for i in range(num_replicates)
        for j in range(num_compositions)
    ) / ((num_replicates - 1) * (num_compositions - 1))
    assume(rest <= min(by_row, by_column))
    estimate = intervals.estimate_mean(make_scores(table))
    variance = (by_row + by_column - rest) / table.size
    assert estimate.standard_error**2 == pytest.approx(variance)
    assert estimate.replicate_variance == pytest.approx((by_row - rest) / table.size)
    freedoms = num_compositions - 1, num_replicates - 1
    assert estimate.distribution == pytest.approx((*freedoms, by_row / (by_row + by_column)))


@given(SEEDS)
def test_an_interaction_that_is_large_by_chance_does_not_narrow_the_interval(seed):
    table = np.random.default_rng(seed).normal(0, 1, (3, 8))
    estimate = intervals.estimate_mean(make_scores(table))
    over_compositions = stats.sem(table.mean(axis=0))
    over_replicates = stats.sem(table.mean(axis=1))
    assert estimate.standard_error >= max(over_compositions, over_replicates) - 1e-12


@given(DESIGNS, SEEDS)
def test_many_experiments_of_one_design_are_split_as_each_alone(design, seed):
    """What `tools/coverage.py` measures is what the pipeline computes."""
    is_scored = ~np.isnan(make_table(design, seed))
    rng = np.random.default_rng(seed)
    notes = np.where(is_scored, rng.integers(1, 400, is_scored.shape[1]), 0).astype(float)
    residuals = np.where(is_scored, rng.normal(0, 1, (4, *is_scored.shape)), 0.0)
    *together, distribution = intervals.split_variance(residuals, notes)
    for number, item in enumerate(residuals):
        *alone, own = intervals.split_variance(item, notes)
        assert np.allclose(alone, [part[number] for part in together])
        assert own[:2] == distribution[:2]
        assert own.replicate_weight == pytest.approx(distribution.replicate_weight[number])


@given(st.floats(1, 50), st.floats(1, 50), st.floats(0, 1), st.floats(0.001, 0.5))
def test_the_quantile_has_its_p_value_and_lies_between_those_of_both(
    first, second, weight, p_value
):
    mixture = TMixture(first, second, weight)
    quantile = mixture.compute_quantile(p_value)
    assert mixture.compute_p_value(quantile) == pytest.approx(p_value, rel=1e-6)
    ends = sorted(stats.t.isf(p_value / 2, [first, second]))
    assert ends[0] * (1 - 1e-9) <= quantile <= ends[1] * (1 + 1e-9)
    freedom = mixture.compute_freedom()
    assert min(first, second) * (1 - 1e-9) <= freedom <= max(first, second) * (1 + 1e-9)


def test_replicates_that_agree_leave_only_compositions():
    bits_per_note = np.array([1.0, 2.0, 4.0, 3.0])
    estimate = intervals.estimate_mean(make_scores(np.tile(bits_per_note, (3, 1))))
    assert estimate.replicate_variance == pytest.approx(0)
    assert estimate.standard_error == pytest.approx(stats.sem(bits_per_note))


def test_one_composition_has_no_interval():
    scores, reference = make_scores([[3.0], [4.0]]), make_scores([[1.0], [1.5]])
    estimate = intervals.estimate_difference(scores, reference)
    assert estimate.mean == pytest.approx(2.25)
    assert estimate.interval.includes_zero
    assert estimate.p_value == 1
    assert intervals.round_interval(estimate.interval) == {
        "difference": 2.25,
        "low": None,
        "high": None,
    }


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_bits_that_are_not_finite_are_refused(value):
    scores, reference = make_pair("crossed", 1)
    scores.bits[[0, 2], 0] = value
    num_pieces = len(scores.bits)
    with pytest.raises(
        DataError, match=f"the bits of 2 of {num_pieces} pieces are not finite; eval"
    ):
        intervals.estimate_difference(scores, reference)


@pytest.mark.parametrize("column", ["replicates", "piece_names", "num_notes"])
def test_scores_of_other_notes_are_refused(column):
    scores, reference = make_pair("crossed", 1)
    values = getattr(reference, column).copy()
    values[0] = "x" if column == "piece_names" else values[0] + 1
    with pytest.raises(ValueError, match=f"of the same notes, and their {column} differ; score"):
        intervals.estimate_difference(scores, replace(reference, **{column: values}))


def test_every_two_models_are_compared_once_and_corrected_for_all():
    base, other = make_pair("crossed", 4)
    shifted = replace(base, bits=base.bits + np.outer(base.num_notes, [0.5, 0, 0]))
    scores = {"a": base, "b": shifted, "c": other}
    pairs = intervals.compare_pairs(scores)
    assert [(pair.first, pair.second) for pair in pairs] == [("a", "b"), ("a", "c"), ("b", "c")]
    for pair in pairs:
        alone = intervals.estimate_difference(scores[pair.first], scores[pair.second])
        assert pair.estimate == alone
    raw = {(pair.first, pair.second): pair.estimate.p_value for pair in pairs}
    assert intervals.correct_p_values(raw) == {
        (pair.first, pair.second): pair.corrected_p for pair in pairs
    }
    assert not pairs[0].is_tie
    (alone,) = intervals.compare_selected(scores, [("c", "a")])
    assert alone.corrected_p == pytest.approx(alone.estimate.p_value)
