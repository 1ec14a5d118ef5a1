"""The sketch of a piece: a sample of its fingerprints, of equal size for every piece.

A fingerprint is a run of 6 intervals between consecutive notes. Intervals do not change with the key. Times are used only
to put the notes of a chord in order of pitch, because exports and performances differ in which note of a chord comes
first. The fingerprints of a piece have ranks, which are random numbers that depend on nothing but the fingerprint. A
sketch has the 127 fingerprints of lowest rank: 512 bytes, however long the piece is. All sketches are samples by the same
ranks, so the overlap of two pieces is estimated from their sketches alone.

Shapes: N notes of a piece, F its fingerprints, S = 128 numbers of a sketch: the highest rank in it, then 127 hashes.

Source: intervals as terms, Downie, "Evaluating a simple approach to music information retrieval: conceiving melodic
n-grams as text", 1999; lowest ranks as a sample, Broder, "On the resemblance and containment of documents", SEQUENCES
1997.
"""

import numpy as np
from numpy.typing import NDArray

from pipeline.notes.note import NUM_PITCHES, Notes

NUM_INTERVALS = 6
"""Intervals of a fingerprint; the next ones up and down are in the next fingerprints."""
CHORD_SECONDS = 0.03
"""Notes that begin this soon after another are of the same chord [s]."""
NUM_HASHES = 127
"""Hashes of a sketch."""
NUM_PARTITIONED = 4 * NUM_HASHES
"""Fingerprints of lowest rank that are sorted, where enough of them are distinct; to sort all takes longer."""
SKETCH_SIZE = 1 + NUM_HASHES
"""Numbers of a sketch."""
NO_HASH = np.uint32(2**32 - 1)
"""Fills the sketch of a piece with fewer fingerprints, and is its highest rank: none of its fingerprints is left out."""
HASH_BITS = np.uint64(32)

Fingerprints = NDArray[np.uint64]
"""[F] distinct, sorted: rank in the upper 32 bits, hash in the lower ones."""
Sketch = NDArray[np.uint32]
"""[S] highest rank, then hashes in order of their ranks, filled with `NO_HASH`."""


def compute_fingerprints(notes: Notes) -> Fingerprints:
    """Return the fingerprints [F] of the notes [N] of a piece, which are in order of onset."""
    return _sort_distinct(_hash_runs(notes))


def compute_sketch(notes: Notes) -> Sketch:
    """Return the sketch [S] of the notes [N] of a piece, which are in order of onset."""
    fingerprints = _find_lowest(_hash_runs(notes))
    lowest = fingerprints[:NUM_HASHES]
    sketch = np.full(SKETCH_SIZE, NO_HASH)
    if len(fingerprints) > NUM_HASHES:
        sketch[0] = lowest[-1] >> HASH_BITS
    sketch[1 : 1 + len(lowest)] = lowest & NO_HASH
    return sketch


def _hash_runs(notes: Notes) -> NDArray[np.uint64]:
    """Return the fingerprint of each run of intervals of a piece [N], in order of time."""
    is_new_chord = np.diff(notes["onset"], prepend=-np.inf) > CHORD_SECONDS
    by_chord = np.sort(is_new_chord.cumsum() * NUM_PITCHES + notes["pitch"], kind="stable")
    intervals = (np.diff(by_chord % NUM_PITCHES) + NUM_PITCHES).astype(np.uint64)
    # 6 intervals of 8 bits each are made of 3 pairs.
    pairs = intervals[:-1] << np.uint64(8) | intervals[1:]
    count = max(0, len(intervals) - NUM_INTERVALS + 1)
    first, second, third = (pairs[offset : offset + count] for offset in range(0, NUM_INTERVALS, 2))
    return _mix_bits(first << np.uint64(32) | second << np.uint64(16) | third)


def _find_lowest(fingerprints: NDArray[np.uint64]) -> Fingerprints:
    """Return distinct fingerprints of lowest rank, sorted: more than `NUM_HASHES`, or all that there are."""
    if len(fingerprints) > NUM_PARTITIONED:
        lowest = _sort_distinct(np.partition(fingerprints, NUM_PARTITIONED)[:NUM_PARTITIONED])
        if len(lowest) > NUM_HASHES:
            return lowest
    return _sort_distinct(fingerprints)


def _sort_distinct(fingerprints: NDArray[np.uint64]) -> Fingerprints:
    """Return distinct fingerprints, sorted."""
    ordered = np.sort(fingerprints)  # `np.unique` takes four times as long
    is_last = np.append(ordered[1:] != ordered[:-1], True)
    return ordered[is_last[: len(ordered)]]


def _mix_bits(keys: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Return one number for each key, spread over all of 64 bits; different keys have different numbers.

    Source: the finalizer of SplitMix64, Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014.
    """
    mixed = (keys ^ keys >> np.uint64(30)) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ mixed >> np.uint64(27)) * np.uint64(0x94D049BB133111EB)
    return mixed ^ mixed >> np.uint64(31)
