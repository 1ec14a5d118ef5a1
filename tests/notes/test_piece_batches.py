from factories import make_quantized_notes
from hypothesis import given
from hypothesis import strategies as st

from pipeline.notes.piece_batches import iterate_batches


@given(st.lists(st.integers(0, 9), max_size=12), st.integers(1, 20))
def test_batches_have_all_pieces_in_order_and_end_at_their_size(
    lengths: list[int], batch_notes: int
) -> None:
    pieces = [make_quantized_notes(seed, length) for seed, length in enumerate(lengths)]
    batches = list(iterate_batches(iter(pieces), batch_notes))
    joined = [piece for batch in batches for piece in batch]
    assert [id(piece) for piece in joined] == [id(piece) for piece in pieces]
    sizes = [[len(piece) for piece in batch] for batch in batches]
    assert all(sum(size) >= batch_notes for size in sizes[:-1])
    assert all(size and sum(size[:-1]) < batch_notes for size in sizes)
