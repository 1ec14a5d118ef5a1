"""Hints in NumPy: read with a note, and copied into the logits of the next."""

import numpy as np
import pytest
from factories import make_pedal_notes, make_quantized_notes, make_tiny_model

from pipeline.models.numpy.network import Network
from pipeline.models.numpy.recall import PitchCopy, RecallInput
from pipeline.notes import recall
from pipeline.notes.quantize import PEDAL
from pipeline.notes.recall import NO_HINT, NO_PITCH, PieceMemory

RECALLING = {
    "input": "embedding",
    "embedding_dim": 6,
    "cell": "mingru",
    "heads": "categorical",
    "head_dim": 4,
    "stateful": True,
    "recall": True,
}
MODEL = make_tiny_model(**RECALLING)
ACTIVATED = np.random.default_rng(0).normal(0, 1, (4, 4)).astype(np.float32)
HINTS = np.array(
    [NO_HINT, [1, 60, 64, 3, 5], [3, 70, 70, 0, 81], [2, NO_PITCH, 127, 0, 0]], np.int16
)


def test_the_two_pitches_of_a_hint_are_raised_and_no_other():
    logits = PitchCopy(MODEL.weights).forward(ACTIVATED, HINTS)
    first, second = (
        ACTIVATED @ MODEL.weights["copy/kernel"] + MODEL.weights["copy/level"][HINTS[:, 0]]
    ).T
    expected = np.zeros((4, 128))
    expected[1, 60], expected[1, 64] = first[1], second[1]
    expected[2, 70] = first[2] + second[2]
    expected[3, 127] = second[3]
    np.testing.assert_allclose(logits, expected, atol=1e-6)


def test_one_note_is_raised_as_many():
    copy = PitchCopy(MODEL.weights)
    expected = copy.forward(ACTIVATED, HINTS)
    for row, hint in enumerate(HINTS.tolist()):
        logits = np.zeros(128, np.float32)
        copy.add_logits(logits, ACTIVATED[row] @ copy.kernel, tuple(hint))
        np.testing.assert_allclose(logits, expected[row], atol=1e-6)


def test_each_column_of_a_hint_has_its_own_vectors():
    embed = RecallInput(MODEL.weights).embed
    table = MODEL.weights["recall/embeddings"]
    rows = [1, 7 + 60, 7 + 129 + 64, 7 + 2 * 129 + 3, 7 + 2 * 129 + 83 + 5]
    np.testing.assert_allclose(embed(HINTS)[1], table[rows].sum(0), atol=1e-6)
    np.testing.assert_allclose(embed(tuple(HINTS[1].tolist())), embed(HINTS)[1])
    np.testing.assert_allclose(embed(NO_HINT), embed(HINTS)[0], atol=1e-6)
    assert len(table) == recall.NUM_TABLE_ROWS


@pytest.mark.parametrize("max_distance", [recall.MAX_DISTANCE, 60])
def test_parts_have_the_hints_of_the_whole_and_keep_few_notes(monkeypatch, max_distance):
    monkeypatch.setattr(recall, "MAX_DISTANCE", max_distance)
    monkeypatch.setattr(recall, "HISTORY_NOTES", max_distance + 31)
    notes = np.stack([make_quantized_notes(seed, 300) for seed in range(2)])
    reader = RecallInput(MODEL.weights)
    state, parts = reader.initial_state(2), []
    for begin in range(0, 300, 70):
        hints, state = reader.forward(notes[:, begin : begin + 70], state)
        parts.append(hints)
        assert state.shape[1] == min(begin + 70, 300, max_distance + 31)
    assert np.array_equal(np.concatenate(parts, axis=1), recall.compute_hints(notes))


def test_a_state_is_not_changed_by_reading_on():
    network, notes = Network(MODEL.config, MODEL.weights), make_quantized_notes(0, 90)[None]
    _, state = network.forward(notes[:, :60], network.initial_state(1))
    once, _ = network.forward(notes[:, 60:], state)
    again, _ = network.forward(notes[:, 60:], state)
    assert np.array_equal(once.hidden, again.hidden)
    assert (once.hints[..., 0] > 0).any()
    assert np.array_equal(once.select(0).hints, once.hints[0])


def test_what_was_played_decides_what_comes_next():
    network, notes = Network(MODEL.config, MODEL.weights), make_quantized_notes(0, 90)
    state = network.initial_step_state()
    assert isinstance(state[-1], PieceMemory)
    hints = [network.step(note, state).hints for note in notes]
    assert np.array_equal(hints, recall.compute_hints(notes[None])[0])


def test_notes_without_a_pedal_have_the_same_hints():
    network, notes = Network(MODEL.config, MODEL.weights), make_pedal_notes(0, 90)[None]
    without = notes[..., :PEDAL]
    start, forward_hints = network.initial_state(1), []
    for part in (notes, without):
        context, state = network.forward(part[:, :60], start)
        after, _ = network.forward(part[:, 60:], state)
        forward_hints.append(np.concatenate([context.hints, after.hints], axis=1))
    assert np.array_equal(*forward_hints)
    state = network.initial_step_state()
    hints = [network.step(note, state).hints for note in without[0]]
    assert np.array_equal(hints, forward_hints[0][0])
    assert np.any(forward_hints[0][..., 0])
