"""The longest passage that a sample has in common with the training music: is it learned, or learned by heart?

A run of notes is a copy if its intervals, the differences of consecutive pitches, come in the same order in one
training piece, so that transposition hides nothing; with a tolerance its steps must agree as well. It is found exactly:
every place where the first 8 intervals agree is looked up in a sorted list, and followed for as long as the two agree.
The training music is read in batches of pieces, so that memory does not depend on its length.

Shapes: N notes of the training pieces of a batch, S notes of a sample, K pairs of places.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from pipeline.notes.piece_batches import iterate_batches
from pipeline.notes.quantize import FEATURES, PITCH, STEP, QuantizedNotes

KEY_LENGTH = 8
"""Intervals looked up at once: as many bytes as there are in an uint64."""
MAX_PAIRS = 1 << 20
"""Pairs of places looked at side by side: bounds the memory of a sample that repeats itself."""
BATCH_NOTES = 1 << 20
"""Training notes looked at at a time, about: 15 bytes each are kept, and 40 while they are sorted."""

Positions = NDArray[np.int64]
"""[K] places in a line."""


@dataclass(frozen=True)
class Match:
    """A run of notes of a sample, and the first place in the training music that has its intervals."""

    num_notes: int
    """Length; 1 where no interval is shared, or none that was looked for, 0 where there is no note."""
    sample_start: int
    """First note of the run in the sample."""
    piece_index: int
    """Index of the training piece."""
    piece_start: int
    """First note of the run in that piece."""


class IntervalSequence:
    """Notes of one piece after the other, as intervals that can be compared."""

    def __init__(self, pieces: Sequence[QuantizedNotes]) -> None:
        num_columns = pieces[0].shape[1] if pieces else len(FEATURES)
        codes = np.concatenate([np.empty((0, num_columns), np.int16), *pieces])
        lengths = np.array([len(piece) for piece in pieces], np.int64)
        self.num_notes, self.piece_ends = len(codes), lengths.cumsum()
        self.piece_starts = self.piece_ends - lengths
        # An interval stands at the note it leads to. 0 is none: at the first note of a piece and after the last of all.
        self.intervals = np.zeros(self.num_notes + KEY_LENGTH, np.uint8)
        self.intervals[1 : self.num_notes] = np.diff(codes[:, PITCH]) + 128
        self.intervals[self.piece_starts] = 0
        self.steps = np.concatenate([codes[:, STEP], np.zeros(KEY_LENGTH, np.int16)])

    def pack_keys(self) -> NDArray[np.uint64]:
        """Return the next 8 intervals at each place [N] as one number, the first in the highest byte."""
        keys = np.zeros(self.num_notes, np.uint64)
        for k in range(KEY_LENGTH):
            keys = (keys << np.uint64(8)) | self.intervals[k : k + self.num_notes]
        return keys


class SuffixIndex(IntervalSequence):
    """A batch of training music, ready to be looked up: 15 bytes a note."""

    def __init__(self, pieces: Sequence[QuantizedNotes]) -> None:
        super().__init__(pieces)
        keys = self.pack_keys()
        self.sorted_positions = np.argsort(keys).astype(np.int32)
        self.sorted_keys = keys[self.sorted_positions]


def find_longest_matches(
    samples: Sequence[QuantizedNotes],
    pieces: Iterable[QuantizedNotes],
    tolerances: Sequence[int | None] = (None,),
) -> list[list[Match]]:
    """Find the longest match of each sample as `find_longest_match` does, in training music of any length.

    Args:
        samples: notes [S, 5] each.
        pieces: training pieces [n, 5] each, read once, in batches.
        tolerances: as of `find_longest_match`.

    Returns:
        For each tolerance the match of each sample.
    """
    best = [[Match(0, 0, 0, 0)] * len(samples) for _ in tolerances]
    num_pieces = 0
    for batch in iterate_batches(pieces, BATCH_NOTES):
        index = SuffixIndex(batch)
        for tolerance, matches in zip(tolerances, best, strict=True):
            for k, sample in enumerate(samples):
                match = find_longest_match(sample, index, tolerance, matches[k].num_notes)
                if _is_better(match, matches[k]):
                    matches[k] = replace(match, piece_index=num_pieces + match.piece_index)
        num_pieces += len(batch)
    return best


def _is_better(match: Match, earlier: Match) -> bool:
    """Return whether a match is preferred to one in music before it: it is longer, or as long and begins earlier."""
    if match.num_notes == earlier.num_notes:
        return match.sample_start < earlier.sample_start
    return match.num_notes > earlier.num_notes


def find_longest_match(
    sample: QuantizedNotes, index: SuffixIndex, tolerance: int | None = None, min_notes: int = 0
) -> Match:
    """Find the longest run of notes of a sample whose intervals occur in the training music.

    Args:
        sample: codes [S, 5].
        index: of the training music.
        tolerance: cells by which each step inside the run may differ; none ignores rhythm.
        min_notes: shorter runs of two notes or more are not looked for.

    Returns:
        Of equally long runs the first in the sample, at its first place in the training music; a match of one note
        where there is no run that is long enough.

    Source: the longest common substring (Gusfield, "Algorithms on Strings, Trees, and Sequences", 1997, section 7.4) of
    intervals. That a copy is to be judged by what human music shares: Yin et al., "Measuring when a music generation
    algorithm copies too much: the originality report", SN Computer Science 3:340, 2022.
    """
    comparison = _Comparison(IntervalSequence([sample]), index, tolerance)
    min_intervals = min(max(min_notes - 1, 1), KEY_LENGTH)
    for intervals in range(KEY_LENGTH, min_intervals - 1, -1):
        length, sample_start, training_start = comparison.find_longest(intervals)
        if length:
            piece = int(np.searchsorted(index.piece_ends, training_start, side="right"))
            piece_start = training_start - int(index.piece_starts[piece])
            return Match(length + 1, sample_start, piece, piece_start)
    if not len(sample) or not index.num_notes:
        return Match(0, 0, 0, 0)
    return Match(1, 0, int(np.argmax(index.piece_ends > 0)), 0)


@dataclass(frozen=True)
class _Comparison:
    """A sample and the training music."""

    sample: IntervalSequence
    index: SuffixIndex
    tolerance: int | None

    def find_longest(self, num_intervals: int) -> tuple[int, int, int]:
        """Return the intervals of the longest run and its first note in both; zeros if it is shorter than asked for."""
        best = (0, 0, 0)
        for pairs in self._iterate_pairs(num_intervals):
            length, in_sample, in_training = self._extend_matches(*pairs)
            if length >= num_intervals and length > best[0]:
                first = np.lexsort((in_training, in_sample))[0]
                best = (length, int(in_sample[first]) - 1, int(in_training[first]) - 1)
                # None is longer, or a longer key would have matched it.
                if num_intervals < KEY_LENGTH:
                    break
        return best

    def _iterate_pairs(self, num_intervals: int) -> Iterator[tuple[Positions, Positions]]:
        """Yield all pairs of positions where the next 1 to 8 intervals are equal, in the order of the sample."""
        positions = np.arange(1, self.sample.num_notes - num_intervals + 1)
        rest = np.uint64((1 << 8 * (KEY_LENGTH - num_intervals)) - 1)
        keys = self.sample.pack_keys()[positions]
        low = np.searchsorted(self.index.sorted_keys, keys & ~rest, side="left")
        counts = np.searchsorted(self.index.sorted_keys, keys | rest, side="right") - low
        parts = np.flatnonzero(np.diff(counts.cumsum() // MAX_PAIRS, prepend=0))
        for part in np.split(np.arange(len(positions)), parts):
            part_counts = counts[part]
            skip = np.repeat(low[part] - (part_counts.cumsum() - part_counts), part_counts)
            matches = self.index.sorted_positions[skip + np.arange(len(skip))]
            yield np.repeat(positions[part], part_counts), matches.astype(np.int64)

    def _extend_matches(
        self, sample_positions: Positions, training_positions: Positions
    ) -> tuple[int, Positions, Positions]:
        """Return how many intervals the longest runs have that begin at pairs [K], and at which pairs they do."""
        # A pair whose previous notes match too lies inside a longer run, which is followed from its first note.
        is_first = ~self._match_notes(sample_positions - 1, training_positions - 1)
        sample_positions = sample_positions[is_first]
        training_positions = training_positions[is_first]
        length = 0
        while True:
            matches = self._match_notes(sample_positions + length, training_positions + length)
            if not matches.any():
                return length, sample_positions, training_positions
            sample_positions = sample_positions[matches]
            training_positions = training_positions[matches]
            length += 1

    def _match_notes(
        self, sample_positions: Positions, training_positions: Positions
    ) -> NDArray[np.bool_]:
        """Return whether the notes at each pair [K] are reached by one and the same interval, and after like steps."""
        sample_intervals = self.sample.intervals[sample_positions]
        is_same = sample_intervals == self.index.intervals[training_positions]
        is_same &= sample_intervals != 0
        if self.tolerance is not None:
            sample_steps = self.sample.steps[sample_positions]
            step_difference = np.abs(sample_steps - self.index.steps[training_positions])
            is_same &= step_difference <= self.tolerance
        return is_same
