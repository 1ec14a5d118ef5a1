import math
from collections import Counter

import long_corpus
import numpy as np
import pytest
from factories import make_quantized_notes

from pipeline.evaluation import context_mixing
from pipeline.evaluation.context_mixing import CHAINS, ContextMixing
from pipeline.notes.quantize import (
    FEATURES,
    SCORED_FEATURES,
    TIME_TOKEN,
    TIME_TOKEN_EDGES,
    TIME_TOKEN_WIDTHS,
)

PIECES = [make_quantized_notes(seed, 80) for seed in range(3)] + [make_quantized_notes(8, 1)]


@pytest.fixture(scope="module")
def fitted():
    return ContextMixing(PIECES)


def compute_last_probs(fitted, piece, name, values):
    """Return the probability of each value of a feature of the last note."""
    feature = FEATURES[name]
    changed = piece.copy()
    probs = []
    for value in values:
        changed[-1, feature.column] = value
        bits = fitted.compute_bits(changed)
        probs.append(2 ** -bits[-1, SCORED_FEATURES.index(name)])
    return np.array(probs)


@pytest.mark.slow
@pytest.mark.parametrize(("seed", "count"), [(0, 2), (1, 30), (71, 60)])
def test_probabilities_of_a_feature_sum_to_one_over_all_its_values(fitted, seed, count):
    piece = make_quantized_notes(seed, count)
    for name in ("step", "duration"):
        probs = compute_last_probs(fitted, piece, name, TIME_TOKEN_EDGES[:-1])
        assert (probs * TIME_TOKEN_WIDTHS).sum() == pytest.approx(1)
    assert compute_last_probs(fitted, piece, "pitch", range(128)).sum() == pytest.approx(1)


@pytest.mark.parametrize("name", ["step", "duration"])
def test_a_time_token_spreads_its_probability_evenly_over_its_cells(fitted, name):
    cells = np.flatnonzero(TIME_TOKEN[700] == TIME_TOKEN)
    probs = compute_last_probs(fitted, make_quantized_notes(5, 12), name, cells[::7])
    assert len(probs) > 5
    assert set(probs) == {probs[0]}


def test_bits_of_a_note_do_not_depend_on_later_notes(fitted):
    piece, other = make_quantized_notes(20, 60), make_quantized_notes(21, 60)
    bits = fitted.compute_bits(piece)
    for size in (1, 2, 17, 59):
        changed = np.concatenate([piece[:size], other[size:]])
        assert fitted.compute_bits(changed)[: size - 1] == pytest.approx(bits[: size - 1])
        assert fitted.compute_bits(piece[:size]) == pytest.approx(bits[: size - 1])


def test_step_does_not_see_the_pitch_nor_pitch_the_duration_of_the_same_note(fitted):
    piece = make_quantized_notes(22, 30)
    bits = dict(zip(SCORED_FEATURES, fitted.compute_bits(piece)[-1], strict=True))
    changed = piece.copy()
    changed[-1, FEATURES["duration"].column] = 900
    with_duration = dict(zip(SCORED_FEATURES, fitted.compute_bits(changed)[-1], strict=True))
    changed[-1, FEATURES["pitch"].column] = 3
    with_pitch = dict(zip(SCORED_FEATURES, fitted.compute_bits(changed)[-1], strict=True))
    assert with_duration["pitch"] == bits["pitch"]
    assert with_duration["step"] == with_pitch["step"] == bits["step"]


def test_what_comes_again_costs_fewer_bits(fitted):
    piece = make_quantized_notes(23, 60)
    first, again = np.split(fitted.compute_bits(np.concatenate([piece, piece[:1], piece])), [60])
    assert (again[-59:].mean(axis=0) < first[:59].mean(axis=0) - 0.5).all()


def test_equal_notes_have_equal_bits_whatever_was_read_before(fitted):
    piece = make_quantized_notes(24, 50)
    bits = fitted.compute_bits(piece)
    fitted.compute_bits(make_quantized_notes(25, 50))
    assert (fitted.compute_bits(piece) == bits).all()
    assert (ContextMixing(PIECES).compute_bits(piece) == bits).all()


def test_pieces_too_short_to_predict_have_no_bits(fitted):
    assert fitted.compute_bits(make_quantized_notes(1, 1)).shape == (0, 3)
    alone = ContextMixing([make_quantized_notes(1, 1)])
    assert alone.compute_bits(make_quantized_notes(1, 2))[0] == pytest.approx(
        [
            7,
            *[
                math.log2(82 * TIME_TOKEN_WIDTHS[TIME_TOKEN[cell]])
                for cell in make_quantized_notes(1, 2)[1, :2]
            ],
        ]
    )


def test_weights_are_learned_on_the_first_pieces_only(monkeypatch):
    piece = make_quantized_notes(26, 40)
    one_order, other_order = PIECES[:3], [PIECES[0], PIECES[2], PIECES[1]]
    assert (compute_bits(one_order, piece) != compute_bits(other_order, piece)).any()
    monkeypatch.setattr(context_mixing, "MAX_WEIGHT_NOTES", 79)
    assert (compute_bits(one_order, piece) == compute_bits(other_order, piece)).all()


def compute_bits(pieces, piece):
    return ContextMixing(pieces).compute_bits(piece)


