"""Predictors that know little, which a model must beat to have learned anything.

    uniform         every pitch and every cell of the time grid is as likely
    unigram         histograms of the training notes, whatever came before
    trigram         pitch from the two pitches before, with back-off; times from their histograms
    context_mixing  all features from the notes before, adapted to the piece: see `context_mixing`

Shapes: N notes, P pitches (128), C cells (1001).
"""

from collections.abc import Callable, Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from pipeline.evaluation.context_mixing import ContextMixing
from pipeline.notes.note import NUM_PITCHES
from pipeline.notes.quantize import DURATION, GRID_SIZE, PITCH, STEP, QuantizedNotes

Bits = NDArray[np.float64]
"""[N - 1, 3]: bits of the pitch, step and duration of every note but the first."""
NgramModel = Callable[[QuantizedNotes], Bits]


class NgramCounts:
    """How often pitches and times came in training pieces; the size does not depend on the number of notes."""

    def __init__(self, pieces: Iterable[QuantizedNotes]) -> None:
        """Count the notes of pieces [N, 5] each, one piece after the other."""
        self.pitches = np.zeros(NUM_PITCHES, np.int64)
        self.steps = np.zeros(GRID_SIZE, np.int64)
        self.durations = np.zeros(GRID_SIZE, np.int64)
        self.bigrams = np.zeros(NUM_PITCHES**2, np.int64)
        self.trigrams = np.zeros(NUM_PITCHES**3, np.int64)
        for piece in pieces:
            self._add_piece(piece)

    def _add_piece(self, piece: QuantizedNotes) -> None:
        """Count the notes of a piece; its first is only a context."""
        pitches = piece[:, PITCH].astype(np.int64)
        self.pitches += np.bincount(pitches[1:], minlength=NUM_PITCHES)
        self.steps += np.bincount(piece[1:, STEP], minlength=GRID_SIZE)
        self.durations += np.bincount(piece[1:, DURATION], minlength=GRID_SIZE)
        bigrams = pitches[:-1] * NUM_PITCHES + pitches[1:]
        np.add.at(self.bigrams, bigrams, 1)
        np.add.at(self.trigrams, bigrams[:-1] * NUM_PITCHES + pitches[2:], 1)


def smooth_counts(counts: NDArray[np.int64], additive_smoothing: float) -> NDArray[np.float64]:
    """Return the shares [K] of counts [K], `additive_smoothing` added to each."""
    smoothed = counts + additive_smoothing
    return np.asarray(smoothed / smoothed.sum())


def fit_ngrams(
    pieces: Sequence[QuantizedNotes], additive_smoothing: float
) -> dict[str, NgramModel]:
    """Fit every n-gram model on training pieces, notes [N, 5] each, in memory that does not depend on their number."""
    counts = NgramCounts(pieces)
    pitch = smooth_counts(counts.pitches, additive_smoothing)
    times = [
        smooth_counts(column, additive_smoothing) for column in (counts.steps, counts.durations)
    ]
    after = WittenBellTrigram(counts, pitch)

    def score_uniform(piece: QuantizedNotes) -> Bits:
        share = [1 / NUM_PITCHES, 1 / GRID_SIZE, 1 / GRID_SIZE]
        return np.tile(-np.log2(share), (len(piece) - 1, 1))

    def score_with_times(piece: QuantizedNotes, pitch_probs: NDArray[np.float64]) -> Bits:
        return -np.log2(
            np.stack(
                [pitch_probs, times[0][piece[1:, STEP]], times[1][piece[1:, DURATION]]], axis=1
            )
        )

    return {
        "uniform": score_uniform,
        "unigram": lambda codes: score_with_times(codes, pitch[codes[1:, PITCH]]),
        "trigram": lambda codes: score_with_times(
            codes, after.compute_probs(codes[:, PITCH].astype(np.int64))
        ),
        "context_mixing": ContextMixing(pieces).compute_bits,
    }


class WittenBellTrigram:
    """Pitch from the two pitches before, interpolated with one before and none.

    Source: Witten and Bell 1991, method C: a context seen n times with t different pitches after it keeps n / (n + t)
    for its own counts and leaves t / (n + t) to the shorter context.
    """

    def __init__(self, counts: NgramCounts, unigram_probs: NDArray[np.float64]) -> None:
        bigrams = counts.bigrams.reshape(NUM_PITCHES, NUM_PITCHES)
        trigrams = counts.trigrams.reshape(NUM_PITCHES, NUM_PITCHES, NUM_PITCHES)
        self.bigram_probs = _interpolate_counts(bigrams, unigram_probs)
        self.trigram_probs = _interpolate_counts(trigrams, self.bigram_probs)

    def compute_probs(self, pitches: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return the probabilities [N - 1] of all pitches [N] but the first; the second has one before it only."""
        second = self.bigram_probs[pitches[:1], pitches[1:2]]
        return np.concatenate(
            [second, self.trigram_probs[pitches[:-2], pitches[1:-1], pitches[2:]]]
        )


def _interpolate_counts(
    counts: NDArray[np.int64], backoff_probs: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Interpolate counts [..., P] with the shares of a shorter context [..., P]."""
    seen = counts.sum(axis=-1, keepdims=True)
    kinds = (counts > 0).sum(axis=-1, keepdims=True)
    mixed = (counts + kinds * backoff_probs) / np.maximum(seen + kinds, 1)
    return np.where(seen > 0, mixed, backoff_probs)
