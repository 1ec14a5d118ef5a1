"""Predictors that know little, which a model must beat to have learned anything.

    uniform         every pitch and every cell of the time grid is as likely
    unigram         histograms of the training notes, whatever came before
    trigram         pitch from the two pitches before, with back-off; times from their histograms
    context_mixing  all features from the notes before, adapted to the piece: see `context_mixing`

Shapes: N notes, P pitches (128), C cells (1001).
"""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from pipeline.evaluation.context_mixing import ContextMixing
from pipeline.notes.note import NUM_PITCHES
from pipeline.notes.quantize import DURATION, GRID_SIZE, PITCH, STEP, QuantizedNotes

Bits = NDArray[np.float64]
"""[N - 1, 3]: bits of the pitch, step and duration of every note but the first."""
NgramModel = Callable[[QuantizedNotes], Bits]


def compute_histogram(
    values: NDArray[np.integer], num_bins: int, additive_smoothing: float
) -> NDArray[np.float64]:
    """Return the shares [size] of the values, `smoothing` added to each count."""
    counts = np.bincount(values, minlength=num_bins) + additive_smoothing
    return np.asarray(counts / counts.sum())


def fit_ngrams(
    pieces: Sequence[QuantizedNotes], additive_smoothing: float
) -> dict[str, NgramModel]:
    """Fit every floor on training pieces, codes [N, 4] each."""
    notes = np.concatenate([codes[1:] for codes in pieces]).astype(np.int64)
    pitch = compute_histogram(notes[:, PITCH], NUM_PITCHES, additive_smoothing)
    times = [
        compute_histogram(notes[:, column], GRID_SIZE, additive_smoothing)
        for column in (STEP, DURATION)
    ]
    after = WittenBellTrigram(pieces, pitch)

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

    def __init__(
        self, pieces: Sequence[QuantizedNotes], unigram_probs: NDArray[np.float64]
    ) -> None:
        pairs, triples = np.zeros(NUM_PITCHES**2, np.int64), np.zeros(NUM_PITCHES**3, np.int64)
        for codes in pieces:
            p = codes[:, PITCH].astype(np.int64)
            pairs += np.bincount(p[:-1] * NUM_PITCHES + p[1:], minlength=NUM_PITCHES**2)
            triples += np.bincount(
                (p[:-2] * NUM_PITCHES + p[1:-1]) * NUM_PITCHES + p[2:], minlength=NUM_PITCHES**3
            )
        self.bigram_probs = _interpolate_counts(
            pairs.reshape(NUM_PITCHES, NUM_PITCHES), unigram_probs
        )
        self.trigram_probs = _interpolate_counts(
            triples.reshape(NUM_PITCHES, NUM_PITCHES, NUM_PITCHES), self.bigram_probs
        )

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
