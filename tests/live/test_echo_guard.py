"""A message that comes back is recognized once, and what a person plays never is."""

import pytest

from pipeline.live.echo_guard import ECHO_SECONDS, EchoGuard
from pipeline.live.timeline import SimulatedClock

ON, OFF = (0x90, 60, 70), (0x80, 60, 64)


@pytest.fixture
def guard():
    return EchoGuard(SimulatedClock(5.0))


def test_an_echo_of_a_note_is_ignored_from_on_to_off(guard):
    guard.add_sent(ON)
    guard.clock.sleep(ECHO_SECONDS / 2)
    assert guard.is_echo(ON)
    guard.clock.sleep(1.0)
    guard.add_sent(OFF)
    assert guard.is_echo((0x90, 60, 0))
    assert guard.num_ignored == 1


def test_each_message_comes_back_once(guard):
    guard.add_sent(ON)
    assert [guard.is_echo(ON), guard.is_echo(ON)] == [True, False]


@pytest.mark.parametrize(
    "message", [(0x90, 60, 71), (0x90, 61, 70), (0x91, 60, 70), (0xB0, 60, 70)]
)
def test_another_message_is_no_echo(guard, message):
    guard.add_sent(ON)
    guard.add_sent((0xB0, 60, 70))
    assert not guard.is_echo(message)
    assert guard.num_ignored == 0


def test_a_late_message_is_no_echo(guard):
    guard.add_sent(ON)
    guard.clock.sleep(ECHO_SECONDS * 1.1)
    assert not guard.is_echo(ON)


def test_a_key_of_the_person_is_let_go_although_the_model_ends_the_same_note(guard):
    guard.add_sent(OFF)
    assert not guard.is_echo(OFF)


def test_a_key_of_the_person_is_let_go_although_an_echo_of_it_still_sounds(guard):
    guard.add_sent(ON)
    assert guard.is_echo(ON)
    assert not guard.is_echo(OFF)
    guard.add_sent(OFF)
    assert guard.is_echo(OFF)
