"""Pieces in batches, so that a program that reads a whole corpus holds a bounded part of it."""

from collections.abc import Iterable, Iterator

from pipeline.notes.quantize import QuantizedNotes


def iterate_batches(
    pieces: Iterable[QuantizedNotes], batch_notes: int
) -> Iterator[list[QuantizedNotes]]:
    """Yield whole pieces, in order, in batches.

    Args:
        pieces: notes [N, 5] each, read once.
        batch_notes: a batch ends with the piece that brings it to this many notes.

    Returns:
        Batches of one piece or more.
    """
    batch: list[QuantizedNotes] = []
    num_notes = 0
    for piece in pieces:
        batch.append(piece)
        num_notes += len(piece)
        if num_notes >= batch_notes:
            yield batch
            batch, num_notes = [], 0
    if batch:
        yield batch
