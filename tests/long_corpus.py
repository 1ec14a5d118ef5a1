"""Pieces that are made when they are read, to measure how much memory a program uses for a long corpus."""

import gc
import tracemalloc
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import overload

import numpy as np

from pipeline.notes.quantize import QuantizedNotes

PIECE_NOTES = 200
SHORT, LONG = 2, 60
"""Pieces of the two corpora that are compared."""


class MadePieces(Sequence[QuantizedNotes]):
    """Pieces of random notes; none is kept."""

    def __init__(self, num_pieces: int) -> None:
        self._seeds = range(num_pieces)

    def __len__(self) -> int:
        return len(self._seeds)

    @overload
    def __getitem__(self, index: int) -> QuantizedNotes: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[QuantizedNotes]: ...

    def __getitem__(self, index: int | slice) -> QuantizedNotes | Sequence[QuantizedNotes]:
        if isinstance(index, slice):
            return [make_piece(seed) for seed in self._seeds[index]]
        return make_piece(self._seeds[index])

    def __iter__(self) -> Iterator[QuantizedNotes]:
        return map(make_piece, self._seeds)


def make_piece(seed: int) -> QuantizedNotes:
    """Make notes [200, 4] that have little in common with those of another seed."""
    rng = np.random.default_rng(seed)
    high = [80, 80, 96, 127]
    return rng.integers([0, 1, 30, 1], high, (PIECE_NOTES, 4), np.int16, endpoint=True)


def measure_growth(run: Callable[[MadePieces], object]) -> float:
    """Return by how many bytes a note the peak memory of a program grows with a corpus 30 times as long."""
    run(MadePieces(SHORT))  # what is made once, such as a cache, belongs to neither
    peaks = [_measure_peak(partial(run, MadePieces(count))) for count in (SHORT, LONG)]
    return (peaks[1] - peaks[0]) / ((LONG - SHORT) * PIECE_NOTES)


def _measure_peak(run: Callable[[], object]) -> int:
    """Return the most bytes that a program held at once."""
    gc.collect()
    tracemalloc.start()
    try:
        run()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
