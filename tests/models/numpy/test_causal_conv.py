"""The convolution against its formula, and one note against many."""

import numpy as np
import pytest

from pipeline.models.numpy.causal_conv import CausalConv

RNG = np.random.default_rng(0)
KERNEL = RNG.normal(0, 1, (4, 3)).astype(np.float32)
NOTES = RNG.normal(0, 1, (2, 50, 3)).astype(np.float32)


def test_each_channel_is_a_sum_of_its_last_values():
    out, _ = CausalConv(KERNEL).forward(NOTES, np.zeros((2, 3, 3), np.float32))
    for row, t, channel in np.ndindex(NOTES.shape):
        values = NOTES[row, max(0, t - 3) : t + 1, channel].astype(float)
        expected = values @ KERNEL[4 - len(values) :, channel]
        assert out[row, t, channel] == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("cut", [1, 2, 3, 4, 49])
def test_reading_in_two_parts_is_reading_at_once(cut):
    conv = CausalConv(KERNEL)
    whole, end = conv.forward(NOTES, conv.initial_state(2))
    first, state = conv.forward(NOTES[:, :cut], conv.initial_state(2))
    second, last = conv.forward(NOTES[:, cut:], state)
    assert np.concatenate([first, second], axis=1) == pytest.approx(whole, abs=1e-6)
    assert np.array_equal(last, end)


def test_note_by_note_is_all_at_once_in_memory_that_stays_the_same():
    conv = CausalConv(KERNEL)
    whole, _ = conv.forward(NOTES, conv.initial_state(2))
    state = conv.initial_step_state()
    steps = [conv.step(note, state) for note in NOTES[1]]
    assert np.array(steps) == pytest.approx(whole[1], abs=1e-6)
    assert state[0].shape == (8, 3)
    assert 0 <= state[1] < 4
