"""Counts of tokens after contexts, in tables of bounded size.

Counts are exact until a table has more entries than it may keep. Then the smallest counts leave, so that what comes
often stays, however long the corpus is.

Sources: lossy counting, Manku and Motwani, "Approximate frequency counts over data streams", VLDB 2002; its use for
n-grams, Goyal, Daumé and Venkatasubramanian, "Streaming for large scale NLP: language modeling", NAACL 2009.

Shapes: E entries of a table, N notes, V tokens of a feature.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class CountTable(NamedTuple):
    """How often each token came after each context."""

    codes: NDArray[np.int64]
    """[E] key of a context times V, plus a token; sorted, none twice."""
    counts: NDArray[np.int64]
    """[E] 1 or more."""

    def look_up(self, keys: NDArray[np.int64], num_tokens: int) -> NDArray[np.float32]:
        """Return the counts [N, V] of all tokens after contexts of keys [N]."""
        begins = np.searchsorted(self.codes, keys * num_tokens)
        ends = np.searchsorted(self.codes, (keys + 1) * num_tokens)
        lengths = ends - begins
        rows = np.repeat(np.arange(len(keys)), lengths)
        # Entries of a row lie side by side: number them all, then move each row to where it begins.
        offsets = begins - (np.cumsum(lengths) - lengths)
        entries = np.arange(len(rows)) + np.repeat(offsets, lengths)
        counts = np.zeros((len(keys), num_tokens), np.float32)
        counts[rows, self.codes[entries] % num_tokens] = self.counts[entries]
        return counts

    def add(self, other: "CountTable") -> "CountTable":
        """Return the sum of two tables."""
        codes = np.concatenate([self.codes, other.codes])
        # A stable sort merges two sorted runs in linear time.
        order = np.argsort(codes, kind="stable")
        codes = codes[order]
        starts = np.flatnonzero(np.diff(codes, prepend=-1))
        counts = np.concatenate([self.counts, other.counts])[order]
        return CountTable(codes[starts], np.add.reduceat(counts, starts))

    def prune(self, max_entries: int) -> "CountTable":
        """Return at most `max_entries` entries: all, or those whose counts are greater than the others' counts.

        Equal counts stay or leave together, so that no context is preferred.
        """
        num_extra = len(self.codes) - max_entries
        if num_extra <= 0:
            return self
        threshold = np.partition(self.counts, num_extra - 1)[num_extra - 1]
        is_kept = self.counts > threshold
        return CountTable(self.codes[is_kept], self.counts[is_kept])


def count_codes(codes: NDArray[np.int64]) -> CountTable:
    """Return the table of codes [N], 0 or more each, in any order."""
    return CountTable(*np.unique(codes, return_counts=True))
