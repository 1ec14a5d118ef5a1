"""Layers that read one note against those that read many, which have tests of their own."""

import copy

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from models.numpy.test_layers import block_weights, lstm_weights

from pipeline.config.schema import ATTENTION_HEAD_DIM
from pipeline.models.numpy import layers, step_layers
from pipeline.models.numpy.layers import ATTENTION_SPAN

LAYERS = {
    "lstm": (layers.LSTM, step_layers.LSTM, lambda seed: lstm_weights(seed), 60),
    "mingru": (
        layers.MinGRUBlock,
        step_layers.MinGRUBlock,
        lambda seed: block_weights(seed, "mingru_1"),
        60,
    ),
    "attention": (
        layers.AttentionBlock,
        step_layers.AttentionBlock,
        lambda seed: block_weights(seed, "attention_1", units=2 * ATTENTION_HEAD_DIM),
        3 * ATTENTION_SPAN,
    ),
}


@pytest.mark.parametrize("name", LAYERS)
@settings(max_examples=10)
@given(seed=st.integers(0, 1000))
def test_note_by_note_is_many_at_once(name, seed):
    many, one, weights, count = LAYERS[name]
    of = weights(seed)
    x = np.random.default_rng(seed).normal(0, 1, (count, 5)).astype(np.float32)
    before = {key: value.copy() for key, value in of.items()}
    there, here = many(of, f"{name}_1"), one(of, f"{name}_1")
    state = here.initial_state()
    said = [here.step(note, state).copy() for note in x]
    assert np.array(said) == pytest.approx(
        there.forward(x[None], there.initial_state(1))[0][0], abs=2e-5
    )
    assert all(np.array_equal(value, before[key]) for key, value in of.items()), (
        "the weights given are not changed"
    )


@pytest.mark.parametrize("name", LAYERS)
def test_a_deep_copy_of_the_state_comes_back_to_it(name):
    _, one, weights, count = LAYERS[name]
    layer = one(weights(3), f"{name}_1")
    x = np.random.default_rng(4).normal(0, 1, (count, 5)).astype(np.float32)
    state = layer.initial_state()
    for note in x[:-5]:
        layer.step(note, state)
    kept = copy.deepcopy(state)
    once = [layer.step(note, state).copy() for note in x[-5:]]
    again = [layer.step(note, kept).copy() for note in x[-5:]]
    assert np.array_equal(once, again)
    assert not np.array_equal(once[-1], layer.step(x[-1], layer.initial_state()))


@pytest.mark.parametrize("name", LAYERS)
def test_a_note_leaves_what_it_was_given(name):
    _, one, weights, _ = LAYERS[name]
    layer = one(weights(3), f"{name}_1")
    x = np.random.default_rng(4).normal(0, 1, 5).astype(np.float32)
    given_x = x.copy()
    layer.step(x, layer.initial_state())
    assert np.array_equal(x, given_x)


@given(st.lists(st.floats(-50, 50, width=32), min_size=1, max_size=9))
def test_gelu_is_that_of_many_notes_to_scale(values):
    x = np.array(values, np.float32)
    told = step_layers.scaled_quick_gelu(x * np.float32(step_layers.QUICK_GELU_SCALE)) / (
        2 * step_layers.QUICK_GELU_SCALE
    )
    assert told == pytest.approx(layers.quick_gelu(x), rel=1e-5, abs=1e-6)


@given(st.lists(st.floats(-50, 50, width=32), min_size=1, max_size=9))
def test_over_rms_is_that_of_the_norm(values):
    x = np.array(values, np.float32)
    plain = layers.rms_norm(x, np.ones(len(x), np.float32))
    assert x * step_layers.inverse_rms(x) == pytest.approx(plain, rel=1e-5, abs=1e-6)
