"""A learned key, pedal or knob does its action, and only that."""

import pytest
from factories import UNCONSTRAINED
from fake_port import CallRecorder

from pipeline.live.controls import Controls
from pipeline.live.echo_guard import EchoGuard
from pipeline.live.keyboard import Keyboard
from pipeline.live.learned_actions import LearnedActions
from pipeline.live.person_input import PersonInput
from pipeline.live.preset import Preset
from pipeline.live.timeline import SimulatedClock
from pipeline.live.turn_switch import TurnSwitch

PRESET = Preset(
    learned={
        "your_turn": "cc 64 channel 1",
        "my_turn": "note 36 channel 10",
        "hold": "cc 80 channel 1",
        "panic": "note 21 channel 1",
        "pitch_top_p": "cc 74 channel 1",
    }
)


@pytest.fixture
def lines():
    return []


@pytest.fixture
def person(lines):
    player, controls = CallRecorder(), Controls(UNCONSTRAINED)
    learned = LearnedActions(PRESET, player, TurnSwitch(), controls, lines.append)
    keyboard = Keyboard(player, controls, lines.append)
    return PersonInput(PRESET, EchoGuard(SimulatedClock()), learned, keyboard)


def send(person, *messages):
    for message in messages:
        person.handle_message(message)
    return person.learned.player.calls


def test_a_pedal_gives_the_turn_when_it_goes_down_and_is_no_pedal_then(person):
    assert send(person, (0xB0, 64, 127), (0xB0, 64, 100), (0xB0, 64, 0)) == []
    switch = person.learned.turn_switch
    assert switch.requests.qsize() == 1
    assert switch.take_request() == "model"
    send(person, (0xB0, 64, 64))
    assert switch.take_request() == "model"


def test_a_drum_pad_takes_the_turn_and_is_not_reported_as_drums(person, lines):
    assert send(person, (0x99, 36, 5), (0x89, 36, 0)) == [("end_model_notes",)]
    assert person.learned.turn_switch.take_request() == "person"
    assert lines == []


def test_a_button_holds_the_turn_and_lets_it_go(person, lines):
    presses = [(0xB0, 80, 127), (0xB0, 80, 0)] * 2
    send(person, *presses)
    assert lines == ["hold on", "hold off"]
    assert not person.learned.turn_switch.is_held


def test_a_learned_key_is_not_heard(person):
    assert send(person, (0x90, 21, 70), (0x90, 21, 0), (0x80, 21, 0)) == [("panic",)]


def test_a_knob_sets_its_control(person):
    send(person, (0xB0, 74, 63))
    assert person.learned.controls.sampling_config.pitch_top_p == 0.5


def test_the_same_numbers_on_another_channel_are_not_learned(person):
    calls = send(person, (0x91, 21, 70), (0xB1, 64, 127), (0xB0, 24, 30))
    assert calls == [("note_on", 21, 70), ("move_pedal", True)]
    assert person.learned.controls.sampling_config.min_pitch == 30


def test_a_keyboard_that_is_gone_holds_no_learned_key(person):
    send(person, (0x90, 21, 70))
    person.release()
    assert send(person, (0x90, 21, 70)).count(("panic",)) == 2
    assert ("release_keys",) in person.learned.player.calls
