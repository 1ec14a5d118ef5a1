"""Pieces that are the same work: in another key, another tempo, another export, or one inside the other.

Pieces are compared by their sketches (`sketches`), in a shuffle and a check:

1. the hashes of all sketches are sorted, in buckets, so that equal ones are neighbors; pieces that share one are candidates;
2. two candidates are near duplicates if one has 30 % of the fingerprints of the other, estimated from their sketches;
3. near duplicates of near duplicates are one group.

A hash that many pieces have, such as that of a scale, makes each of them a candidate of the next few only, not of all. Next
means in the order of their fingerprints of lowest rank, by which near duplicates are close to each other. So the time is
linear in the number of pieces, and the groups depend neither on the order of pieces nor on the number of buckets.

Memory: the sketches, 512 bytes a piece, and about `BUCKET_SIZE` hashes of a bucket. A bucket depends on nothing but the
sketches, so that different workers can search different buckets.

Shapes: P pieces, S numbers of a sketch, K hashes of a bucket, C pairs of pieces.

Source: containment of two samples, Broder, "On the resemblance and containment of documents", SEQUENCES 1997; pairs from
equal fingerprints, Schleimer, Wilkerson and Aiken, "Winnowing: local algorithms for document fingerprinting", SIGMOD 2003.
"""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from pipeline.corpus.groups import join_pairs
from pipeline.corpus.sketches import NO_HASH, SKETCH_SIZE, Sketch

MIN_SHARED_FRACTION = 0.3
"""Share of the fingerprints of the smaller piece that two near duplicates have in common."""
MIN_SHARED = 8
"""Hashes that their sketches have in common at least; fewer are shared by scales and chance."""
NUM_NEIGHBORS = 4
"""Next pieces with the same hash that a piece is compared with."""
BUCKET_SIZE = 1 << 22
"""Hashes of a bucket, about: bounds the memory."""
CHECKED_PAIRS = 1 << 14
"""Pairs checked at once: bounds the memory."""

Sketches = NDArray[np.uint32]
"""[P, S] of all pieces."""
Indices = NDArray[np.int64]
"""[P] or [K] of pieces."""
Pairs = NDArray[np.int64]
"""[C, 2] indices of two pieces each."""


def stack_sketches(sketches: Iterable[Sketch]) -> Sketches:
    """Return the sketches [S] of pieces as one array [P, S]."""
    data = bytearray()
    for sketch in sketches:
        data += sketch.tobytes()
    return np.frombuffer(data, np.uint32).reshape(-1, SKETCH_SIZE)


def group_near_duplicates(sketches: Sketches) -> list[list[int]]:
    """Return groups of two or more pieces that are near duplicates, directly or through others.

    Args:
        sketches: [P, S] of each piece.

    Returns:
        Indices of the pieces of each group, in order; groups in order of their first pieces.
    """
    order = order_by_likeness(sketches)
    num_buckets = 1 + sketches.size // BUCKET_SIZE
    parts = (find_pairs(sketches, order, bucket, num_buckets) for bucket in range(num_buckets))
    return join_pairs(len(sketches), (pair for part in parts for pair in part.tolist()))


def order_by_likeness(sketches: Sketches) -> Indices:
    """Return the indices [P] of pieces in the order of their first hashes.

    Of pieces whose first hash is equal, the other hashes decide, not their place.
    """
    sums = sketches.sum(axis=1, dtype=np.uint64)
    return np.lexsort((sums, sketches[:, 1]))


def find_pairs(sketches: Sketches, order: Indices, bucket: int, num_buckets: int) -> Pairs:
    """Return the near duplicates among the pieces that share a hash of a bucket.

    Args:
        sketches: [P, S] of each piece.
        order: [P] of `order_by_likeness`.
        bucket: which bucket, from 0.
        num_buckets: how many there are.

    Returns:
        Distinct pairs [C, 2].
    """
    hashes, places = _select_bucket(sketches, order, bucket, num_buckets)
    num_pieces = max(1, len(order))
    codes = [np.empty(0, np.int64)]
    for step in range(1, NUM_NEIGHBORS + 1):
        is_equal = hashes[:-step] == hashes[step:]
        codes.append(places[:-step][is_equal] * num_pieces + places[step:][is_equal])
    first, second = np.divmod(np.unique(np.concatenate(codes)), num_pieces)
    candidates = np.stack([order[first], order[second]], axis=1)
    near = [np.empty((0, 2), np.int64)]
    for start in range(0, len(candidates), CHECKED_PAIRS):
        pairs = candidates[start : start + CHECKED_PAIRS]
        near.append(pairs[are_near_duplicates(sketches, pairs)])
    return np.concatenate(near)


def _select_bucket(
    sketches: Sketches, order: Indices, bucket: int, num_buckets: int
) -> tuple[NDArray[np.uint32], Indices]:
    """Return the hashes [K] of a bucket, sorted, and the place in `order` of the piece of each."""
    hashes, places = [np.empty(0, np.uint32)], [np.empty(0, np.int64)]
    num_rows = max(1, BUCKET_SIZE // sketches.shape[1])
    for start in range(0, len(order), num_rows):
        rows = sketches[order[start : start + num_rows], 1:]
        is_chosen = (rows % np.uint32(num_buckets) == bucket) & (rows != NO_HASH)
        hashes.append(rows[is_chosen])
        places.append(start + np.nonzero(is_chosen)[0])
    all_hashes = np.concatenate(hashes)
    by_hash = np.argsort(all_hashes, kind="stable")
    return all_hashes[by_hash], np.concatenate(places)[by_hash]


def are_near_duplicates(sketches: Sketches, pairs: Pairs) -> NDArray[np.bool_]:
    """Return for each pair [C, 2] whether one piece has enough of the fingerprints of the other."""
    needed = MIN_SHARED_FRACTION * _count_comparable(sketches, pairs)
    return _count_shared(sketches, pairs) >= np.maximum(needed, MIN_SHARED)


def _count_shared(sketches: Sketches, pairs: Pairs) -> Indices:
    """Return how many hashes the sketches of each pair have in common."""
    both = np.concatenate([sketches[pairs[:, 0], 1:], sketches[pairs[:, 1], 1:]], axis=1)
    both.sort(axis=1)
    return ((both[:, 1:] == both[:, :-1]) & (both[:, 1:] != NO_HASH)).sum(axis=1)


def _count_comparable(sketches: Sketches, pairs: Pairs) -> NDArray[np.float64]:
    """Return how many hashes of the smaller piece of each pair the sketch of the larger one could have.

    These are the hashes whose rank is no higher than the highest of either sketch. Ranks are spread evenly, so that the
    number below a rank is in proportion to it.
    """
    highest = sketches[pairs, 0].astype(np.float64)
    counts = (sketches[pairs, 1:] != NO_HASH).sum(axis=2)
    return (counts * (highest.min(axis=1, keepdims=True) / highest)).min(axis=1)
