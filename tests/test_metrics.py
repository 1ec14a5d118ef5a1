import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from pipeline import metrics
from pipeline.metrics import Scores

ROWS = st.lists(
    st.tuples(
        st.text("abc é/.", min_size=1, max_size=5),
        st.integers(1, 10_000),
        *[st.integers(0, 10**9).map(lambda ten_thousandths: ten_thousandths / 10**4)] * 3,
    ).map(list),
    min_size=1,
    max_size=20,
)


def simulated(rng: np.random.Generator, rows: int, gap: float) -> tuple[Scores, Scores]:
    """Score made-up pieces that are hard or easy for both models alike; ours is `gap` bits per note above theirs."""
    notes = rng.integers(50, 400, rows)
    theirs = np.outer(notes * (4 + rng.normal(0, 1, rows)), [1, 1, 1])
    ours = theirs + np.outer(notes * (gap + rng.normal(0, 0.3, rows)), [0.5, 0.25, 0.25])
    names = np.array([f"{row}" for row in range(rows)])
    return Scores(names, notes, ours), Scores(names, notes, theirs)


@given(rows=ROWS)
def test_scores_come_back_from_rows(rows):
    assert Scores.of_rows(rows).as_rows() == rows


def test_bits_per_note_worked_by_hand():
    # Four notes whose pitch had the probabilities 1/2, 1/4, 1/4, 1/8 and whose times were certain, or 1/2 and 1/16.
    pitch, step, duration = [1.0, 2.0, 2.0, 3.0], [0.0, 0.0, 1.0, 1.0], [4.0, 0.0, 0.0, 0.0]
    bits = np.stack([pitch, step, duration], axis=1)
    scores = metrics.collect(["a", "b"], [bits[:3], bits[3:]])
    assert scores.per_note() == {"bits_per_note": 3.5, "pitch": 2.0, "step": 0.5, "duration": 1.0}


def test_few_pieces_are_cut_into_passages_and_many_are_not():
    bits = [np.full((450, 3), 1.0), np.full((7, 3), 2.0)]
    few = metrics.collect(["a", "b"], bits)
    assert few.as_rows() == [
        ["a", 200, 200, 200, 200],
        ["a", 200, 200, 200, 200],
        ["a", 50, 50, 50, 50],
        ["b", 7, 14, 14, 14],
    ]
    many = metrics.collect([str(number) for number in range(20)], bits * 10)
    assert many.notes.tolist() == [450, 7] * 10
    assert many.per_note() == pytest.approx(few.per_note())


def test_a_difference_is_the_mean_over_notes_not_over_rows():
    ours = Scores.of_rows([["a", 300, 600.0, 0.0, 0.0], ["b", 100, 100.0, 0.0, 0.0]])
    theirs = Scores.of_rows([["a", 300, 300.0, 0.0, 0.0], ["b", 100, 200.0, 0.0, 0.0]])
    mean, low, high = metrics.difference(ours, theirs, 100, 0)
    assert mean == pytest.approx(0.5)
    assert (low, high) == (-1.0, 1.0)


def test_the_interval_is_that_of_scipy():
    ours, theirs = simulated(np.random.default_rng(1), 60, 0.1)
    gap = (ours.bits - theirs.bits).sum(axis=1)
    expected = stats.bootstrap(
        (gap, ours.notes),
        lambda g, n, axis: g.sum(axis=axis) / n.sum(axis=axis),
        paired=True,
        vectorized=True,
        method="percentile",
        n_resamples=20_000,
        rng=np.random.default_rng(2),
    ).confidence_interval
    _, low, high = metrics.difference(ours, theirs, 20_000, 3)
    assert (low, high) == pytest.approx(tuple(expected), abs=0.004)


def test_the_interval_holds_the_truth_95_times_in_100():
    rng = np.random.default_rng(0)
    held = 0
    for seed in range(500):
        _, low, high = metrics.difference(*simulated(rng, 60, 0.1), 300, seed)
        held += low <= 0.1 <= high
    assert 0.92 <= held / 500 <= 0.98


def test_the_same_seed_gives_the_same_interval_and_equal_models_none():
    ours, theirs = simulated(np.random.default_rng(4), 30, 0.2)
    assert metrics.difference(ours, theirs, 200, 7) == metrics.difference(ours, theirs, 200, 7)
    assert metrics.difference(ours, theirs, 200, 7) != metrics.difference(ours, theirs, 200, 8)
    assert metrics.difference(ours, ours, 200, 7) == (0, 0, 0)


def test_scores_of_other_notes_are_refused():
    ours = Scores.of_rows([["a", 3, 1.0, 1.0, 1.0]])
    for other in (["a", 4, 1.0, 1.0, 1.0], ["b", 3, 1.0, 1.0, 1.0]):
        with pytest.raises(ValueError, match="of the same notes"):
            metrics.difference(ours, Scores.of_rows([other]), 100, 0)
