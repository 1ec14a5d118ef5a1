"""An n-gram model that mixes many contexts and adapts to the piece that it reads.

The features of a note are predicted in the order of generation. Each context, such as the three pitches before, has
counts of the tokens that came after it, in training and so far in this piece. A chain lists contexts from short to
long; the distribution of each is interpolated with the one before. The distributions p of all contexts are mixed to
one, proportional to the product of p ** w. Each weight w belongs to a context and to how often that context came, and
follows the gradient of the bits, note by note. A note is scored before anything is learned from it.

Sources: absolute discounts, Ney, Essen and Kneser 1994; weights learned while reading, Mahoney 2005, "Adaptive Weighing
of Context Models for Lossless Data Compression".

Shapes: N notes of a piece without the first, K contexts of a feature, V tokens of a feature, F classes of frequency.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipeline.evaluation.count_tables import CountTable, count_codes
from pipeline.notes.piece_batches import iterate_batches
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
"""Weights are learned on the first training pieces, until they have this many notes. Counts are of all pieces, in tables
that drop the rarest tokens once they are full."""
FREQUENCY_EDGES = 2 ** np.arange(1, 12) - 1
"""[11] where the frequency of a context changes its weight."""
TIME_CLASS = np.rint(2 * np.log2(np.maximum(np.arange(NUM_TIME_TOKENS), 1))).astype(np.int64)
"""[82] class of each time token, wider than a token: contexts of classes come more often."""
COLUMN_SIZE = 256
"""Values of a column of contexts, at most."""
MAX_ENTRIES = 2**20
"""Of each of the 42 tables of counts, 16 bytes each; those of short contexts never have as many.

