"""A key of OSC reaches the player and is sent on, by the real library over loopback."""

import time

import pytest
from factories import CARRIED, make_tiny_model
from fake_port import Wire
from osc_sockets import receive, wait_until
from pythonosc.udp_client import SimpleUDPClient

from pipeline.config.schema import DEFAULT_SAMPLING
from pipeline.live.controls import Controls
from pipeline.live.osc_link import OscLink
from pipeline.live.player import Player
from pipeline.live.recorder import Recorder
from pipeline.live.timeline import SimulatedClock


class Silence:
    """A source of no notes."""

    tempo, done = 1.0, False

    def peek(self, floor):
        return None

    def note_on(self, cell, pitch, velocity, pedal):
        return False

    def note_off(self, cell, pitch, key_up):
        pass


@pytest.fixture
def controls():
    return Controls(DEFAULT_SAMPLING)


@pytest.fixture
def lines():
    return []


def test_a_key_of_osc_reaches_the_player_and_is_sent_on(listener, port, controls, lines):
    host, out_port = listener.getsockname()
    link = OscLink(str(port), f"{host}:{out_port}", lines.append)
    clock = SimulatedClock()
    player = Player(
        Silence(), link.wrap_port(Wire()), Recorder(), clock, lambda _: time.sleep(0.01)
    )
    with link.connect(make_tiny_model(**CARRIED), player, controls):
        with SimpleUDPClient(host, port) as client:
            client.send_message("/note", [67, 80, 1])
        wait_until(lambda: not player.events.empty())
        player.fill_queue()
        player.stop()
    assert [receive(listener) for _ in range(2)] == [
        ["/person/note", 67, 80, 1],
        ["/person/note", 67, 0, 0],
    ]
    assert lines == []


def test_the_port_to_send_from_is_closed_if_the_session_raises(listener, controls, lines):
    host, out_port = listener.getsockname()
    link = OscLink("", f"{host}:{out_port}", lines.append)
    player = Player(Silence(), link.wrap_port(Wire()), Recorder(), SimulatedClock())
    with (
        pytest.raises(ValueError, match="failed"),
        link.connect(make_tiny_model(**CARRIED), player, controls),
    ):
        raise ValueError("the session failed")
    assert link.describe_loss() == ""
    link.sender.send("/note", 60, 90, 1)
    assert link.describe_loss() == "; 1 OSC messages not sent, check --osc-out"


def test_a_session_without_osc_loses_nothing(lines):
    assert OscLink("", "", lines.append).describe_loss() == ""
