"""What each MIDI message of a keyboard does."""

import pytest
from factories import UNCONSTRAINED
from fake_port import CallRecorder

from pipeline.live.controls import Controls
from pipeline.live.keyboard import Keyboard


@pytest.fixture
def lines():
    return []


@pytest.fixture
def keyboard(lines):
    return Keyboard(CallRecorder(), Controls(UNCONSTRAINED), lines.append)


def send(keyboard, *messages):
    for message in messages:
        keyboard.handle_message(message)
    return keyboard.targets[0].calls


def test_a_keyboard_that_is_gone_holds_no_key_and_no_pedal(keyboard):
    keyboard.release()
    assert keyboard.targets[0].calls == [("release_keys",), ("move_pedal", False)]


def test_keys_of_any_channel_reach_the_player(keyboard):
    calls = send(keyboard, (0x93, 60, 70), (0x90, 60, 0), (0x80, 61, 5), (0xE0, 1, 2))
    assert calls == [("note_on", 60, 70), ("note_off", 60), ("note_off", 61)]


def test_a_knob_reaches_the_controls(keyboard):
    assert send(keyboard, (0xB0, 24, 30)) == []
    assert keyboard.controls.sampling_config.min_pitch == 30


@pytest.mark.parametrize("controller", [123, 124, 125, 126, 127])
def test_all_notes_off_releases_the_keys_and_does_not_silence_the_model(keyboard, controller):
    assert send(keyboard, (0xB0, controller, 0)) == [("release_keys",)]


def test_all_sound_off_is_a_panic(keyboard):
    assert send(keyboard, (0xB1, 120, 0)) == [("panic",)]


@pytest.mark.parametrize(
    ("controller", "value", "is_down"), [(64, 63, False), (64, 64, True), (121, 0, False)]
)
def test_the_pedal_is_down_from_64_on(keyboard, controller, value, is_down):
    assert send(keyboard, (0xB0, controller, value)) == [("move_pedal", is_down)]


def test_local_control_does_nothing(keyboard):
    assert send(keyboard, (0xB0, 122, 0)) == []


def test_drum_pads_are_ignored_and_reported_once(keyboard, lines):
    pads = [(0x99, 36, 80), (0x89, 36, 0), (0x99, 38, 80), (0xB9, 64, 127), (0xB9, 123, 0)]
    assert send(keyboard, *pads) == []
    assert lines == ["notes on channel 10 (drum pads) are ignored; play on another channel"]


def test_knobs_and_panic_work_on_channel_10_too(keyboard):
    assert send(keyboard, (0xB9, 24, 30), (0xB9, 120, 0)) == [("panic",)]
    assert keyboard.controls.sampling_config.min_pitch == 30