def test_a_long_piece_is_read_in_chunks_that_change_no_bit(fitted, monkeypatch):
    piece = make_quantized_notes(27, 70)
    bits = fitted.compute_bits(piece)
    monkeypatch.setattr(context_mixing, "CHUNK_NOTES", 16)
    assert (fitted.compute_bits(piece) == bits).all()
    assert (ContextMixing(PIECES).compute_bits(piece) == bits).all()


def test_the_size_of_a_batch_changes_no_bit(fitted, monkeypatch):
    piece = make_quantized_notes(28, 40)
    monkeypatch.setattr(context_mixing, "BATCH_NOTES", 1)
    assert (ContextMixing(PIECES).compute_bits(piece) == fitted.compute_bits(piece)).all()


def test_full_tables_still_predict_better_than_none(monkeypatch):
    pieces = [make_quantized_notes(seed, 200) for seed in range(8)]
    piece = make_quantized_notes(40, 200)
    without = ContextMixing(pieces[:1]).compute_bits(piece).sum()
    exact = ContextMixing(pieces).compute_bits(piece).sum()
    monkeypatch.setattr(context_mixing, "BATCH_NOTES", 200)
    monkeypatch.setattr(context_mixing, "MAX_ENTRIES", 500)
    pruned = ContextMixing(pieces).compute_bits(piece).sum()
    assert exact < pruned < without


@pytest.mark.slow
def test_a_longer_corpus_takes_no_more_memory(monkeypatch):
    monkeypatch.setattr(context_mixing, "MAX_WEIGHT_NOTES", 100)
    monkeypatch.setattr(context_mixing, "BATCH_NOTES", 400)
    monkeypatch.setattr(context_mixing, "MAX_ENTRIES", 400)
    assert long_corpus.measure_growth(ContextMixing) < 2


class PlainMixing:
    """The same model for one feature by definition: counts anew for each note, in plain numbers."""

    def __init__(self, pieces, name):
        self.pieces, self.name = [self.read(piece) for piece in pieces], name
        self.size = FEATURES[name].num_tokens
        self.contexts = [
            ((), *chain[: place + 1]) for chain in CHAINS[name] for place in range(len(chain))
        ]
        self.contexts.insert(0, ((),))
        self.weights = {}
        for number, piece in enumerate(self.pieces):
            self.score(piece, self.pieces[:number] + self.pieces[number + 1 :])

    @staticmethod
    def read(piece):
        notes = []
        for step, duration, pitch, *_ in piece.tolist():
            step, duration = int(TIME_TOKEN[step]), int(TIME_TOKEN[duration])
            wide = {
                f"{name}_class": round(2 * math.log2(max(1, token)))
                for name, token in (("step", step), ("duration", duration))
            }
            interval = pitch - notes[-1]["pitch"] if notes else 0
            notes.append(
                {
                    "step": step,
                    "duration": duration,
                    "pitch": pitch,
                    **wide,
                    "register": pitch // 6,
                    "interval": interval,
                }
            )
        return notes

    def list_followers(self, notes, context):
        """Return what the context of each note but the first holds, and the token that came."""
        before = dict.fromkeys(notes[0], 0) | {"interval": -128} if notes else {}
        padded = [before] * 9 + notes
        return [
            (
                tuple(padded[place - back][column] for column, back in context),
                padded[place][self.name],
            )
            for place in range(10, len(padded))
        ]

    def predict(self, chain, piece, place, others):
        """Return the distribution of the last context of a chain, and how often it came."""
        probs, total = [1 / self.size] * self.size, 0
        for context in chain:
            followers = self.list_followers(piece, context)
            key = followers[place][0]
            counts = Counter(
                token
                for other in others
                for seen, token in self.list_followers(other, context)
                if seen == key
            )
            for seen, token in followers[:place]:
                counts[token] += 4 * (seen == key)
            counts = +counts
            total = counts.total()
            if total:
                probs = [
                    (max(counts[token] - 0.9, 0) + 0.9 * len(counts) * shorter) / total
                    for token, shorter in enumerate(probs)
                ]
        return probs, total

    def score(self, piece, others):
        bits = []
        for place, (_, token) in enumerate(self.list_followers(piece, ())):
            inputs, keys = [], []
            for number, chain in enumerate(self.contexts):
                probs, total = self.predict(chain, piece, place, others)
                inputs.append([math.log(prob) for prob in probs])
                keys.append((number, min(11, math.floor(math.log2(1 + total)))))
            weights = [self.weights.get(key, 1 / len(keys)) for key in keys]
            scores = [
                math.exp(sum(map(math.prod, zip(weights, column, strict=True))))
                for column in zip(*inputs, strict=True)
            ]
            mixed = [score / sum(scores) for score in scores]
            bits.append(-math.log2(mixed[token] / int(FEATURES[self.name].token_widths[token])))
            for key, weight, row in zip(keys, weights, inputs, strict=True):
                expected = sum(map(math.prod, zip(mixed, row, strict=True)))
                self.weights[key] = weight + 0.001 * (row[token] - expected)
        return bits


@pytest.mark.parametrize("name", SCORED_FEATURES)
def test_bits_are_those_of_the_definition(name):
    pieces = [make_quantized_notes(30, 9), make_quantized_notes(31, 7)]
    piece = np.concatenate([make_quantized_notes(32, 6), pieces[0][:4]])
    plain = PlainMixing(pieces, name)
    bits = ContextMixing(pieces).compute_bits(piece)[:, SCORED_FEATURES.index(name)]
    assert bits == pytest.approx(plain.score(plain.read(piece), plain.pieces), rel=1e-5)
