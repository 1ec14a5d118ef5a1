import numpy as np
import pytest
from evaluation.test_bits import simulated
from hypothesis import given
from hypothesis import strategies as st

from pipeline.evaluation import bits as metrics
from pipeline.evaluation import bootstrap
from pipeline.evaluation.bits import PieceScores


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
    expected = metrics.compute_paired_difference(scores["b"], scores["c"], 500, 3)
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
