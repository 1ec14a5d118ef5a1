import numpy as np
import pytest
from factories import make_scores
from hypothesis import given
from hypothesis import strategies as st

from pipeline.evaluation import bits as metrics
from pipeline.evaluation.bits import PieceScores

ROWS = st.lists(
    st.tuples(
        st.integers(1, 99),
        *[st.text("abc é/.", min_size=1, max_size=5)] * 2,
        st.integers(1, 10_000),
        *[st.integers(0, 10**9).map(lambda ten_thousandths: ten_thousandths / 10**4)] * 3,
    ).map(list),
    min_size=1,
    max_size=20,
)


@given(rows=ROWS)
def test_scores_come_back_from_rows(rows):
    assert PieceScores.from_rows(rows).to_rows() == rows


def test_bits_per_note_worked_by_hand():
    # Four notes whose pitch had the probabilities 1/2, 1/4, 1/4, 1/8 and whose times were certain, or 1/2 and 1/16.
    pitch, step, duration = [1.0, 2.0, 2.0, 3.0], [0.0, 0.0, 1.0, 1.0], [4.0, 0.0, 0.0, 0.0]
    bits = np.stack([pitch, step, duration], axis=1)
    scores = metrics.sum_bits(1, ["x", "y"], ["a", "b"], [bits[:3], bits[3:]])
    assert scores.compute_bits_per_note() == {
        "bits_per_note": 3.5,
        "pitch": 2.0,
        "step": 0.5,
        "duration": 1.0,
    }


def test_velocity_does_not_count_in_the_total():
    scores = metrics.sum_bits(1, ["x"], ["a"], [np.array([[1.0, 2.0, 4.0, 100.0]])])
    assert scores.compute_bits_per_note() == {
        "bits_per_note": 7.0,
        "pitch": 1.0,
        "step": 2.0,
        "duration": 4.0,
        "velocity": 100.0,
    }
    assert scores.compute_scored_bits().tolist() == [7.0]


@given(lengths=st.lists(st.integers(0, 30), min_size=1, max_size=9))
def test_sums_are_those_of_each_piece_and_a_piece_of_one_note_has_none(lengths):
    rng = np.random.default_rng(sum(lengths))
    bits = [rng.exponential(size=(length, 3)) for length in lengths]
    names = [f"{number}.mid" for number in range(len(lengths))]
    scores = metrics.sum_bits(4, [f"by {name}" for name in names], names, bits)
    scored = [number for number, length in enumerate(lengths) if length]
    assert scores.piece_names.tolist() == [names[number] for number in scored]
    assert scores.compositions.tolist() == [f"by {names[number]}" for number in scored]
    assert scores.replicates.tolist() == [4] * len(scored)
    assert scores.num_notes.tolist() == [lengths[number] for number in scored]
    expected = np.array([bits[number].sum(axis=0) for number in scored]).reshape(-1, 3)
    assert np.allclose(scores.bits, expected)


@given(parts=st.lists(ROWS, min_size=1, max_size=4))
def test_joined_scores_keep_the_order_of_their_parts(parts):
    joined = metrics.concatenate_scores([PieceScores.from_rows(rows) for rows in parts])
    assert joined.to_rows() == [row for rows in parts for row in rows]


@given(rows=ROWS)
def test_a_replicate_has_its_rows_only(rows):
    scores = PieceScores.from_rows(rows)
    for replicate in range(1, 100):
        expected = [row for row in rows if row[0] == replicate]
        assert scores.select_replicate(replicate).to_rows() == expected


def test_no_rows_are_scores_of_nothing():
    assert PieceScores.from_rows([]).bits.shape == (0, 3)


def test_the_table_of_pieces_is_the_mean_over_replicates():
    scores = {
        "x": make_scores([[4, 2], [5, 2]], [10, 30]),
        "y": make_scores([[1, 1], [1, 2]], [10, 30]),
    }
    assert metrics.tabulate_bits_by_piece(scores) == [
        ["0.mid", 10, 4.5, 1.0],
        ["1.mid", 30, 2.0, 1.5],
    ]


@given(rows=ROWS)
def test_the_table_of_pieces_has_each_piece_once_with_its_bits_per_note(rows):
    table = metrics.tabulate_bits_by_piece({"x": PieceScores.from_rows(rows)})
    names = sorted({row[2] for row in rows})
    assert [row[0] for row in table] == names
    for name, _, bits_per_note in table:
        own = [row for row in rows if row[2] == name]
        expected = sum(sum(row[4:]) for row in own) / sum(row[3] for row in own)
        assert bits_per_note == pytest.approx(expected, abs=6e-5)


def test_rows_from_before_replicates_are_one_replicate_of_whole_pieces():
    old = [["b", 2, 1.0, 2.0, 3.0], ["b", 3, 1.0, 1.0, 1.0], ["a", 4, 1.0, 1.0, 1.0]]
    assert PieceScores.from_rows(old).to_rows() == [
        [1, "b", "b", 5, 2.0, 3.0, 4.0],
        [1, "a", "a", 4, 1.0, 1.0, 1.0],
    ]


def test_shared_scores_are_of_the_same_replicate_piece_and_number_of_notes():
    rows = [
        [1, "x", "b", 5, 1.0, 1.0, 1.0],
        [1, "x", "a", 5, 2.0, 2.0, 2.0],
        [2, "x", "a", 5, 3.0, 3.0, 3.0],
        [2, "x", "b", 9, 4.0, 4.0, 4.0],
    ]
    other = [
        [2, "x", "b", 8, 5.0, 5.0, 5.0, 0.5],
        [1, "x", "a", 5, 6.0, 6.0, 6.0, 0.5],
        [3, "x", "a", 5, 7.0, 7.0, 7.0, 0.5],
        [1, "x", "b", 5, 8.0, 8.0, 8.0, 0.5],
    ]
    pair = metrics.select_shared_scores(PieceScores.from_rows(rows), PieceScores.from_rows(other))
    assert [scores.to_rows() for scores in pair] == [[rows[1], rows[0]], [other[1], other[3]]]
    nothing = metrics.select_shared_scores(
        PieceScores.from_rows(rows[3:]), PieceScores.from_rows(other)
    )
    assert [len(scores.num_notes) for scores in nothing] == [0, 0]


def test_the_design_counts_pieces_and_replicates():
    rows = [[1, "x", "a", 5, 1.0, 1.0, 1.0], [1, "x", "b", 5, 1.0, 1.0, 1.0]]
    assert PieceScores.from_rows(rows).describe_design() == "2 pieces, 1 replicate"
