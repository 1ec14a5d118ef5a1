"""Predictors that know little, which a model must beat to have learned anything.

    uniform   every pitch and every cell of the time grid is as likely
    unigram   histograms of the training notes, whatever came before
    trigram   pitch from the two pitches before, with back-off; times from their histograms

Shapes: N notes, P pitches (128), C cells (1001).
"""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from pipeline.notes.note import NUM_PITCHES
from pipeline.notes.quantize import GRID_SIZE, DURATION, PITCH, STEP, QuantizedNotes

Bits = NDArray[np.float64]
"""[N - 1, 3]: bits of the pitch, step and duration of every note but the first."""
Floor = Callable[[QuantizedNotes], Bits]


def histogram(values: NDArray[np.integer], size: int, smoothing: float) -> NDArray[np.float64]:
    """Return the shares [size] of the values, `smoothing` added to each count."""
    counts = np.bincount(values, minlength=size) + smoothing
    return np.asarray(counts / counts.sum())


def fit(pieces: Sequence[QuantizedNotes], smoothing: float) -> dict[str, Floor]:
    """Fit every floor on training pieces, codes [N, 4] each."""
    notes = np.concatenate([codes[1:] for codes in pieces]).astype(np.int64)
    pitch = histogram(notes[:, PITCH], NUM_PITCHES, smoothing)
    times = [histogram(notes[:, column], GRID_SIZE, smoothing) for column in (STEP, DURATION)]
    after = Backoff(pieces, pitch)

    def constant(codes: QuantizedNotes) -> Bits:
        share = [1 / NUM_PITCHES, 1 / GRID_SIZE, 1 / GRID_SIZE]
        return np.tile(-np.log2(share), (len(codes) - 1, 1))

    def timed(codes: QuantizedNotes, chance: NDArray[np.float64]) -> Bits:
        return -np.log2(np.stack([chance, times[0][codes[1:, STEP]], times[1][codes[1:, DURATION]]], axis=1))

    return {
        "uniform": constant,
        "unigram": lambda codes: timed(codes, pitch[codes[1:, PITCH]]),
        "trigram": lambda codes: timed(codes, after.chance(codes[:, PITCH].astype(np.int64))),
    }


class Backoff:
    """Pitch from the two pitches before, interpolated with one before and none.

    Source: Witten and Bell 1991, method C: a context seen n times with t different pitches after it keeps n / (n + t)
    for its own counts and leaves t / (n + t) to the shorter context.
    """

    def __init__(self, pieces: Sequence[QuantizedNotes], unigram: NDArray[np.float64]) -> None:
        pairs, triples = np.zeros(NUM_PITCHES**2, np.int64), np.zeros(NUM_PITCHES**3, np.int64)
        for codes in pieces:
            p = codes[:, PITCH].astype(np.int64)
            pairs += np.bincount(p[:-1] * NUM_PITCHES + p[1:], minlength=NUM_PITCHES**2)
            triples += np.bincount((p[:-2] * NUM_PITCHES + p[1:-1]) * NUM_PITCHES + p[2:], minlength=NUM_PITCHES**3)
        self.pairs = _mix(pairs.reshape(NUM_PITCHES, NUM_PITCHES), unigram)
        self.triples = _mix(triples.reshape(NUM_PITCHES, NUM_PITCHES, NUM_PITCHES), self.pairs)

    def chance(self, pitches: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return the probabilities [N - 1] of all pitches [N] but the first; the second has one before it only."""
        second = self.pairs[pitches[:1], pitches[1:2]]
        return np.concatenate([second, self.triples[pitches[:-2], pitches[1:-1], pitches[2:]]])


def _mix(counts: NDArray[np.int64], shorter: NDArray[np.float64]) -> NDArray[np.float64]:
    """Interpolate counts [..., P] with the shares of a shorter context [..., P]."""
    seen = counts.sum(axis=-1, keepdims=True)
    kinds = (counts > 0).sum(axis=-1, keepdims=True)
    mixed = (counts + kinds * shorter) / np.maximum(seen + kinds, 1)
    return np.where(seen > 0, mixed, shorter)
