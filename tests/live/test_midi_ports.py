"""Ports by a part of their name, and one clear line when there is none; on sound systems made up here."""

import sys
import threading
import time
import weakref
from dataclasses import replace
from types import SimpleNamespace

import pytest

from pipeline.live import midi_ports, port_trial, sound_systems
from pipeline.live.midi_ports import InputPort, PortError
from pipeline.live.timeline import SimulatedClock


class Device:
    """A client of a sound system, as rtmidi2 has it."""

    errors = {98: OSError("no device"), 99: ValueError("unplugged")}  # noqa: RUF012 never changed
    names = {2: ["Midi Through 0", "FluidSynth 1"], 4: ["Keystation 49"]}  # noqa: RUF012 replaced by tests

    def __init__(self, kind, system, opened):
        if system == 3:
            raise RuntimeError("not running")
        self.kind, self.system, self.opened, self.sent = kind, system, opened, []

    @property
    def ports(self):
        return self.names[self.system]

    def open_port(self, name):
        if name not in self.ports:
            raise ValueError("Port not found")
        self.opened.append((self.kind, name))

    def open_virtual_port(self, name):
        if self.system == 4:
            raise RuntimeError("not with this driver")
        self.opened.append((self.kind, f"virtual {name}"))

    def send_message(self, message):
        if message[1] in self.errors:
            raise self.errors[message[1]]
        self.sent.append(message)

    def ignore_types(self, midi_time):
        self.hears_clock = not midi_time

    def close_port(self):
        self.opened.append("closed")


def install(monkeypatch, systems):
    opened = []

    def maker(kind):
        return lambda name, api: Device(kind, api, opened)

    fake = SimpleNamespace(MidiOut=maker("out"), MidiIn=maker("in"), API_UNIX_JACK=2)
    monkeypatch.setitem(sys.modules, "rtmidi2", fake)
    monkeypatch.setattr(sound_systems, "list_systems", lambda library: systems)
    monkeypatch.setattr(port_trial, "check_port", lambda direction, name: None)
    return opened


@pytest.fixture
def opened(monkeypatch):
    return install(monkeypatch, [3, 2, 4])


def test_all_ports_of_the_sound_systems_that_run_are_listed(opened):
    assert midi_ports.list_port_names(midi_ports.OUT) == [
        "Midi Through 0",
        "FluidSynth 1",
        "Keystation 49",
    ]


def test_a_part_of_a_name_is_enough_in_any_case(opened):
    port = midi_ports.open_output("fluid")
    port.send((0x90, 60, 64))
    port.close()
    assert port.client.device.sent == [(0x90, 60, 64)]
    assert opened == [("out", "FluidSynth 1"), "closed"]


def test_a_virtual_port_is_one_of_our_own(opened):
    midi_ports.open_output("virtual")
    assert opened == [("out", "virtual music-rnn")]


def test_an_input_hands_on_messages_of_three_bytes(opened):
    heard = []
    port = midi_ports.open_input("KEYSTATION", heard.append)
    for message in ([0x90, 60, 64], [0xC0, 5], [0xF0, 1, 2, 0xF7]):
        port.client.device.callback(message, 0.1)
    assert heard == [(0x90, 60, 64)]
    assert opened == [("in", "Keystation 49")]


def test_a_clock_hands_on_messages_of_all_lengths_and_an_input_asks_for_none(opened):
    heard = []
    port = midi_ports.open_clock("keystation", heard.append)
    for message in ([0xF8], [0xF2, 4, 0]):
        port.client.device.callback(message, 0.1)
    assert heard == [[0xF8], [0xF2, 4, 0]]
    assert port.client.device.hears_clock
    assert not midi_ports.open_input("keystation", print).client.device.hears_clock


@pytest.mark.parametrize("is_jack", [True, False])
def test_messages_of_jack_come_in_blocks_of_its_period(opened, monkeypatch, is_jack):
    monkeypatch.setattr(sound_systems.JACK, "get_period_seconds", lambda: 0.02)
    port = midi_ports.open_clock("keystation", print)
    port.client = replace(port.client, is_jack=is_jack)
    assert port.get_block_seconds() == (0.02 if is_jack else 0)


def test_a_virtual_clock_has_a_name_of_its_own(opened):
    assert midi_ports.open_clock("virtual", print).name == "music-rnn clock"
    port = midi_ports.open_clock_output("virtual")
    port.send((0xF8, 0))
    assert port.client.device.sent == [(0xF8, 0)]
    assert opened == [("in", "virtual music-rnn clock"), ("out", "virtual music-rnn clock")]


