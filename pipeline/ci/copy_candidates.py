"""Which training pieces may have a passage of a held-out piece, in time linear in the notes of both.

Two pieces that share a run of notes share each window of intervals in it. The windows of held-out pieces are hashed and
sorted, and those of training pieces are looked up. A window is as long as the run that is looked for allows, so that
common scales are no candidates of a long piece. Different windows of equal hash only add a candidate.

Memory: 24 bytes for each note of the held-out pieces, and 60 for each of a batch of training pieces.

Shapes: N notes of pieces, K windows, C pairs of a held-out and a training piece.

Source: equal substrings by hashes of windows, Karp and Rabin, "Efficient randomized pattern-matching algorithms", IBM
Journal of Research and Development 31(2), 1987.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.notes.piece_batches import iterate_batches
from pipeline.notes.quantize import QuantizedNotes
from pipeline.sample_metrics.memorization import BATCH_NOTES, KEY_LENGTH, IntervalSequence

WINDOW_LENGTHS = tuple(KEY_LENGTH << doubling for doubling in range(5))
"""Intervals of a window: 8 to 128."""
MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)
"""Odd, with bits in no order, so that the hashes of windows spread."""

Numbers = NDArray[np.int64]
"""[K] or [C] of pieces."""


@dataclass(frozen=True)
class Windows:
    """Windows of one length: distinct pairs of a hash and a piece, sorted by hash."""

    hashes: NDArray[np.uint64]
    """[K]."""
    pieces: Numbers
    """[K] number of the piece that has it."""

    def match(self, other: "Windows") -> tuple[Numbers, Numbers]:
        """Return the pairs [C] of pieces that have a hash in common: of these windows, and of the others."""
        first = np.searchsorted(self.hashes, other.hashes, side="left")
        counts = np.searchsorted(self.hashes, other.hashes, side="right") - first
        skip = np.repeat(first - (counts.cumsum() - counts), counts)
        places = skip + np.arange(len(skip))
        return self.pieces[places], np.repeat(other.pieces, counts)


def find_candidates(
    samples: Sequence[QuantizedNotes],
    min_notes: Sequence[int],
    pieces: Iterable[QuantizedNotes],
) -> list[list[int]]:
    """Return the training pieces that may have a run of notes of each sample, transposed or not.

    Args:
        samples: notes [n, 5] each.
        min_notes: of each sample, the shortest run that is looked for; more than 8 notes.
        pieces: training pieces [n, 5] each, read once, in batches.

    Returns:
        For each sample the numbers of pieces, in order. All that have such a run are there, and few others.
    """
    lengths = np.array([_choose_length(notes) for notes in min_notes], np.int64)
    table = {
        length: _select_pieces(windows, lengths == length)
        for length, windows in _iterate_windows(samples)
    }
    candidates: list[set[int]] = [set() for _ in samples]
    num_pieces = 0
    for batch in iterate_batches(pieces, BATCH_NOTES):
        for length, windows in _iterate_windows(batch):
            for sample, piece in _list_pairs(table[length], windows):
                candidates[sample].add(num_pieces + piece)
        num_pieces += len(batch)
    return [sorted(numbers) for numbers in candidates]


def _choose_length(min_notes: int) -> int:
    """Return the longest window that lies in every run of so many notes."""
    return max(length for length in WINDOW_LENGTHS if length < min_notes)


def _select_pieces(windows: Windows, is_selected: NDArray[np.bool_]) -> Windows:
    """Return the windows of the selected pieces alone."""
    kept = is_selected[windows.pieces]
    return Windows(windows.hashes[kept], windows.pieces[kept])


def _list_pairs(samples: Windows, pieces: Windows) -> list[list[int]]:
    """Return the distinct pairs of numbers of a sample and a piece that share a window."""
    if not len(samples.hashes):
        return []
    pairs: list[list[int]] = np.unique(np.stack(samples.match(pieces), axis=1), axis=0).tolist()
    return pairs


def _iterate_windows(pieces: Sequence[QuantizedNotes]) -> Iterator[tuple[int, Windows]]:
    """Yield each length of windows, and all windows of it in pieces; none crosses from one piece to the next."""
    sequence = IntervalSequence(pieces)
    lengths = sequence.piece_ends - sequence.piece_starts
    piece_of_note = np.repeat(np.arange(len(pieces)), lengths)
    places = np.arange(sequence.num_notes)
    remaining = sequence.piece_ends[piece_of_note] - places
    # No interval leads to the first note of a piece.
    remaining[places == sequence.piece_starts[piece_of_note]] = 0
    hashes = sequence.pack_keys()
    for length in WINDOW_LENGTHS:
        is_whole = remaining >= length
        yield length, _sort_windows(hashes[is_whole], piece_of_note[is_whole])
        hashes = _double_windows(hashes, length)


def _sort_windows(hashes: NDArray[np.uint64], pieces: Numbers) -> Windows:
    """Return windows sorted, each pair of a hash and a piece once; windows [K] are given piece after piece."""
    order = np.argsort(hashes, kind="stable")
    hashes, pieces = hashes[order], pieces[order]
    is_new = np.ones(len(hashes), np.bool_)
    is_new[1:] = (hashes[1:] != hashes[:-1]) | (pieces[1:] != pieces[:-1])
    return Windows(hashes[is_new], pieces[is_new])


def _double_windows(hashes: NDArray[np.uint64], length: int) -> NDArray[np.uint64]:
    """Return the hashes [N] of windows of twice the length, from those of both halves."""
    second = np.zeros_like(hashes)
    second[: max(0, len(hashes) - length)] = hashes[length:]
    mixed = hashes * MULTIPLIER + second
    return mixed ^ mixed >> np.uint64(32)
