import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from pipeline.evaluation import bits as metrics
from pipeline.evaluation.bits import PieceScores

ROWS = st.lists(
    st.tuples(
        st.text("abc é/.", min_size=1, max_size=5),
        st.integers(1, 10_000),
        *[st.integers(0, 10**9).map(lambda ten_thousandths: ten_thousandths / 10**4)] * 3,
    ).map(list),
    min_size=1,
    max_size=20,
)


def simulated(rng: np.random.Generator, rows: int, gap: float) -> tuple[PieceScores, PieceScores]:
    """Score made-up pieces that are hard or easy for both models alike; ours is `gap` bits per note above theirs."""
    notes = rng.integers(50, 400, rows)
    theirs = np.outer(notes * (4 + rng.normal(0, 1, rows)), [1, 1, 1])
    ours = theirs + np.outer(notes * (gap + rng.normal(0, 0.3, rows)), [0.5, 0.25, 0.25])
    names = np.array([f"{row}" for row in range(rows)])
    return PieceScores(names, notes, ours), PieceScores(names, notes, theirs)


@given(rows=ROWS)
def test_scores_come_back_from_rows(rows):
    assert PieceScores.from_rows(rows).to_rows() == rows


def test_bits_per_note_worked_by_hand():
    # Four notes whose pitch had the probabilities 1/2, 1/4, 1/4, 1/8 and whose times were certain, or 1/2 and 1/16.
    pitch, step, duration = [1.0, 2.0, 2.0, 3.0], [0.0, 0.0, 1.0, 1.0], [4.0, 0.0, 0.0, 0.0]
    bits = np.stack([pitch, step, duration], axis=1)
    scores = metrics.aggregate_bits(["a", "b"], [bits[:3], bits[3:]])
    assert scores.compute_bits_per_note() == {
        "bits_per_note": 3.5,
        "pitch": 2.0,
        "step": 0.5,
        "duration": 1.0,
    }


def test_few_pieces_are_cut_into_passages_and_many_are_not():
    bits = [np.full((4450, 3), 1.0), np.full((7, 3), 2.0)]
    few = metrics.aggregate_bits(["a", "b"], bits).to_rows()
    assert few[:22] == [["a", 200, 200, 200, 200]] * 22
    assert few[22:] == [["a", 50, 50, 50, 50], ["b", 7, 14, 14, 14]]
    many = metrics.aggregate_bits([str(number) for number in range(20)], bits * 10)
    assert many.num_notes.tolist() == [4450, 7] * 10
    assert many.compute_bits_per_note() == pytest.approx(
        metrics.aggregate_bits(["a", "b"], bits).compute_bits_per_note()
    )


@given(lengths=st.lists(st.integers(0, 3000), min_size=1, max_size=19))
def test_of_few_notes_there_are_20_passages_all_the_same(lengths):
    bits = [np.ones((length, 3)) for length in lengths]
    found = metrics.aggregate_bits([str(number) for number in range(len(bits))], bits)
    assert found.num_notes.sum() == found.bits[:, 0].sum() == sum(lengths)
    assert len(found.num_notes) >= min(20, sum(lengths))
    assert len(found.num_notes) == 0 or found.num_notes.max() <= 200


def test_a_difference_is_the_mean_over_notes_not_over_rows():
    ours = PieceScores.from_rows([["a", 300, 600.0, 0.0, 0.0], ["b", 100, 100.0, 0.0, 0.0]])
    theirs = PieceScores.from_rows([["a", 300, 300.0, 0.0, 0.0], ["b", 100, 200.0, 0.0, 0.0]])
    mean, low, high = metrics.compute_paired_difference(ours, theirs, 100, 0)
    assert mean == pytest.approx(0.5)
    assert low < -1.0 and high > 1.0  # two rows say next to nothing
    assert high - mean == pytest.approx(mean - low)


def test_the_interval_is_that_of_its_definition():
    ours, theirs = simulated(np.random.default_rng(1), 12, 0.1)
    gap = (ours.bits - theirs.bits).sum(axis=1)

    def mean_and_error(rows):
        of, count = gap[rows], ours.num_notes[rows]
        ratio = of.sum() / count.sum()
        return ratio, math.sqrt(sum((of - ratio * count) ** 2)) / count.sum()

    everything, error = mean_and_error(np.arange(12))
    times = np.random.default_rng(3).multinomial(12, np.full(12, 1 / 12), size=300)
    drawn = [mean_and_error(np.repeat(np.arange(12), its)) for its in times]
    far = [abs(ratio - everything) / its_error for ratio, its_error in drawn]
    reach = np.percentile(far, 95) * error
    expected = (everything, everything - reach, everything + reach)
    assert metrics.compute_paired_difference(ours, theirs, 300, 3) == pytest.approx(expected)


def test_of_many_pieces_the_interval_is_that_of_the_normal_distribution():
    ours, _ = simulated(np.random.default_rng(1), 3000, 0.1)
    # Of many rows a resampled mean has the standard error that scipy finds by resampling.
    error = stats.bootstrap(
        (ours.compute_scored_bits(), ours.num_notes),
        lambda bits, notes, axis: bits.sum(axis=axis) / notes.sum(axis=axis),
        paired=True,
        vectorized=True,
        n_resamples=2000,
        rng=np.random.default_rng(2),
    ).standard_error
    mean, low, high = metrics.compute_confidence_interval(ours, 4000, 3)
    assert (mean - low, high - mean) == pytest.approx([stats.norm.ppf(0.975) * error] * 2, rel=0.06)


@pytest.mark.parametrize(("rows", "heavy"), [(60, False), (60, True), (20, False), (20, True)])
def test_the_interval_holds_the_truth_95_times_in_100(rows, heavy):
    rng = np.random.default_rng(0)
    held = 0
    for seed in range(500):
        ours, theirs = simulated(rng, rows, 0.1)
        if heavy:
            gap = ours.num_notes * 0.5 * rng.standard_t(3, rows)
            ours = PieceScores(
                ours.piece_names, ours.num_notes, ours.bits + gap[:, None] * [1, 0, 0]
            )
        _, low, high = metrics.compute_paired_difference(ours, theirs, 300, seed)
        held += low <= 0.1 <= high
    # 500 tries of 95 % lie within 1.9 % of it in 19 of 20 cases; percentiles of 20 heavy-tailed rows hold 90 %.
    assert 0.93 <= held / 500 <= 0.97


def test_the_same_seed_gives_the_same_interval_and_equal_models_none():
    ours, theirs = simulated(np.random.default_rng(4), 30, 0.2)
    assert metrics.compute_paired_difference(
        ours, theirs, 200, 7
    ) == metrics.compute_paired_difference(ours, theirs, 200, 7)
    assert metrics.compute_paired_difference(
        ours, theirs, 200, 7
    ) != metrics.compute_paired_difference(ours, theirs, 200, 8)
    assert metrics.compute_paired_difference(ours, ours, 200, 7) == (0, 0, 0)


def test_scores_of_other_notes_are_refused():
    ours = PieceScores.from_rows([["a", 3, 1.0, 1.0, 1.0]])
    for other in (["a", 4, 1.0, 1.0, 1.0], ["b", 3, 1.0, 1.0, 1.0]):
        with pytest.raises(ValueError, match="of the same notes"):
            metrics.compute_paired_difference(ours, PieceScores.from_rows([other]), 100, 0)
