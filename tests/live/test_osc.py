"""OSC in with the real library over loopback; hostile packets change nothing and give one line."""

import re

import pytest
from factories import ROOT
from osc_sockets import wait_until
from pythonosc.osc_bundle_builder import OscBundleBuilder
from pythonosc.osc_message_builder import OscMessageBuilder
from pythonosc.udp_client import SimpleUDPClient

from pipeline.config.schema import DEFAULT_SAMPLING
from pipeline.core.errors import ParamsError
from pipeline.core.token_bucket import TokenBucket
from pipeline.live import osc
from pipeline.live.controls import CONTROL_SCALES, Controls
from pipeline.live.osc import OscError, OscInput


@pytest.fixture
def controls():
    return Controls(DEFAULT_SAMPLING)


@pytest.fixture
def heard():
    return []


@pytest.fixture
def lines():
    return []


@pytest.fixture
def osc_input(port, heard, controls, lines):
    osc_input = OscInput((osc.LOOPBACK, port), heard.append, controls, lines.append)
    yield osc_input
    osc_input.close()


def build_message(address, *values):
    builder = OscMessageBuilder(address)
    for value in values:
        builder.add_arg(value)
    return builder.build()


def encode(address, *values):
    return build_message(address, *values).dgram


def test_a_flood_is_handled_at_the_rate_and_not_after_closing(osc_input, heard, monkeypatch):
    waits = []

    def wait(seconds):
        waits.append(seconds)
        osc_input.stopping = len(waits) > osc.BURST + 200

    monkeypatch.setattr(osc.time, "sleep", wait)
    osc_input.bucket = TokenBucket(osc.RATE, osc.BURST, lambda: 0.0)
    bundle = OscBundleBuilder(0)
    for _ in range(1500):
        bundle.add_content(build_message("/note", 60, 90, 1))
    osc_input.handle_packet(bundle.build().dgram)
    assert len(heard) == osc.BURST + 200
    assert not any(waits[: osc.BURST])
    assert waits[osc.BURST + 99] == pytest.approx(100 / osc.RATE)


def test_keys_pedal_and_panic_arrive_over_loopback(osc_input, port, heard):
    osc_input.start()
    client = SimpleUDPClient(osc.LOOPBACK, port)
    for address, values in (
        ("/note", [60, 90, 1]),
        ("/note", [60, 0, 0]),
        ("/pedal", 1),
        ("/pedal", 0),
        ("/panic", []),
    ):
        client.send_message(address, values)
    wait_until(lambda: len(heard) == 5)
    client.close()
    assert heard == [(0x90, 60, 90), (0x80, 60, 0), (0xB0, 64, 127), (0xB0, 64, 0), (0xB0, 120, 0)]


def test_controls_are_set_by_name(osc_input, controls):
    for packet in (encode("/temperature", 0.9), encode("/tempo", 1.5), encode("/key", "C minor")):
        osc_input.handle_packet(packet)
    config = controls.sampling_config
    assert config.pitch_temperature == config.time_temperature == pytest.approx(0.9)
    assert (controls.tempo, config.key) == (1.5, "C minor")


@pytest.mark.parametrize(
    "packet",
    [
        b"",
        b"\xff" * 2000,
        encode("/note", 60, 90, 1)[:-3],
        b"#bundle\0" * 5000,
        encode("/note", 128, 90, 1),
        encode("/note", 60, 0, 1),
        encode("/note", -1, 90, 0),
        encode("/note", 60.5, 90, 1),
        encode("/note", 60, 90, 2),
        encode("/note", 60),
        encode("/pedal", "down"),
        encode("/tempo", float("nan")),
        encode("/tempo", 1e30),
        encode("/tempo", "fast"),
        encode("/temperature", -1.0),
        encode("/min_pitch", 2**31 - 1),
        encode("/lock", 1),
        encode("/sampling_config", 1),
        encode("/\x1b[2J\nforged", 1),
    ],
    ids=lambda packet: packet[-16:].hex(),
)
def test_a_hostile_packet_changes_nothing_and_gives_one_line(
    osc_input, heard, lines, controls, packet, caplog
):
    before = controls.sampling_config, controls.tempo
    for _ in range(3):
        osc_input.handle_packet(packet)
    assert heard == []
    assert (controls.sampling_config, controls.tempo) == before
    assert len(lines) == 1
    assert lines[0].isprintable()
    assert len(lines[0]) < 140
    assert caplog.records == []


def test_a_bundle_of_the_far_future_is_not_waited_for(osc_input, heard):
    builder = OscBundleBuilder(2e9)
    builder.add_content(build_message("/note", 60, 90, 1))
    osc_input.handle_packet(builder.build().dgram)
    assert heard == [(0x90, 60, 90)]


def test_without_a_host_it_is_this_machine_only(osc_input):
    assert osc.parse_address("--osc-in", "9000") == ("127.0.0.1", 9000)
    assert osc.parse_address("--osc-in", "0.0.0.0:9000") == ("0.0.0.0", 9000)
    assert osc_input.socket.getsockname()[0] == "127.0.0.1"


@pytest.mark.parametrize("text", ["", "0", "65536", "x", "host:", "host:²"])
def test_a_port_that_is_none_is_refused(text):
    with pytest.raises(ParamsError, match=r"--osc-in .*give a port 1 to 65535"):
        osc.parse_address("--osc-in", text)


def test_a_port_in_use_is_one_line(osc_input, port, controls):
    with pytest.raises(OscError, match=f"--osc-in 127.0.0.1:{port}: cannot listen .*another port"):
        OscInput((osc.LOOPBACK, port), print, controls, print)


def test_every_control_is_in_the_docs():
    text = (ROOT / "docs/ports-and-osc.md").read_text()
    row = next(line for line in text.splitlines() if line.startswith("| `/NAME VALUE`"))
    assert set(re.findall(r"`(\w+)`", row)) == set(CONTROL_SCALES)
