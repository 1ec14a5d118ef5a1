from dataclasses import replace

import long_corpus
import numpy as np
import pytest
from factories import BOTH_WAYS, CARRIED, WINDOW, make_quantized_notes, make_tiny_model
from models.numpy import test_autoregressive_heads as test_chain

from pipeline.evaluation import evaluate
from pipeline.generation.engine import Engine
from pipeline.models import scoring
from pipeline.notes.quantize import DURATION, PITCH, SCORED_FEATURES, STEP, VELOCITY

PIECES = [make_quantized_notes(1, 40), make_quantized_notes(2, 7), make_quantized_notes(3, 90)]


@pytest.mark.parametrize("kind", test_chain.KINDS, ids=str)
def test_distributions_of_autoregressive_heads_have_the_bits_of_the_heads(kind):
    made, hidden, notes = (
        test_chain.make_heads(*kind),
        test_chain.make_context(kind[2], 20),
        make_quantized_notes(4, 20),
    )
    distributions = made.distributions(hidden, notes)
    columns = {"pitch": PITCH, "step": STEP, "duration": DURATION, "velocity": VELOCITY}
    probs = [distributions[name][np.arange(20), notes[:, columns[name]]] for name in distributions]
    assert (
        list(distributions)
        == ["pitch", "step", "duration", "velocity"][: made.bits(hidden, notes).shape[1]]
    )
    assert np.allclose(-np.log2(np.stack(probs, axis=1)), made.bits(hidden, notes), atol=1e-5)
    assert all(np.allclose(masses.sum(axis=1), 1) for masses in distributions.values())


@pytest.mark.parametrize("changes", [CARRIED, WINDOW, BOTH_WAYS], ids=str)
def test_bits_are_those_of_streaming_and_masses_those_of_bits(changes):
    model = make_tiny_model(**changes)
    sums, heads = evaluate.evaluate_pieces(model, PIECES, 2)
    bits = scoring.score_pieces(model, PIECES, 2)
    assert sums == pytest.approx(np.stack([piece.sum(axis=0) for piece in bits]), rel=1e-12)
    for column, name in enumerate(("pitch", "step", "duration")):
        mass = np.maximum(heads[name].prob, 1e-12)
        assert -np.log2(mass) == pytest.approx(np.concatenate(bits)[:, column], abs=1e-4)


def test_what_is_judged_does_not_hang_on_how_it_was_read():
    model = make_tiny_model(**CARRIED)
    one, many = (evaluate.evaluate_pieces(model, PIECES, batch)[1]["step"] for batch in (1, 3))
    assert one.prob == pytest.approx(many.prob, rel=1e-3)


def test_of_many_notes_evenly_spaced_ones_are_judged(monkeypatch):
    model = make_tiny_model(**CARRIED)
    everything = evaluate.evaluate_pieces(model, PIECES, 2)[1]["pitch"].prob
    monkeypatch.setattr(evaluate, "CHUNK", 4)
    some = evaluate.evaluate_pieces(model, PIECES, 2, 50)[1]["pitch"].prob
    # 134 notes of all pieces are scored, so every third: 3, 6, 9, …; the first note of a piece is not scored.
    assert some.tolist() == everything[2::3].tolist()
    # Every 45th: no piece but the last has as many notes.
    few = evaluate.evaluate_pieces(model, PIECES, 2, 3)[1]["pitch"].prob
    assert few.tolist() == everything[44::45].tolist()


def test_calibration_notes_come_from_pieces_shorter_than_their_distance():
    pieces = [make_quantized_notes(seed, 5) for seed in range(10)]
    stats = evaluate.evaluate_pieces(make_tiny_model(**CARRIED), pieces, 3, 4)[1]
    assert [len(head.prob) for head in stats.values()] == [4, 4, 4]


@pytest.mark.slow
def test_a_longer_corpus_takes_no_more_memory():
    model = make_tiny_model(**CARRIED)
    assert (
        long_corpus.measure_growth(lambda pieces: evaluate.evaluate_pieces(model, pieces, 2, 2)) < 2
    )
    assert (
        long_corpus.measure_growth(
            lambda pieces: evaluate.compute_bits_by_context(model, pieces, 9)
        )
        < 2
    )