def test_a_missing_port_names_those_that_are_there(opened):
    with pytest.raises(
        PortError,
        match=r"no MIDI port with 'organ' .* 'FluidSynth 1', 'Keystation 49'.*--midi-out none",
    ):
        midi_ports.open_output("organ")


def test_without_any_port_it_says_so(monkeypatch):
    install(monkeypatch, [3])
    with pytest.raises(PortError, match=r"ports: none; connect a keyboard"):
        midi_ports.open_input("x", print)
    with pytest.raises(PortError, match=r"ports: none; start a synthesizer"):
        midi_ports.open_output("virtual")


def test_a_port_that_cannot_be_opened_says_why(monkeypatch):
    install(monkeypatch, [4])
    with pytest.raises(PortError, match="not with this driver"):
        midi_ports.open_output("virtual")


@pytest.mark.parametrize(("pitch", "message"), [(98, "no device"), (99, "unplugged")])
def test_a_port_that_is_gone_is_one_clear_line(opened, pitch, message):
    port = midi_ports.open_output("fluid")
    with pytest.raises(PortError, match=rf"the MIDI port failed \({message}\)"):
        port.send((0x90, pitch, 64))


def test_a_fault_of_ours_is_no_failure_of_a_port(opened, monkeypatch):
    port = midi_ports.open_output("fluid")
    monkeypatch.setattr(Device, "send_message", lambda *_: 1 / 0)
    monkeypatch.setattr(Device, "ports", property(lambda _: 1 / 0))
    with pytest.raises(ZeroDivisionError):
        port.send((0x90, 60, 64))
    with pytest.raises(ZeroDivisionError):
        port.is_present()
    with pytest.raises(ZeroDivisionError):
        midi_ports.open_output("fluid")


def test_without_the_library_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "rtmidi2", None)
    with pytest.raises(PortError, match=r"pip install 'music-rnn\[play\]'"):
        midi_ports.list_port_names(midi_ports.IN)


def test_a_port_is_present_until_it_leaves_the_list(opened, monkeypatch):
    port = midi_ports.open_output("fluid")
    virtual = midi_ports.open_output("virtual")
    assert (port.name, virtual.name) == ("FluidSynth 1", "music-rnn")
    assert port.is_present()
    monkeypatch.setattr(Device, "names", {2: ["Midi Through 0"], 4: []})
    assert not port.is_present()
    assert virtual.is_present()


def open_virtual_clock(name):
    return midi_ports.open_clock(name, print)


OPENERS = (midi_ports.open_output, midi_ports.open_clock_output, open_virtual_clock)


@pytest.mark.parametrize("open_port", OPENERS)
@pytest.mark.parametrize("name", ["virtual", "fluid"])
def test_a_port_is_gone_when_the_server_of_jack_stops_although_the_list_has_it(
    opened, monkeypatch, open_port, name
):
    port = open_port(name)
    assert port.is_present()
    monkeypatch.setattr(sound_systems.JACK, "has_stopped", True)
    assert not port.is_present()


def test_a_port_of_another_sound_system_stays_when_the_server_of_jack_stops(opened, monkeypatch):
    port = midi_ports.open_output("keystation")
    monkeypatch.setattr(sound_systems.JACK, "has_stopped", True)
    assert port.is_present()
    port.send((0x90, 60, 64))
    assert port.client.device.sent == [(0x90, 60, 64)]


def test_nothing_is_sent_to_a_server_of_jack_that_stopped_and_nothing_closed(opened, monkeypatch):
    port, keyboard = midi_ports.open_output("fluid"), midi_ports.open_input("midi", print)
    monkeypatch.setattr(sound_systems.JACK, "has_stopped", True)
    with pytest.raises(PortError, match=r"^the MIDI port 'FluidSynth 1' is gone, because JACK"):
        port.send((0x80, 60, 64))
    port.close()
    keyboard.close()
    assert port.client.device.sent == []
    assert opened == [("out", "FluidSynth 1"), ("in", "Midi Through 0")]
    assert not keyboard.reopen()


class BlockingDevice(Device):
    """A client of a server that hangs: it would wait for ever."""

    def send_message(self, message):
        pytest.fail("it waits for ever")

    close_port = ports = property(lambda self: pytest.fail("it waits for ever"))


