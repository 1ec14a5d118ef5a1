"""A port that goes away is reported once; without a synthesizer the player ends, without a keyboard it does not."""

import pytest
from fake_port import FakeKeyboard, Wire

from pipeline.live.midi_ports import PortError
from pipeline.live.port_watch import PortWatch


class FakePlayer:
    def __init__(self):
        self.error = None
        self.calls = []

    def stop_with_error(self, error):
        self.error = error

    def release_keys(self):
        self.calls.append("release keys")

    def move_pedal(self, is_down):
        self.calls.append(("pedal", is_down))


@pytest.fixture
def lines():
    return []


@pytest.fixture
def watch(lines):
    return PortWatch(FakePlayer(), Wire(), FakeKeyboard(), lines.append)


def test_ports_that_are_there_change_nothing(watch, lines):
    watch.check_ports()
    assert (watch.player.error, watch.player.calls, lines) == (None, [], [])


def test_without_its_synthesizer_the_player_ends(watch):
    watch.output.present = False
    watch.check_ports()
    assert isinstance(watch.player.error, PortError)
    assert "'wire' is gone" in str(watch.player.error)


def test_the_keys_of_a_keyboard_that_is_gone_are_released_and_it_may_come_back(watch, lines):
    watch.keyboard.present = False
    for _ in range(3):
        watch.check_ports()
    assert watch.player.calls == ["release keys", ("pedal", False)]
    watch.keyboard.present = True
    for _ in range(3):
        watch.check_ports()
    assert watch.keyboard.num_opened == 2
    assert lines == [
        "the MIDI port 'keys' is gone; connect it again",
        "the MIDI port 'keys' is back",
    ]
    assert watch.player.error is None


def test_a_keyboard_that_cannot_be_opened_yet_is_tried_again(watch, lines, monkeypatch):
    def fail():
        raise PortError("busy")

    watch.keyboard.present = False
    watch.check_ports()
    monkeypatch.setattr(watch.keyboard, "reopen", fail)
    watch.check_ports()
    monkeypatch.undo()
    watch.keyboard.present = True
    watch.check_ports()
    assert len(lines) == 2


def test_the_watch_ends_when_it_is_stopped(watch):
    watch.start()
    watch.stop()
    assert not watch.thread.is_alive()
