import itertools

from hypothesis import given
from hypothesis import strategies as st

from pipeline.sample_metrics import prompts


@given(
    st.lists(st.integers(0, 900), min_size=1, max_size=12),
    st.integers(1, 40),
    st.integers(20, 90),
)
def test_prompts_are_evenly_spaced_and_share_no_note(lengths, num_prompts, span):
    placed = prompts.place_prompts(lengths, num_prompts, span)
    room = sum(length // span for length in lengths)
    assert sum(map(len, placed)) == min(num_prompts, room)
    counts = [len(starts) for starts in placed]
    for length, starts in zip(lengths, placed, strict=True):
        assert all(b - a >= span for a, b in itertools.pairwise(starts))
        assert all(0 <= start <= length - span for start in starts)
        if len(starts) < length // span:
            assert len(starts) >= max(counts) - 1


def test_prompts_of_a_piece_lie_from_its_beginning_to_its_end():
    assert prompts.place_prompts([1000, 450], 6, 100) == [[0, 333, 666], [0, 150, 300]]


def test_few_prompts_lie_in_pieces_from_first_to_last():
    placed = prompts.place_prompts([500] * 9, 3, 100)
    assert [piece for piece, starts in enumerate(placed) if starts] == [0, 4, 8]
