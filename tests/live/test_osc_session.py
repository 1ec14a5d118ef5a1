"""OSC in a session of `play`: from the command line to the messages of both directions, by the real library."""

import re
import threading
import time

import pytest
from factories import CARRIED, UNCONSTRAINED, make_tiny_model
from fake_port import Wire, check, ends_in_silence
from osc_sockets import receive, wait_until
from play_options import play_options
from pythonosc.udp_client import SimpleUDPClient
from typer.testing import CliRunner

from pipeline import cli
from pipeline.live import midi_ports, osc, run
from pipeline.live.active_keys import NOTE_ON
from pipeline.live.osc import OscError
from pipeline.live.recorder import HUMAN
from pipeline.live.run import run_player

RUN = CliRunner()
MODEL = make_tiny_model(**CARRIED)
BROADCAST = "255.255.255.255:9001"
"""An address to which no socket may send that did not ask for it."""


@pytest.fixture
def wire(monkeypatch):
    wire = Wire(clock=time.monotonic)
    monkeypatch.setattr(midi_ports, "open_output", lambda name: wire)
    return wire


def test_the_options_of_osc_reach_the_session(monkeypatch):
    options = []
    monkeypatch.setattr(run, "run_player", lambda *arguments: options.append(arguments[2]))
    given = ["--osc-in", "9000", "--osc-out", "synth.local:9001"]
    done = RUN.invoke(cli.app, ["play", *given], catch_exceptions=False)
    assert done.exit_code == 0
    assert (options[0].osc_in, options[0].osc_out) == ("9000", "synth.local:9001")


@pytest.mark.parametrize("option", ["--osc-in", "--osc-out"])
def test_a_file_that_is_not_played_refuses_osc(option, in_folder):
    given = ["play", "--midi-out", "none", "--notes", "3", option, "9000"]
    done = RUN.invoke(cli.app, given)
    assert "--midi-out none does not play in real time" in str(done.exception)
    assert f"no {option}" in str(done.exception)
    assert not list(in_folder.iterdir())


def test_a_phrase_over_osc_alone_gets_a_response_that_is_sent_on(wire, port, listener):
    lines = []

    def play_phrase():
        wait_until(lambda: any(line.startswith("playing") for line in lines))
        with SimpleUDPClient(osc.LOOPBACK, port) as client:
            client.send_message("/note", [60, 90, 1])
            time.sleep(0.05)
            client.send_message("/note", [60, 0, 0])

    threading.Thread(target=play_phrase).start()
    options = play_options(
        midi_out="synth",
        mode="call-response",
        response_delay=0.2,
        num_notes=2,
        osc_in=str(port),
        osc_out=f"{osc.LOOPBACK}:{listener.getsockname()[1]}",
    )
    player = run_player(MODEL, UNCONSTRAINED, options, lines.append)
    check(wire.sent)
    assert ends_in_silence(wire.sent)
    assert player.recorder.collect_notes(HUMAN)["pitch"].tolist() == [60]
    assert [receive(listener) for _ in range(2)] == [
        ["/person/note", 60, 90, 1],
        ["/person/note", 60, 0, 0],
    ]
    first = next(message for message in wire.sent if message[0] == NOTE_ON)
    assert receive(listener) == ["/note", first[1], first[2], 1]
    assert "OSC" not in lines[-1]


def test_the_last_line_counts_the_messages_that_could_not_be_sent(wire):
    lines = []
    options = play_options(midi_out="synth", num_notes=1, osc_out=BROADCAST)
    run_player(MODEL, UNCONSTRAINED, options, lines.append)
    assert re.match(r"1 notes; .* ms; 2 OSC messages not sent, check --osc-out$", lines[-1])


@pytest.mark.parametrize("name", ["osc_in", "osc_out"])
def test_a_session_names_a_host_that_does_not_exist(name, wire):
    options = play_options(midi_out="synth", **{name: "a..b:9000"})
    option = f"--{name.replace('_', '-')}"
    with pytest.raises(OscError, match=f"^{option} a..b:9000: no such host .* give an address"):
        run_player(MODEL, UNCONSTRAINED, options, print)
    assert wire.sent == []
