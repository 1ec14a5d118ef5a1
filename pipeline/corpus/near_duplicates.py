"""Pieces that are the same work: in another key, another tempo, another export, or one inside the other.

Pieces are compared by their sketches (`sketches`), in a shuffle and a check:

1. the hashes of all sketches are sorted, in buckets, so that equal ones are neighbors; pieces that share one are candidates;
2. two candidates are near duplicates if one has 30 % of the fingerprints of the other, estimated from their sketches;
3. near duplicates of near duplicates are one group.

A hash that many pieces have, such as that of a scale, makes each of them a candidate of the next few only, not of all. Next
means in the order of their fingerprints of lowest rank, by which near duplicates are close to each other. So the time is
linear in the number of pieces, and the groups depend neither on the order of pieces nor on the number of buckets.

Memory: about `BUCKET_SIZE` hashes of a bucket, and 32 bytes a piece. The buckets, 1 kB a piece, are on the disk, in the
folder that `TMPDIR` names, and the sketches may be there too.

Shapes: P pieces, S numbers of a sketch, K hashes of a bucket, C pairs of pieces.

Source: containment of two samples, Broder, "On the resemblance and containment of documents", SEQUENCES 1997; pairs from
equal fingerprints, Schleimer, Wilkerson and Aiken, "Winnowing: local algorithms for document fingerprinting", SIGMOD 2003.
"""

import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from typing import IO

import numpy as np
from numpy.typing import NDArray

from pipeline.corpus.groups import join_pairs
from pipeline.corpus.piece_store import StoredSketches
from pipeline.corpus.sketches import HASH_BITS, NO_HASH, SKETCH_SIZE, Sketch

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
ROWS_READ = 1 << 10
"""Sketches read at once: 512 KiB."""
MAX_BUCKETS = 256
"""Files that are open at once; from 8 million pieces on a bucket is larger."""

Sketches = NDArray[np.uint32]
"""[P, S] of all pieces."""
SketchTable = Sketches | StoredSketches
"""The same, in memory or on the disk."""
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


def group_near_duplicates(sketches: SketchTable) -> list[list[int]]:
    """Return groups of two or more pieces that are near duplicates, directly or through others.

    Args:
        sketches: [P, S] of each piece.

    Returns:
        Indices of the pieces of each group, in order; groups in order of their first pieces.
    """
    order = order_by_likeness(sketches)
    num_buckets = min(MAX_BUCKETS, 1 + len(sketches) * SKETCH_SIZE // BUCKET_SIZE)
    with ExitStack() as stack:
        buckets = [stack.enter_context(tempfile.TemporaryFile()) for _ in range(num_buckets)]
        fill_buckets(sketches, order, buckets)
        parts = (find_pairs(sketches, order, bucket) for bucket in buckets)
        return join_pairs(len(sketches), (pair for part in parts for pair in part.tolist()))


def order_by_likeness(sketches: SketchTable) -> Indices:
    """Return the indices [P] of pieces in the order of their first hashes.

    Of pieces whose first hash is equal, the other hashes decide, not their place.
    """
    sums = np.zeros(len(sketches), np.uint64)
    first_hashes = np.zeros(len(sketches), np.uint32)
    for start, part in _iterate_parts(sketches):
        sums[start : start + len(part)] = part.sum(axis=1, dtype=np.uint64)
        first_hashes[start : start + len(part)] = part[:, 1]
    return np.lexsort((sums, first_hashes))


def _iterate_parts(sketches: SketchTable) -> Iterator[tuple[int, Sketches]]:
    """Yield the number of the first piece, and the sketches [K, S], of pieces in their order."""
    for start in range(0, len(sketches), ROWS_READ):
        yield start, sketches[start : start + ROWS_READ]


def fill_buckets(sketches: SketchTable, order: Indices, buckets: Sequence[IO[bytes]]) -> None:
    """Write the hashes in all sketches [P, S], which are read once, to files; equal ones to the same.

    A file gets 8 bytes for each hash of a piece: the hash, and the place of the piece in `order` [P].
    """
    place_of = np.empty(len(order), np.uint64)
    place_of[order] = np.arange(len(order), dtype=np.uint64)
    for start, part in _iterate_parts(sketches):
        is_hash = part[:, 1:] != NO_HASH
        hashes = part[:, 1:][is_hash]
        keys = hashes.astype(np.uint64) << HASH_BITS | place_of[start + np.nonzero(is_hash)[0]]
        bucket_of = hashes % np.uint32(len(buckets))
        by_bucket = keys[np.argsort(bucket_of, kind="stable")]
        ends = np.bincount(bucket_of, minlength=len(buckets)).cumsum()
        for bucket, run in zip(buckets, np.split(by_bucket, ends[:-1]), strict=True):
            bucket.write(run.tobytes())


def find_pairs(sketches: SketchTable, order: Indices, bucket: IO[bytes]) -> Pairs:
    """Return the near duplicates among the pieces that share a hash of a bucket.

    Args:
        sketches: [P, S] of each piece.
        order: [P] of `order_by_likeness`.
        bucket: of `fill_buckets`.

    Returns:
        Distinct pairs [C, 2].
    """
    hashes, places = _read_bucket(bucket)
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


def _read_bucket(bucket: IO[bytes]) -> tuple[NDArray[np.uint32], Indices]:
    """Return the hashes [K] of a bucket, sorted, and the place of the piece of each; equal ones in order of places."""
    bucket.seek(0)
    keys = np.sort(np.frombuffer(bucket.read(), np.uint64))
    places = (keys & np.uint64(NO_HASH)).astype(np.int64)
    return (keys >> HASH_BITS).astype(np.uint32), places


def are_near_duplicates(sketches: SketchTable, pairs: Pairs) -> NDArray[np.bool_]:
    """Return for each pair [C, 2] whether one piece has enough of the fingerprints of the other."""
    both = sketches[pairs.ravel()].reshape(-1, 2, SKETCH_SIZE)
    needed = MIN_SHARED_FRACTION * _count_comparable(both)
    return _count_shared(both) >= np.maximum(needed, MIN_SHARED)


def _count_shared(both: NDArray[np.uint32]) -> Indices:
    """Return how many hashes the sketches [C, 2, S] of each pair have in common."""
    hashes = both[:, :, 1:].reshape(len(both), -1)
    hashes.sort(axis=1)
    is_shared = (hashes[:, 1:] == hashes[:, :-1]) & (hashes[:, 1:] != NO_HASH)
    counts: Indices = is_shared.sum(axis=1)
    return counts


def _count_comparable(both: NDArray[np.uint32]) -> NDArray[np.float64]:
    """Return how many hashes of the smaller piece of each pair [C, 2, S] the sketch of the larger one could have.

    These are the hashes whose rank is no higher than the highest of either sketch. Ranks are spread evenly, so that the
    number below a rank is in proportion to it.
    """
    highest = both[:, :, 0].astype(np.float64)
    counts = (both[:, :, 1:] != NO_HASH).sum(axis=2)
    comparable: NDArray[np.float64] = counts * (highest.min(axis=1, keepdims=True) / highest)
    return comparable.min(axis=1)
