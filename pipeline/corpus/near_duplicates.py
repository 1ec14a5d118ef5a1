"""Pieces that are the same work: in another key, another tempo, another export, or one inside the other.

A piece is described by its fingerprints: every run of 6 intervals between consecutive notes. Intervals do not change with
the key. Times are used only to put the notes of a chord in order of pitch, because exports and performances differ in
which note of a chord comes first. Two pieces are near duplicates if one has 30 % of the fingerprints of the other: copies
in another key have all, copies in another tempo or of notes that were moved by 20 ms have half, different works of
MAESTRO have 2 %. An inverted index counts the fingerprints that pieces share, so that most pairs cost nothing.

Shapes: N notes of a piece, F its fingerprints, K entries of the index, P pairs of pieces.

Source: fingerprints as n-grams in an inverted index, Schleimer et al., "Winnowing: local algorithms for document
fingerprinting", SIGMOD 2003; intervals as terms, Downie, "Evaluating a simple approach to music information retrieval:
conceiving melodic n-grams as text", 1999.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from pipeline.notes.note import NUM_PITCHES, Notes

NUM_INTERVALS = 6
"""Intervals of a fingerprint; the next ones up and down are in the next fingerprints."""
CHORD_SECONDS = 0.03
"""Notes that begin this soon after another are of the same chord [s]."""
MIN_SHARED_FRACTION = 0.3
"""Share of the fingerprints of the smaller piece that two near duplicates have in common."""
MIN_SHARED = 16
"""Fingerprints that they have in common at least; fewer are shared by scales and chance."""
MAX_FREQUENCY = 32
"""Pieces that have a fingerprint, up to which all pairs of them are counted; of more, each and the next only."""
MAX_PAIRS = 1 << 22
"""Pairs counted at once: bounds the memory."""

Fingerprints = NDArray[np.uint64]
"""[F] distinct, sorted."""
PieceIndices = NDArray[np.int64]
"""[K] which piece has an entry of the index."""
PairCodes = NDArray[np.int64]
"""[P]."""
PairCounts = NDArray[np.int64]
"""[P] fingerprints that each pair has in common."""


def compute_fingerprints(notes: Notes) -> Fingerprints:
    """Return the fingerprints of the notes [N] of a piece, which are in order of onset."""
    is_new_chord = np.diff(notes["onset"], prepend=-np.inf) > CHORD_SECONDS
    by_chord = np.sort(is_new_chord.cumsum() * NUM_PITCHES + notes["pitch"], kind="stable")
    intervals = (np.diff(by_chord % NUM_PITCHES) + NUM_PITCHES).astype(np.uint64)
    count = max(0, len(intervals) - NUM_INTERVALS + 1)
    keys = np.zeros(count, np.uint64)
    for offset in range(NUM_INTERVALS):
        keys = keys << np.uint64(8) | intervals[offset : offset + count]
    keys.sort()  # `np.unique` takes four times as long
    is_last = np.append(keys[1:] != keys[:-1], True)
    return keys[is_last[: len(keys)]]


def group_near_duplicates(fingerprints: Sequence[Fingerprints]) -> list[list[int]]:
    """Return groups of two or more pieces that are near duplicates, directly or through others.

    Args:
        fingerprints: of each piece.

    Returns:
        Indices of the pieces of each group, in order.
    """
    group_of = list(range(len(fingerprints)))

    def find_first(piece: int) -> int:
        """Return the first piece of a group; shortens the way to it."""
        while group_of[piece] != piece:
            group_of[piece] = group_of[group_of[piece]]
            piece = group_of[piece]
        return piece

    for first, second in _find_pairs(fingerprints):
        low, high = sorted((find_first(first), find_first(second)))
        group_of[high] = low
    members: dict[int, list[int]] = {}
    for piece in range(len(fingerprints)):
        members.setdefault(find_first(piece), []).append(piece)
    return [group for group in members.values() if len(group) > 1]


def _find_pairs(fingerprints: Sequence[Fingerprints]) -> list[tuple[int, int]]:
    """Return the pairs of pieces that are near duplicates."""
    codes, counts = _count_shared(fingerprints)
    first, second = np.divmod(codes, max(1, len(fingerprints)))
    sizes = np.array([len(part) for part in fingerprints], np.int64)
    needed = MIN_SHARED_FRACTION * np.minimum(sizes[first], sizes[second])
    is_near = counts >= np.maximum(needed, MIN_SHARED)
    return list(zip(first[is_near].tolist(), second[is_near].tolist(), strict=True))


def _count_shared(fingerprints: Sequence[Fingerprints]) -> tuple[PairCodes, PairCounts]:
    """Count the fingerprints that pairs of pieces have in common.

    Returns:
        Codes of the pairs that have any, increasing: first piece times the number of pieces, plus the second one; and
        how many each pair has.
    """
    num_pieces = len(fingerprints)
    codes, counts = np.empty(0, np.int64), np.empty(0, np.int64)
    waiting = [codes]
    for pieces in _group_by_frequency(fingerprints):
        frequency = pieces.shape[1]
        if frequency > MAX_FREQUENCY:
            first, second = np.arange(frequency - 1), np.arange(1, frequency)
        else:
            first, second = np.triu_indices(frequency, 1)
        num_rows = max(1, MAX_PAIRS // len(first))
        for start in range(0, len(pieces), num_rows):
            rows = pieces[start : start + num_rows]
            waiting.append((rows[:, first] * num_pieces + rows[:, second]).ravel())
            if sum(map(len, waiting)) > MAX_PAIRS:
                codes, counts = _add_pairs(codes, counts, waiting)
                waiting = []
    return _add_pairs(codes, counts, waiting)


def _add_pairs(
    codes: PairCodes, counts: PairCounts, more: Sequence[PairCodes]
) -> tuple[PairCodes, PairCounts]:
    """Add pairs, one for each fingerprint in common, to those that are counted."""
    new_codes, new_counts = _count_distinct(np.concatenate([codes[:0], *more]))
    merged, places = np.unique(np.concatenate([codes, new_codes]), return_inverse=True)
    weights = np.concatenate([counts, new_counts])
    return merged, np.bincount(places, weights, len(merged)).astype(np.int64)


def _count_distinct(codes: PairCodes) -> tuple[PairCodes, PairCounts]:
    """Return the distinct codes, increasing, and how many of each there are; without a sort where codes are small."""
    if codes.max(initial=0) >= MAX_PAIRS:
        return np.unique(codes, return_counts=True)
    counts = np.bincount(codes)
    distinct = np.flatnonzero(counts)
    return distinct, counts[distinct]


def _group_by_frequency(fingerprints: Sequence[Fingerprints]) -> list[PieceIndices]:
    """Return the inverted index: for each frequency from 2 on, which pieces have each such fingerprint.

    Returns:
        Arrays [number of fingerprints, frequency] of indices of pieces, increasing in each row.
    """
    keys = np.concatenate([np.empty(0, np.uint64), *fingerprints])
    pieces = np.repeat(np.arange(len(fingerprints)), [len(part) for part in fingerprints])
    order = np.argsort(keys, kind="stable")
    keys, pieces = keys[order], pieces[order]
    is_first = np.append(True, keys[1:] != keys[:-1])[: len(keys)]
    starts = np.flatnonzero(is_first)
    frequencies = np.diff(starts, append=len(keys))
    is_shared = frequencies > 1
    starts, frequencies = starts[is_shared], frequencies[is_shared]
    return [
        pieces[starts[frequencies == frequency][:, None] + np.arange(frequency)]
        for frequency in np.unique(frequencies).tolist()
    ]
