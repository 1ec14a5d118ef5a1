import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from pipeline.evaluation import bootstrap
from pipeline.evaluation.bits import PieceScores
from pipeline.evaluation.bootstrap import ImplausibleIntervalError


def simulated(rng: np.random.Generator, rows: int, gap: float) -> tuple[PieceScores, PieceScores]:
    """Score made-up pieces that are hard or easy for both models alike; ours is `gap` bits per note above theirs."""
    notes = rng.integers(50, 400, rows)
    theirs = np.outer(notes * (4 + rng.normal(0, 1, rows)), [1, 1, 1])
    ours = theirs + np.outer(notes * (gap + rng.normal(0, 0.3, rows)), [0.5, 0.25, 0.25])
    names = np.array([f"{row}" for row in range(rows)])
    return PieceScores(names, notes, ours), PieceScores(names, notes, theirs)


def three(rows: int) -> dict[str, PieceScores]:
    """Score three models: `b` as `a` but half a bit a note better, `c` far worse."""
    a, c = simulated(np.random.default_rng(rows), rows, -2)
    return {
        "a": a,
        "b": PieceScores(a.piece_names, a.num_notes, a.bits - np.outer(a.num_notes, [0.5, 0, 0])),
        "c": c,
    }


def test_every_two_are_compared_once_and_as_the_table_does():
    scores = three(25)
    found = bootstrap.compute_pairwise_differences(scores, 500, 3)
    assert [(each["a"], each["b"]) for each in found] == [("a", "b"), ("a", "c"), ("b", "c")]
    assert found[0] == {"a": "a", "b": "b", "difference": 0.5, "low": 0.5, "high": 0.5}
    expected = bootstrap.compute_paired_difference(scores["b"], scores["c"], 500, 3)
    assert [found[2][key] for key in ("difference", "low", "high")] == pytest.approx(
        expected, abs=1e-4
    )


def test_the_share_of_wins_is_that_of_a_loop():
    rng = np.random.default_rng(5)
    notes = rng.integers(50, 400, 9)
    scores = {
        name: PieceScores(
            np.array(list("abcdefghi")), notes, rng.normal(4, 0.5, (9, 3)) * notes[:, None]
        )
        for name in "xyz"
    }
    wins = dict.fromkeys(scores, 0)
    for times in np.random.default_rng(1).multinomial(9, np.full(9, 1 / 9), size=400):
        rows = np.repeat(np.arange(9), times)
        wins[min(scores, key=lambda name: scores[name].bits[rows].sum() / notes[rows].sum())] += 1
    found = bootstrap.compute_win_rates(scores, 400, 1)
    assert found == {name: count / 400 for name, count in wins.items()}
    assert len([share for share in found.values() if share > 0.05]) > 1


def test_a_clear_winner_wins_always_and_velocity_does_not_count():
    scores = three(30)
    with_velocity = np.hstack([scores["b"].bits, np.full((30, 1), 1e6)])
    scores["b"] = PieceScores(scores["b"].piece_names, scores["b"].num_notes, with_velocity)
    assert bootstrap.compute_win_rates(scores, 200, 0) == {"a": 0.0, "b": 1.0, "c": 0.0}


@given(
    st.lists(
        st.tuples(st.sampled_from("abc"), st.integers(1, 99), st.floats(0, 999)),
        min_size=1,
        max_size=12,
    )
)
def test_passages_of_a_piece_are_put_together(rows):
    scores = PieceScores.from_rows([[name, notes, bits, 0.0, 0.0] for name, notes, bits in rows])
    expected = []
    for piece in sorted({name for name, _, _ in rows}):
        notes = sum(count for name, count, _ in rows if name == piece)
        expected.append(
            [
                piece,
                notes,
                pytest.approx(sum(b for n, _, b in rows if n == piece) / notes, abs=6e-5),
            ]
        )
    assert bootstrap.tabulate_bits_by_piece({"x": scores}) == expected


@pytest.mark.parametrize(("pieces", "unit"), [(20, "pieces"), (3, "passages")])
def test_the_table_says_what_a_row_is(pieces, unit):
    rows = [[f"{number % pieces}", 5, 5.0, 5.0, 5.0] for number in range(40)]
    found = bootstrap.build_pairs_table(
        {"x": PieceScores.from_rows(rows), "y": PieceScores.from_rows(rows)}, 100, 0
    )
    assert (found["unit"], found["rows"], found["resamples"]) == (unit, 40, 100)
    assert found["best"] == {"x": 1.0, "y": 0.0}


