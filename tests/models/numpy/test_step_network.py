"""The body that reads one note against the network that reads many, which has tests of its own."""

import copy

import numpy as np
import pytest
from factories import make_quantized_notes
from hypothesis import given, settings
from hypothesis import strategies as st
from models.numpy.test_network import BODIES, network

from pipeline.models.numpy.step_network import StepNetwork


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
@settings(max_examples=10)
@given(seed=st.integers(0, 99), cut=st.integers(1, 59))
def test_note_by_note_is_many_at_once(body, seed, cut):
    made, notes = network(seed, **body), make_quantized_notes(seed, 60)
    whole, _ = made.forward(notes[None], made.initial_state(1))
    one = StepNetwork(made.config, made.weights)
    state = one.initial_state()
    first = one.feed(notes[:cut], state)
    assert first == pytest.approx(whole[0, cut - 1], abs=1e-5)
    rest = [one.step(note, state) for note in notes[cut:]]
    assert np.array(rest) == pytest.approx(whole[0, cut:], abs=1e-5)


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_a_deep_copy_of_the_state_comes_back_to_it(body):
    made, notes = network(**body), make_quantized_notes(3, 20)
    one = StepNetwork(made.config, made.weights)
    state = one.initial_state()
    hidden = one.feed(notes[:10], state)
    before, kept = hidden.copy(), copy.deepcopy(state)
    once = one.feed(notes[10:], state)
    assert np.array_equal(one.feed(notes[10:], kept), once)
    assert np.array_equal(hidden, before), "a hidden vector is not changed by the notes after it"
    assert not np.array_equal(once, hidden)
