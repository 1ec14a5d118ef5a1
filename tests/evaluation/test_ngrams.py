import math
from collections import Counter

import long_corpus
import numpy as np
import pytest
from factories import make_quantized_notes
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline import config
from pipeline.evaluation import ngrams
from pipeline.notes.quantize import DURATION, GRID_SIZE, PITCH, STEP

SMOOTHING = 0.5
PIECES = [make_quantized_notes(seed, 80) for seed in range(4)] + [
    make_quantized_notes(9, 2),
    make_quantized_notes(8, 1),
]


@pytest.fixture(scope="module")
def fitted():
    return ngrams.fit_ngrams(PIECES, SMOOTHING)


def compute_witten_bell(context: tuple[int, ...], pitch: int) -> float:
    """Return P(pitch | context) by the definition, counting the training pieces anew."""
    rows = [codes[:, PITCH].tolist() for codes in PIECES]
    if not context:
        after_first = [value for row in rows for value in row[1:]]
        return (after_first.count(pitch) + SMOOTHING) / (len(after_first) + 128 * SMOOTHING)
    shorter = compute_witten_bell(context[1:], pitch)
    size = len(context)
    seen = Counter(
        row[place]
        for row in rows
        for place in range(size, len(row))
        if tuple(row[place - size : place]) == context
    )
    if not seen:
        return shorter
    count, kinds = seen.total(), len(seen)
    own = count / (count + kinds)
    return own * seen[pitch] / count + (1 - own) * shorter


def test_trigram_is_witten_bell_by_definition(fitted):
    heard = make_quantized_notes(100, 30)
    pitches = heard[:, PITCH].tolist()
    expected = [
        compute_witten_bell(tuple(pitches[max(place - 2, 0) : place]), pitches[place])
        for place in range(1, 30)
    ]
    assert fitted["trigram"](heard)[:, 0] == pytest.approx(-np.log2(expected))


def test_trigram_backs_off_to_the_unigram_after_notes_never_seen(fitted):
    heard = make_quantized_notes(0, 3)
    heard[:, PITCH] = [1, 2, 60]
    assert fitted["trigram"](heard)[1, 0] == pytest.approx(-math.log2(compute_witten_bell((), 60)))


@pytest.mark.parametrize(
    ("name", "column", "place", "size"),
    [
        *(
            ("uniform", *which)
            for which in ((PITCH, 0, 128), (STEP, 1, GRID_SIZE), (DURATION, 2, GRID_SIZE))
        ),
        *(
            ("unigram", *which)
            for which in ((PITCH, 0, 128), (STEP, 1, GRID_SIZE), (DURATION, 2, GRID_SIZE))
        ),
        ("trigram", PITCH, 0, 128),
    ],
)
def test_probabilities_of_an_ngram_model_sum_to_one(fitted, name, column, place, size):
    total = 0.0
    heard = PIECES[0][:3].copy()
    for value in range(size):
        heard[2, column] = value
        total += 2 ** -fitted[name](heard)[1, place]
    assert total == pytest.approx(1)


def test_uniform_worked_by_hand(fitted):
    assert fitted["uniform"](make_quantized_notes(3, 5)) == pytest.approx(
        np.tile([7.0, math.log2(1001), math.log2(1001)], (4, 1))
    )


def test_unigram_worked_by_hand():
    piece = np.array([[0, 9, 60, 1], [5, 7, 60, 1], [5, 7, 61, 1], [6, 8, 60, 1]], np.int16)
    bits = ngrams.fit_ngrams([piece], 1.0)["unigram"](piece[:2])
    # The first note is no target: 60 came twice of three, step 5 twice, duration 7 twice.
    assert bits[0] == pytest.approx(
        [-math.log2(3 / 131), -math.log2(3 / 1004), -math.log2(3 / 1004)]
    )


@settings(max_examples=30)
@given(values=st.lists(st.integers(0, 9), max_size=50), smoothing=st.floats(0.01, 100))
def test_a_histogram_sums_to_one_and_has_no_zero(values, smoothing):
    shares = ngrams.smooth_counts(np.bincount(np.array(values, np.int64), minlength=10), smoothing)
    assert shares.sum() == pytest.approx(1)
    assert (shares > 0).all()
    assert shares[3] == pytest.approx(
        (values.count(3) + smoothing) / (len(values) + 10 * smoothing)
    )


def test_every_note_but_the_first_is_scored(fitted):
    for name in ("uniform", "unigram", "trigram", "context_mixing"):
        assert [fitted[name](make_quantized_notes(5, count)).shape for count in (1, 2, 40)] == [
            (0, 3),
            (1, 3),
            (39, 3),
        ]


def test_more_context_costs_fewer_bits_on_music_with_a_habit(fitted):
    pitch = {name: fitted[name](make_quantized_notes(50, 400))[:, 0].mean() for name in fitted}
    assert pitch["context_mixing"] < pitch["trigram"] < pitch["unigram"] < pitch["uniform"]


def test_counts_of_a_longer_corpus_take_no_more_memory():
    assert long_corpus.measure_growth(ngrams.NgramCounts) < 1


def test_no_architecture_can_have_the_name_of_an_ngram_model(fitted):
    assert fitted.keys() < config.RESERVED_NAMES