@pytest.mark.parametrize("changes", [CARRIED, WINDOW, BOTH_WAYS], ids=str)
def test_context_is_what_a_player_heard_who_came_in_late(changes):
    model, piece = make_tiny_model(**changes), make_quantized_notes(5, 30)
    rows = evaluate.compute_bits_by_context(model, [piece])
    assert [row[0] for row in rows] == [1, 2, 4, 8, 16]
    for heard, targets, mean in rows:
        expected = []
        for at in range(16, 30):
            engine = Engine(model)
            engine.feed(piece[at - heard : at])
            expected.append(list(engine.score_note(piece[at])[name] for name in SCORED_FEATURES))
        assert targets == 14
        assert list(mean.values()) == pytest.approx(np.mean(expected, axis=0).tolist(), rel=1e-4)


def test_a_window_forgets_all_before_it():
    rows = evaluate.compute_bits_by_context(
        make_tiny_model(6, **WINDOW), [make_quantized_notes(5, 300), make_quantized_notes(6, 40)]
    )
    means = [row[2] for row in rows]
    assert [row[0] for row in rows] == [1, 2, 4, 8, 16, 32, 64, 128, 256]
    assert all(mean == means[3] for mean in means[3:])
    assert means[2] != means[3]


def test_targets_are_at_most_256_and_of_all_pieces():
    pieces = [make_quantized_notes(seed, 900) for seed in range(3)]
    rows = evaluate.compute_bits_by_context(make_tiny_model(**CARRIED), pieces)
    assert {targets for _, targets, _ in rows} == {256}
    moved = [piece.copy() for piece in pieces]
    moved[2][:, DURATION] = 900
    assert (
        evaluate.compute_bits_by_context(make_tiny_model(**CARRIED), moved)[0][2]["duration"]
        != rows[0][2]["duration"]
    )


def test_fewer_targets_are_scored_where_asked():
    pieces = [make_quantized_notes(5, 300)]
    rows = evaluate.compute_bits_by_context(make_tiny_model(**CARRIED), pieces, 7)
    assert {num_targets for _, num_targets, _ in rows} == {7}


def test_context_bits_of_replicates_are_the_mean_over_all_targets():
    """A replicate whose pieces are short has no targets after a long context."""

    def make_row(length: int, num_targets: int, value: float) -> tuple[int, int, dict[str, float]]:
        return length, num_targets, {"pitch": value, "step": 2 * value, "duration": 0.0}

    parts = [[make_row(1, 3, 4.0), make_row(2, 2, 3.0)], [make_row(1, 1, 8.0)]]
    assert evaluate.merge_context_bits(parts) == [make_row(1, 4, 5.0), make_row(2, 2, 3.0)]
    assert evaluate.merge_context_bits(parts[::-1]) == evaluate.merge_context_bits(parts)


def test_velocity_is_judged_if_the_model_has_it():
    made = test_chain.make_heads("categorical", True, "embedding")
    block = make_block(velocity=True)
    shapes = {
        f"lstm_1/{name}": size
        for name, size in (("kernel", (8, 24)), ("recurrent_kernel", (6, 24)), ("bias", (24,)))
    }
    shapes |= {"sounding/kernel": (256, 8), "sounding/bias": (8,)}
    shapes |= {
        f"{name}_embedding/embeddings": (1001, 8)
        for name in ("step", "duration", "pitch", "velocity")
    }
    rng = np.random.default_rng(0)
    body = {name: rng.normal(0, 0.3, shape).astype(np.float32) for name, shape in shapes.items()}
    model = replace(make_tiny_model(**CARRIED), config=block, weights={**body, **made.weights})
    bits, heads = evaluate.evaluate_pieces(model, [make_quantized_notes(1, 50)], 1)
    assert list(heads) == ["pitch", "step", "duration", "velocity"]
    assert bits.shape == (1, 4)
    assert -np.log2(heads["velocity"].prob).sum() == pytest.approx(bits[0, 3], abs=1e-3)
    assert list(evaluate.compute_bits_by_context(model, [make_quantized_notes(1, 50)])[0][2]) == [
        "pitch",
        "step",
        "duration",
    ]


def make_block(velocity: bool):
    recipe = {
        "input": "embedding",
        "embedding_dim": 8,
        "model_velocity": velocity,
        "heads": "categorical",
        "head_dim": test_chain.C,
    }
    return make_tiny_model(**CARRIED).config.model_copy(
        update={**recipe, "units": [test_chain.H], "loss_on": "all"}
    )
