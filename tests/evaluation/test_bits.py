import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

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