Measured on the default corpus: tables of 16,293 entries, which is as small in proportion to its notes as these are for
MAESTRO, cost 0.018 bits per note; a corpus of two of its pieces costs 0.24.
"""
BATCH_NOTES = 2**18
"""Training notes counted at a time, about."""
CHUNK_NOTES = 4096
"""Notes of a piece predicted at a time: bounds the memory of a long piece."""
EMPTY_TABLE = CountTable(np.empty(0, np.int64), np.empty(0, np.int64))

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
        """Count the notes of training pieces [N, 5] each, and learn the weights on the first of them."""
        self._models = [_FeatureModel(name) for name in SCORED_FEATURES]
        for batch in iterate_batches(pieces, BATCH_NOTES):
            columns = [make_columns(piece) for piece in batch]
            for model in self._models:
                model.count_tokens(columns)
        self._learn_weights(pieces)

    def compute_bits(self, piece: QuantizedNotes) -> NDArray[np.float64]:
        """Return the bits [N, 3] of every note but the first. What is learned of the piece is not kept."""
        columns = make_columns(piece)
        return np.stack([model.compute_bits(columns) for model in self._models], axis=1)

    def _learn_weights(self, pieces: Sequence[QuantizedNotes]) -> None:
        """Read training pieces, until they have enough notes."""
        num_notes = 0
        for piece in pieces:
            columns = make_columns(piece)
            for model in self._models:
                model.learn_weights(columns)
            num_notes += max(len(piece) - 1, 0)
            if num_notes >= MAX_WEIGHT_NOTES:
                return


class _FeatureModel:
    """Predictor of one feature of a note."""

    def __init__(self, name: str) -> None:
        self._name, self._feature = name, FEATURES[name]
        self._contexts: list[Context] = [()]
        self._shorter = [0]
        for chain in CHAINS[name]:
            shorter = 0
            for context in chain:
                self._shorter.append(shorter)
                shorter = len(self._contexts)
                self._contexts.append(context)
        self._tables = [EMPTY_TABLE] * len(self._contexts)
        size = len(self._contexts), len(FREQUENCY_EDGES) + 1
        self._weights = np.full(size, 1 / len(self._contexts))

    def count_tokens(self, pieces: Sequence[Columns]) -> None:
        """Add all notes that are predicted in training pieces to the tables."""
        for k, context in enumerate(self._contexts):
            codes = np.concatenate([self._make_codes(piece, context) for piece in pieces])
            self._tables[k] = self._tables[k].add(count_codes(codes)).prune(MAX_ENTRIES)

    def learn_weights(self, piece: Columns) -> None:
        """Read a training piece, predicted from the counts of all others."""
        own_tables = [count_codes(self._make_codes(piece, context)) for context in self._contexts]
        self._read_piece(piece, self._weights, own_tables)

    def compute_bits(self, piece: Columns) -> NDArray[np.float64]:
        """Return the bits [N] of the feature. A token shares its probability evenly among its values."""
        tokens = piece[self._name][1:]
        nats = self._read_piece(piece, self._weights.copy())
        return nats / np.log(2) + np.log2(self._feature.token_widths[tokens])

    def _make_codes(self, piece: Columns, context: Context) -> NDArray[np.int64]:
        """Return the code [N] of each token after its context, as a `CountTable` has it."""
        return make_keys(piece, context) * self._feature.num_tokens + piece[self._name][1:]

    def _read_piece(
        self,
        piece: Columns,
        weights: NDArray[np.float64],
        own_tables: Sequence[CountTable] = (),
    ) -> NDArray[np.float64]:
        """Return -log p [N] of each note of a piece, and learn weights [K, F] in place.

        Args:
            piece: what is read.
            weights: of each context.
            own_tables: counts of the piece itself, where the tables hold it too.
        """
        tokens = piece[self._name][1:]
        keys = np.stack([make_keys(piece, context) for context in self._contexts])
        earlier_tables = [EMPTY_TABLE] * len(keys)
        nats = np.empty(len(tokens))
        for start in range(0, len(tokens), CHUNK_NOTES):
            part = slice(start, start + CHUNK_NOTES)
            chunk = _Chunk(keys[:, part], tokens[part], earlier_tables, own_tables)
            nats[part] = mix(*self._predict(chunk), chunk.tokens, weights)
            codes = chunk.keys * self._feature.num_tokens + chunk.tokens
            earlier_tables = [
                table.add(count_codes(row))
                for table, row in zip(earlier_tables, codes, strict=True)
            ]
        return nats

    def _predict(self, chunk: "_Chunk") -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """Return what each context predicts, before weights.

        Returns:
            Log probabilities [N, K, V], and the frequency class [N, K] of each context.
        """
        num_tokens = self._feature.num_tokens
        probs = np.empty((len(chunk.tokens), len(self._contexts), num_tokens), np.float32)
        frequencies = np.empty(probs.shape[:2], np.int64)
        for k, context in enumerate(self._contexts):
            counts = self._count_after(k, chunk)
            shorter = probs[:, self._shorter[k]] if context else np.float32(1 / num_tokens)
            probs[:, k] = interpolate(counts, shorter)
            frequencies[:, k] = np.searchsorted(FREQUENCY_EDGES, counts.sum(axis=1), side="right")
        return np.log(probs, out=probs), frequencies

    def _count_after(self, k: int, chunk: "_Chunk") -> NDArray[np.float32]:
        """Return the counts [N, V] of all tokens after context k of each note, in training and so far in the piece."""
        num_tokens, keys = self._feature.num_tokens, chunk.keys[k]
        counts = self._tables[k].look_up(keys, num_tokens)
        if chunk.own_tables:
            # A count that left its table is no longer part of it.
            counts -= chunk.own_tables[k].look_up(keys, num_tokens)
            np.maximum(counts, 0, out=counts)
        counts += PIECE_WEIGHT * chunk.earlier_tables[k].look_up(keys, num_tokens)
        counts += PIECE_WEIGHT * count_before(keys, chunk.tokens, num_tokens)
        return counts


class _Chunk(NamedTuple):
    """Some notes of a piece that is read."""

    keys: NDArray[np.int64]
    """[K, N] of the context of each note."""
    tokens: NDArray[np.int64]
    """[N] what came."""
    earlier_tables: Sequence[CountTable]
    """[K] counts of the piece before these notes."""
    own_tables: Sequence[CountTable]
    """[K] counts of the whole piece, where the tables of training hold it too."""


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
