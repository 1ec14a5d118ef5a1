"""A port that goes away is reported once; without an output the player ends, without a keyboard it does not."""

import threading

import pytest
from fake_port import ClockWire, FakeKeyboard, Wire

from pipeline.live import port_watch
from pipeline.live.midi_ports import PortError
from pipeline.live.port_watch import PortWatch, WatchedInput


class FakePlayer:
    def __init__(self):
        self.error = None
        self.losses = []

    def stop_with_error(self, error):
        self.error = error


@pytest.fixture
def lines():
    return []


@pytest.fixture
def watch(lines):
    player = FakePlayer()
    inputs = [
        WatchedInput(FakeKeyboard(name=name), lambda name=name: player.losses.append(name))
        for name in ("keys", "clock")
    ]
    return PortWatch(player, [Wire(), ClockWire()], inputs, lines.append)


def test_ports_that_are_there_change_nothing(watch, lines):
    watch.check_ports()
    assert (watch.player.error, watch.player.losses, lines) == (None, [], [])


@pytest.mark.parametrize("number", [0, 1])
def test_without_its_synthesizer_or_the_receiver_of_its_clock_the_player_ends(watch, number):
    port = watch.outputs[number]
    port.present = False
    watch.check_ports()
    assert isinstance(watch.player.error, PortError)
    assert f"{port.name!r} is gone" in str(watch.player.error)


@pytest.mark.parametrize("number", [0, 1])
def test_an_input_that_is_gone_is_reported_once_and_may_come_back(watch, lines, number):
    port = watch.inputs[number].port
    port.present = False
    for _ in range(3):
        watch.check_ports()
    assert watch.player.losses == [port.name]
    port.present = True
    for _ in range(3):
        watch.check_ports()
    assert port.num_opened == 2
    assert lines == [
        f"the MIDI port {port.name!r} is gone; connect it again",
        f"the MIDI port {port.name!r} is back",
    ]
    assert watch.player.error is None


def test_an_input_that_cannot_be_opened_yet_is_tried_again(watch, lines, monkeypatch):
    def fail():
        raise PortError("busy")

    port = watch.inputs[0].port
    port.present = False
    watch.check_ports()
    monkeypatch.setattr(port, "reopen", fail)
    watch.check_ports()
    monkeypatch.undo()
    port.present = True
    watch.check_ports()
    assert len(lines) == 2


def test_reports_are_called_after_a_look(watch, monkeypatch):
    called = threading.Event()
    monkeypatch.setattr(port_watch, "WATCH_SECONDS", 0.001)
    watch.reports.append(called.set)
    watch.start()
    assert called.wait(5.0)
    watch.stop()


def test_the_watch_ends_when_it_is_stopped(watch):
    watch.start()
    watch.stop()
    assert not watch.worker.threads[0].is_alive()
