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


@pytest.mark.parametrize("name", sorted(CONTROL_SCALES.keys() - {"tempo", "key"}))
def test_each_control_is_set_by_its_name(osc_input, controls, lines, name):
    value = CONTROL_SCALES[name](100)
    assert getattr(controls.sampling_config, name) != value
    osc_input.handle_packet(encode(f"/{name}", value))
    assert getattr(controls.sampling_config, name) == pytest.approx(value)
    assert lines == []


def test_whole_numbers_may_be_floats_as_those_of_pure_data(osc_input, heard, controls, lines):
    for packet in (
        encode("/note", 60.0, 90.0, 1.0),
        encode("/note", 60.0, 0.0, 0.0),
        encode("/pedal", 1.0),
        encode("/max_polyphony", 4.0),
    ):
        osc_input.handle_packet(packet)
    assert heard == [(0x90, 60, 90), (0x80, 60, 0), (0xB0, 64, 127)]
    assert {type(byte) for message in heard for byte in message} == {int}
    assert controls.sampling_config.max_polyphony == 4
    assert lines == []


@pytest.mark.parametrize("number", [float("nan"), float("inf"), 0.5])
def test_a_number_that_is_not_whole_stays_a_float(number):
    assert osc.convert_whole(number) is number


def test_a_bundle_is_handled_around_a_message_that_is_unknown(osc_input, heard, lines):
    bundle = OscBundleBuilder(0)
    for address, values in (
        ("/note", [60, 90, 1]),
        ("/unknown", [1]),
        ("/note", [62, 90, 1]),
    ):
        bundle.add_content(build_message(address, *values))
    osc_input.handle_packet(bundle.build().dgram)
    assert heard == [(0x90, 60, 90), (0x90, 62, 90)]
    assert lines == ["OSC: ignored /unknown [1]; see docs/ports-and-osc.md"]


class FaultySocket:
    """A socket that raises an error, has a packet, and has none then."""

    def __init__(self, packet):
        self.results = iter([ConnectionResetError("reset"), TimeoutError(), packet])

    def recv(self, size):
        result = next(self.results)
        if isinstance(result, Exception):
            raise result
        return result

    def close(self):
        pass


def test_a_fault_of_the_network_is_waited_out(osc_input, heard, monkeypatch):
    waits = []
    osc_input.socket.close()
    osc_input.socket = FaultySocket(encode("/note", 60, 90, 1))
    osc_input.handle_message = lambda message: (heard.append(message), osc_input.close())
    monkeypatch.setattr(osc.time, "sleep", waits.append)
    osc_input._receive_until_stopped()
    assert heard == [(0x90, 60, 90)]
    assert waits == [osc.RECEIVE_SECONDS, 0.0]


def test_nothing_is_handled_after_closing_and_the_port_is_free(osc_input, port, heard, controls):
    osc_input.start()
    with SimpleUDPClient(osc.LOOPBACK, port) as client:
        client.send_message("/note", [60, 90, 1])
        wait_until(lambda: heard)
        osc_input.close()
        assert not any(thread.is_alive() for thread in osc_input.worker.threads)
        client.send_message("/note", [62, 90, 1])
    OscInput((osc.LOOPBACK, port), print, controls, print).close()
    assert heard == [(0x90, 60, 90)]


@pytest.mark.parametrize("host", ["a..b", "x" * 64])
def test_a_host_that_can_be_none_is_refused(host):
    with pytest.raises(OscError, match=f"^--osc-in {host}:9000: no such host .* give an address"):
        osc.resolve("--osc-in", (host, 9000))


def test_a_host_without_an_address_is_refused(monkeypatch):
    def find_nothing(*_, **__):
        raise osc.socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(osc.socket, "getaddrinfo", find_nothing)
    message = r"^--osc-out synth:9001: no such host \(.*not known\); give an address such as"
    with pytest.raises(OscError, match=message):
        osc.resolve("--osc-out", ("synth", 9001))


def test_a_host_that_is_another_machine_is_refused():
    with pytest.raises(OscError, match=r"--osc-in 192.0.2.1:9000: cannot listen .*of this machine"):
        osc.open_socket(("192.0.2.1", 9000))