def test_a_difference_is_the_mean_over_notes_not_over_rows():
    ours = [["a", 300, 600.0, 0.0, 0.0], ["b", 100, 100.0, 0.0, 0.0]] * 10
    theirs = [["a", 300, 300.0, 0.0, 0.0], ["b", 100, 200.0, 0.0, 0.0]] * 10
    scores = PieceScores.from_rows(ours), PieceScores.from_rows(theirs)
    interval = bootstrap.compute_paired_difference(*scores, 100, 0)
    assert interval.mean == pytest.approx(0.5)
    assert interval.high - interval.mean == pytest.approx(interval.mean - interval.low)


@pytest.mark.parametrize("rows", [2, 3])
def test_an_interval_wider_than_its_rows_is_refused(rows):
    """Of 2 rows that differ by 0.03 bits per note, the bootstrap gave ±13.5: "too close to call"."""
    differences = [0.05, 0.08, 0.065][:rows]
    base = PieceScores.from_rows([[f"{k}", 100, 400.0, 400.0, 400.0] for k in range(rows)])
    model = PieceScores.from_rows(
        [[f"{k}", 100, 400.0 + 100 * gap, 400.0, 400.0] for k, gap in enumerate(differences)]
    )
    problem = rf"implausible interval of ±[\d.]+ bits per note from {rows} rows, .* 0\.01\d from"
    with pytest.raises(ImplausibleIntervalError, match=problem):
        bootstrap.compute_paired_difference(model, base, 2000, 42)


def test_one_row_has_no_interval():
    scores = PieceScores.from_rows([["a", 100, 1.0, 1.0, 1.0]])
    with pytest.raises(ImplausibleIntervalError, match="no interval from 1 row of notes; score"):
        bootstrap.compute_confidence_interval(scores, 100, 0)


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_bits_that_are_not_finite_have_no_interval(value):
    ours, theirs = simulated(np.random.default_rng(1), 30, 0.1)
    ours.bits[[3, 7], 0] = value
    with pytest.raises(ImplausibleIntervalError, match="2 of 30 rows are not finite"):
        bootstrap.compute_paired_difference(ours, theirs, 100, 0)


@given(st.integers(0, 1000), st.sampled_from([20, 40]))
def test_intervals_of_20_rows_are_plausible(seed, rows):
    rng = np.random.default_rng(seed)
    ours, theirs = simulated(rng, rows, 0.1)
    gap = ours.num_notes * rng.standard_t(3, rows)
    heavy = PieceScores(ours.piece_names, ours.num_notes, ours.bits + gap[:, None])
    interval = bootstrap.compute_paired_difference(heavy, theirs, 300, seed)
    assert interval.low < interval.mean < interval.high


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
    assert bootstrap.compute_paired_difference(ours, theirs, 300, 3) == pytest.approx(expected)


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
    mean, low, high = bootstrap.compute_confidence_interval(ours, 4000, 3)
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
        _, low, high = bootstrap.compute_paired_difference(ours, theirs, 300, seed)
        held += low <= 0.1 <= high
    # 500 tries of 95 % lie within 1.9 % of it in 19 of 20 cases; percentiles of 20 heavy-tailed rows hold 90 %.
    assert 0.93 <= held / 500 <= 0.97


def test_the_same_seed_gives_the_same_interval_and_equal_models_none():
    ours, theirs = simulated(np.random.default_rng(4), 30, 0.2)
    assert bootstrap.compute_paired_difference(
        ours, theirs, 200, 7
    ) == bootstrap.compute_paired_difference(ours, theirs, 200, 7)
    assert bootstrap.compute_paired_difference(
        ours, theirs, 200, 7
    ) != bootstrap.compute_paired_difference(ours, theirs, 200, 8)
    assert bootstrap.compute_paired_difference(ours, ours, 200, 7) == (0, 0, 0)


def test_scores_of_other_notes_are_refused():
    ours = PieceScores.from_rows([["a", 3, 1.0, 1.0, 1.0]])
    for other in (["a", 4, 1.0, 1.0, 1.0], ["b", 3, 1.0, 1.0, 1.0]):
        with pytest.raises(ValueError, match="of the same notes"):
            bootstrap.compute_paired_difference(ours, PieceScores.from_rows([other]), 100, 0)


def test_too_few_rows_leave_the_ends_of_a_difference_unknown():
    ours = PieceScores.from_rows([["a", 4, 40.0, 4.0, 4.0]])
    theirs = PieceScores.from_rows([["a", 4, 20.0, 4.0, 4.0]])
    interval = bootstrap.estimate_difference(ours, theirs, 100, 0)
    assert interval.mean == pytest.approx(5)
    assert interval.includes_zero
    assert bootstrap.round_difference(interval) == {"difference": 5, "low": None, "high": None}
    damaged = PieceScores.from_rows([["a", 4, np.nan, 4.0, 4.0]])
    with pytest.raises(ImplausibleIntervalError):
        bootstrap.estimate_difference(damaged, theirs, 100, 0)
