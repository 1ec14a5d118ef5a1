"""A client of a sound system that stopped is not used any more."""

import gc
import weakref
from types import SimpleNamespace

import pytest

from pipeline.live import port_clients, sound_systems
from pipeline.live.port_clients import PortClient


class Device:
    """A client of rtmidi2."""

    def __init__(self):
        self.ports = ["synth", None]
        self.closed = 0

    def close_port(self):
        self.closed += 1


@pytest.mark.parametrize("is_jack", [True, False])
def test_only_a_client_of_jack_stops_with_its_server(monkeypatch, is_jack):
    client = PortClient(Device(), is_jack)
    assert client.list_port_names() == ["synth"]
    client.close_port()
    monkeypatch.setattr(sound_systems.JACK, "has_stopped", True)
    assert client.has_stopped == is_jack
    assert client.list_port_names() == ([] if is_jack else ["synth"])
    client.close_port()
    assert client.device.closed == (1 if is_jack else 2)


@pytest.mark.parametrize("is_jack", [True, False])
def test_a_cycle_of_jack_is_waited_for_before_a_port_is_closed(monkeypatch, is_jack):
    connection = sound_systems.JackConnection()
    connection.wait_for_cycle = lambda: setattr(connection, "has_stopped", True)
    monkeypatch.setattr(sound_systems, "JACK", connection)
    client = PortClient(Device(), is_jack)
    client.close_port()
    assert client.device.closed == (0 if is_jack else 1)


@pytest.mark.parametrize(
    ("system", "has_stopped", "is_kept"),
    [("jack", True, True), ("jack", False, False), ("alsa", True, False)],
)
def test_the_device_of_a_server_that_stopped_is_never_deleted(
    monkeypatch, system, has_stopped, is_kept
):
    """Its destructor would wait for the server."""
    library = SimpleNamespace(MidiOut=lambda name, api: Device(), API_UNIX_JACK="jack")
    monkeypatch.setattr(sound_systems, "import_library", lambda: library)
    monkeypatch.setattr(sound_systems, "list_systems", lambda library: [system])
    (client,) = port_clients.make_clients("MidiOut", "play")
    device = weakref.ref(client.device)
    monkeypatch.setattr(sound_systems.JACK, "has_stopped", has_stopped)
    del client
    gc.collect()
    assert (device() is not None) == is_kept


def test_there_is_a_client_of_each_sound_system_that_accepts_one(monkeypatch):
    def make_device(name, api):
        if api == "alsa":
            raise RuntimeError("not allowed")
        return name, api

    library = SimpleNamespace(MidiOut=make_device, API_UNIX_JACK="jack")
    monkeypatch.setattr(sound_systems, "import_library", lambda: library)
    monkeypatch.setattr(sound_systems, "list_systems", lambda library: ["alsa", "jack", "winmm"])
    assert port_clients.make_clients("MidiOut", "play") == [
        PortClient(("play", "jack"), is_jack=True),
        PortClient(("play", "winmm"), is_jack=False),
    ]
