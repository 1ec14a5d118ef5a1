"""An n-gram model that mixes many contexts and adapts to the piece that it reads.

The features of a note are predicted in the order of generation. Each context, such as the three pitches before, has
counts of the tokens that came after it, in training and so far in this piece. A chain lists contexts from short to
long; the distribution of each is interpolated with the one before. The distributions p of all contexts are mixed to
one, proportional to the product of p ** w. Each weight w belongs to a context and to how often that context came, and
follows the gradient of the bits, note by note. A note is scored before anything is learned from it.

Sources: absolute discounts, Ney, Essen and Kneser 1994; weights learned while reading, Mahoney 2005, "Adaptive Weighing
of Context Models for Lossless Data Compression".

Shapes: N notes of a piece without the first, K contexts of a feature, V tokens of a feature.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipeline.notes.quantize import (
    DURATION,
    FEATURES,
    NUM_TIME_TOKENS,
    PITCH,
    SCORED_FEATURES,
    STEP,
    QuantizedNotes,
    token_ids,
)

PIECE_WEIGHT = 4
"""A note of the piece counts as much as this many training notes."""
DISCOUNT = 0.9
"""What the count of each token gives to the shorter context."""
LEARNING_RATE = 0.001
MAX_WEIGHT_NOTES = 100_000
"""Weights are learned on the first training pieces, until they have this many notes. Counts are of all pieces."""
FREQUENCY_EDGES = 2 ** np.arange(1, 12) - 1
"""[11] where the frequency of a context changes its weight."""
TIME_CLASS = np.rint(2 * np.log2(np.maximum(np.arange(NUM_TIME_TOKENS), 1))).astype(np.int64)
"""[82] class of each time token, wider than a token: contexts of classes come more often."""
COLUMN_SIZE = 256
"""Values of a column of contexts, at most."""

Columns = Mapping[str, NDArray[np.int64]]
"""What contexts are made of, by name: [N + 1] each."""
Context = tuple[tuple[str, int], ...]
"""Names of columns, each with the number of notes back; 0 is the note that is predicted."""


def _last(column: str, count: int) -> Context:
    """Return the context of one column of the last notes."""
    return tuple((column, back) for back in range(1, count + 1))


_STEP_NOW = (("step_class", 0),)
_PITCH_NOW = (("pitch", 0),)
_STEP_AND_REGISTER_NOW = (("step_class", 0), ("register", 0))
CHAINS: Mapping[str, Sequence[Sequence[Context]]] = {
    "step": [
        [_last("step", count) for count in (1, 2, 3, 4, 5)],
        [_last("step_class", count) for count in (2, 3, 4, 6)],
        [_last("step_class", count) + _last("duration_class", count) for count in (1, 2)],
        [_last("interval", 1) + _last("step_class", 1)],
        [_last("pitch", count) for count in (2, 3)],
    ],
    "pitch": [
        [_last("pitch", count) for count in (1, 2, 3, 4, 5)],
        [_STEP_NOW + _last("pitch", 1), _STEP_NOW + _last("step_class", 1) + _last("pitch", 2)],
        [(("pitch", 2),), (("pitch", 2), ("pitch", 3))],
        [(("pitch", 3),)],
        [(("pitch", 4),)],
    ],
    "duration": [
        [_last("duration", count) for count in (1, 2, 3, 4)],
        [_last("duration_class", count) for count in (2, 3, 4)],
        [_PITCH_NOW, _PITCH_NOW + _last("duration_class", 1)],
        [
            _STEP_NOW + _last("duration_class", 1),
            _STEP_NOW + _last("step_class", 1) + _last("duration_class", 2),
        ],
        [_STEP_AND_REGISTER_NOW, _STEP_AND_REGISTER_NOW + _last("duration_class", 1)],
        [(*_STEP_NOW, ("interval", 0), *_last("duration", 1))],
    ],
}
"""Chains of contexts of each feature; before the first of each chain is the context of no note."""


class ContextMixing:
    """Predictor that mixes the counts of many contexts."""

    def __init__(self, pieces: Sequence[QuantizedNotes]) -> None:
        columns = [make_columns(piece) for piece in pieces]
        self._models = [_FeatureModel(columns, name) for name in SCORED_FEATURES]

    def compute_bits(self, piece: QuantizedNotes) -> NDArray[np.float64]:
        """Return the bits [N, 3] of every note but the first. What is learned of the piece is not kept."""
        columns = make_columns(piece)
        return np.stack([model.compute_bits(columns) for model in self._models], axis=1)


class CountTable(NamedTuple):
    """How often each token came after each context."""

    codes: NDArray[np.int64]
    """Key of a context times V, plus a token; sorted."""
    counts: NDArray[np.int64]

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


class _FeatureModel:
    """Predictor of one feature of a note."""

    def __init__(self, pieces: Sequence[Columns], name: str) -> None:
        self._name, self._feature = name, FEATURES[name]
        self._contexts: list[Context] = [()]
        self._shorter = [0]
        for chain in CHAINS[name]:
            shorter = 0
            for context in chain:
                self._shorter.append(shorter)
                shorter = len(self._contexts)
                self._contexts.append(context)
        self._tables = self._count_tokens(pieces)
        size = len(self._contexts), len(FREQUENCY_EDGES) + 1
        self._weights = np.full(size, 1 / len(self._contexts))
        self._learn_weights(pieces)

    def compute_bits(self, piece: Columns) -> NDArray[np.float64]:
        """Return the bits [N] of the feature. A token shares its probability evenly among its values."""
        tokens = piece[self._name][1:]
        nats = mix(*self._predict(piece), tokens, self._weights.copy())
        return nats / np.log(2) + np.log2(self._feature.token_widths[tokens])

    def _learn_weights(self, pieces: Sequence[Columns]) -> None:
        """Read training pieces, each predicted from the counts of all others."""
        num_notes = 0
        for piece in pieces:
            tokens = piece[self._name][1:]
            own_tables = self._count_tokens([piece])
            mix(*self._predict(piece, own_tables), tokens, self._weights)
            num_notes += len(tokens)
            if num_notes >= MAX_WEIGHT_NOTES:
                return

    def _count_tokens(self, pieces: Sequence[Columns]) -> list[CountTable]:
        """Return a table for each context, of all notes that are predicted."""
        num_tokens = self._feature.num_tokens
        tokens = np.concatenate([piece[self._name][1:] for piece in pieces])
        tables = []
        for context in self._contexts:
            keys = np.concatenate([make_keys(piece, context) for piece in pieces])
            codes, counts = np.unique(keys * num_tokens + tokens, return_counts=True)
            tables.append(CountTable(codes, counts))
        return tables

    def _predict(
        self, piece: Columns, own_tables: Sequence[CountTable] = ()
    ) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """Return what each context predicts, before weights.

        Args:
            piece: what is read.
            own_tables: counts of the piece itself, where the tables hold it too.

        Returns:
            Log probabilities [N, K, V], and the frequency class [N, K] of each context.
        """
        tokens, num_tokens = piece[self._name][1:], self._feature.num_tokens
        probs = np.empty((len(tokens), len(self._contexts), num_tokens), np.float32)
        frequencies = np.empty(probs.shape[:2], np.int64)
        for k, context in enumerate(self._contexts):
            keys = make_keys(piece, context)
            counts = self._tables[k].look_up(keys, num_tokens)
            if own_tables:
                counts -= own_tables[k].look_up(keys, num_tokens)
            counts += PIECE_WEIGHT * count_before(keys, tokens, num_tokens)
            shorter = probs[:, self._shorter[k]] if context else np.float32(1 / num_tokens)
            probs[:, k] = interpolate(counts, shorter)
            frequencies[:, k] = np.searchsorted(FREQUENCY_EDGES, counts.sum(axis=1), side="right")
        return np.log(probs, out=probs), frequencies


def make_columns(piece: QuantizedNotes) -> Columns:
    """Return the tokens of a piece, and wider classes of them."""
    tokens = token_ids(piece).astype(np.int64)
    step, duration, pitch = tokens[:, STEP], tokens[:, DURATION], tokens[:, PITCH]
    return {
        "step": step,
        "step_class": TIME_CLASS[step],
        "duration": duration,
        "duration_class": TIME_CLASS[duration],
        "pitch": pitch,
        "register": pitch // 6,
        "interval": np.diff(pitch, prepend=pitch[:1]) + FEATURES["pitch"].num_tokens,
    }


def make_keys(piece: Columns, context: Context) -> NDArray[np.int64]:
    """Return one number [N] for what the context of each note but the first holds; 0 stands before a piece."""
    num_notes = len(piece["pitch"])
    keys = np.zeros(num_notes, np.int64)
    for column, back in context:
        padded = np.concatenate([np.zeros(back, np.int64), piece[column]])
        keys = keys * COLUMN_SIZE + padded[:num_notes]
    return keys[1:]


def count_before(
    keys: NDArray[np.int64], tokens: NDArray[np.int64], num_tokens: int
) -> NDArray[np.float32]:
    """Return how often each token came after the same key, in the notes before each note.

    >>> count_before(np.array([7, 8, 7, 7]), np.array([0, 1, 1, 0]), 2).tolist()
    [[0.0, 0.0], [0.0, 0.0], [1.0, 0.0], [1.0, 1.0]]
    """
    order = np.argsort(keys, kind="stable")
    one_hot = np.zeros((len(keys) + 1, num_tokens), np.float32)
    one_hot[np.arange(1, len(keys) + 1), tokens[order]] = 1
    totals = np.cumsum(one_hot, axis=0)[:-1]
    sorted_keys = keys[order]
    first_of_key = np.searchsorted(sorted_keys, sorted_keys)
    counts = np.empty_like(totals)
    counts[order] = totals - totals[first_of_key]
    return counts


def interpolate(
    counts: NDArray[np.float32], shorter: NDArray[np.float32] | np.float32
) -> NDArray[np.float32]:
    """Return the probabilities [N, V] of counts [N, V], what they lack filled by those of a shorter context."""
    total = counts.sum(axis=1, keepdims=True)
    is_counted = counts > 0
    kinds = is_counted.sum(axis=1, keepdims=True, dtype=np.float32)
    discounted = counts - DISCOUNT * is_counted
    probs = (discounted + DISCOUNT * kinds * shorter) / np.maximum(total, 1)
    return np.where(total > 0, probs, shorter)


def mix(
    log_probs: NDArray[np.float32],
    frequencies: NDArray[np.int64],
    tokens: NDArray[np.int64],
    weights: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Return -log p [N] of the mixture for each note, and learn the weights in place.

    Args:
        log_probs: [N, K, V].
        frequencies: [N, K] the weight of each context that counts.
        tokens: [N] what came.
        weights: [K, F].
    """
    nats = np.empty(len(tokens))
    contexts = np.arange(len(weights))
    for note, token in enumerate(tokens):
        inputs, chosen = log_probs[note], (contexts, frequencies[note])
        scores = weights[chosen] @ inputs
        scores -= scores.max()
        exponentials = np.exp(scores)
        total = exponentials.sum()
        nats[note] = np.log(total) - scores[token]
        expected = inputs @ (exponentials / total)
        weights[chosen] += LEARNING_RATE * (inputs[:, token] - expected)
    return nats
