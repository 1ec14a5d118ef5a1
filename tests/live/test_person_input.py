"""Each step of the path of a message drops or changes what it must; the steps have tests of their own."""

import pytest

from pipeline.live.echo_guard import EchoGuard
from pipeline.live.person_input import PersonInput, shape_velocity
from pipeline.live.preset import Preset
from pipeline.live.timeline import SimulatedClock


class Step:
    """A step that takes some messages."""

    def __init__(self, takes=()):
        self.takes = takes
        self.messages = []

    def handle_message(self, message):
        self.messages.append(message)
        return message in self.takes


def pass_on(messages, sent=(), learned=(), **settings):
    """Return the messages that reach the keyboard."""
    guard, keyboard = EchoGuard(SimulatedClock()), Step()
    for message in sent:
        guard.add_sent(message)
    person = PersonInput(Preset(**settings), guard, Step(learned), keyboard)
    for message in messages:
        person.handle_message(message)
    return keyboard.messages


def test_a_learned_message_goes_no_further():
    messages = [(0x90, 21, 70), (0x90, 60, 70)]
    assert pass_on(messages, learned=messages[:1]) == messages[1:]


def test_an_echo_goes_no_further_and_is_no_learned_key():
    messages = [(0x90, 21, 70), (0x90, 60, 70)]
    assert pass_on(messages, sent=messages[:1]) == messages[1:]


def test_another_channel_than_that_of_the_preset_is_not_heard():
    messages = [(0x90, 60, 70), (0x92, 61, 70), (0xB2, 64, 127), (0xB0, 64, 127)]
    assert pass_on(messages, channel_in=3) == [(0x92, 61, 70), (0xB2, 64, 127)]
    assert pass_on(messages) == messages


def test_a_learned_key_acts_on_its_own_channel():
    messages = [(0x90, 60, 70)]
    assert pass_on(messages, learned=messages, channel_in=3) == []


def test_the_curve_changes_note_ons_alone():
    messages = [(0x90, 60, 32), (0x90, 60, 0), (0x80, 60, 32), (0xB0, 1, 32)]
    assert pass_on(messages, velocity_curve=0.5) == [(0x90, 60, 64), *messages[1:]]


@pytest.mark.parametrize("exponent", [0.25, 0.5, 1.0, 2.0, 4.0])
def test_a_curve_keeps_the_ends_and_the_order(exponent):
    velocities = [shape_velocity(velocity, exponent) for velocity in range(1, 128)]
    assert velocities == sorted(velocities)
    assert velocities[0] >= 1
    assert velocities[-1] == 127
    assert exponent != 1 or velocities == list(range(1, 128))