def test_a_port_of_a_server_of_jack_that_hangs_is_not_used(opened, monkeypatch):
    clock = SimulatedClock()
    connection = sound_systems.JackConnection(clock, clock.sleep)
    connection.client = 7
    connection.read_cycle = lambda client: int(min(clock(), 3.0) * 1000)
    monkeypatch.setattr(sound_systems, "JACK", connection)
    port, keyboard = midi_ports.open_output("fluid"), midi_ports.open_input("midi", print)
    while clock() < 3.0 + sound_systems.HANG_SECONDS - 1:
        port.send((0x90, 60, 64))
        clock.sleep(1.0)
    for device in (port.client.device, keyboard.client.device):
        device.__class__ = BlockingDevice
    clock.sleep(1.0)
    with pytest.raises(PortError, match=r"^the MIDI port 'FluidSynth 1' is gone, because JACK"):
        port.send((0x80, 60, 64))
    assert not port.is_present()
    assert not keyboard.reopen()
    keyboard.close()
    port.close()


class BusyDevice(Device):
    """Gets messages all the time: like JACK, it cannot close a port that has a callback."""

    def close_port(self):
        while self.callback is not None:
            time.sleep(0.01)
        super().close_port()


def test_an_input_closes_while_messages_arrive(opened, monkeypatch):
    make_busy = lambda name, api: BusyDevice("in", api, opened)  # noqa: E731
    monkeypatch.setattr(sys.modules["rtmidi2"], "MidiIn", make_busy)
    port = midi_ports.open_input("keystation", print)
    closing = threading.Thread(target=port.close, daemon=True)
    closing.start()
    closing.join(2.0)
    is_blocked = closing.is_alive()
    port.client.device.callback = None
    assert not is_blocked
    assert opened[-1] == "closed"


def test_a_callback_that_has_begun_ends_before_its_input_is_closed(opened):
    seen = []

    def sleep(seconds):
        seen.append((seconds, port.client.device.callback, opened[-1]))

    port = InputPort("keystation", print, sleep=sleep)
    listener = weakref.ref(port.client.device.callback)
    port.close()
    assert seen == [(midi_ports.CALLBACK_SECONDS, None, ("in", "Keystation 49"))]
    assert opened[-1] == "closed"
    assert listener() is not None


def test_a_port_that_goes_away_while_the_list_is_read_is_left_out(opened, monkeypatch):
    monkeypatch.setattr(Device, "names", {2: [None, "FluidSynth 1"], 4: [None]})
    assert midi_ports.list_port_names(midi_ports.OUT) == ["FluidSynth 1"]
    assert midi_ports.open_output("fluid").is_present()


def test_a_port_that_goes_away_before_it_is_opened_is_one_clear_line(opened, monkeypatch):
    def unplug(direction, name):
        assert (direction, name) == (midi_ports.IN, "Keystation 49")
        monkeypatch.setattr(Device, "names", {2: [], 4: ["Other"]})

    monkeypatch.setattr(port_trial, "check_port", unplug)
    with pytest.raises(PortError, match=r"keystation: .* cannot be opened \(Port not found\)"):
        midi_ports.open_input("keystation", print)
    assert opened == []


def test_a_port_is_opened_after_a_trial_that_does_not_fail(opened, monkeypatch):
    def fail(direction, name):
        raise PortError("busy")

    monkeypatch.setattr(port_trial, "check_port", fail)
    with pytest.raises(PortError, match=r"^busy$"):
        midi_ports.open_output("fluid")
    assert opened == []
    midi_ports.open_output("virtual")
    assert opened == [("out", "virtual music-rnn")]


def test_a_sound_system_that_stopped_has_no_port(opened, monkeypatch):
    port = midi_ports.open_output("fluid")

    def fail(self):
        raise RuntimeError("stopped")

    monkeypatch.setattr(Device, "ports", property(fail))
    assert not port.is_present()


def test_a_keyboard_that_comes_back_under_another_number_is_opened_again(opened, monkeypatch):
    heard = []
    port = midi_ports.open_input("keystation", heard.append)
    monkeypatch.setattr(Device, "names", {2: [], 4: []})
    assert not port.is_present()
    assert not port.reopen()
    monkeypatch.setattr(Device, "names", {2: [], 4: ["Keystation 50"]})
    assert port.reopen()
    assert port.is_present()
    port.client.device.callback([0x90, 60, 64], 0.1)
    assert heard == [(0x90, 60, 64)]
    assert opened == [("in", "Keystation 49"), "closed", ("in", "Keystation 50")]


def test_nowhere_takes_everything():
    port = midi_ports.NullPort()
    assert port.send((0x90, 60, 64)) is port.close() is None


def test_a_virtual_port_on_windows_is_refused_with_the_remedy(opened, monkeypatch):
    monkeypatch.setattr(sys, "platform", "win32")
    with pytest.raises(PortError, match=r"virtual: .*not on Windows; start loopMIDI"):
        midi_ports.open_output("virtual")
