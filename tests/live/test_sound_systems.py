"""Only sound systems that run are used, and the library of JACK of this machine comes before that of the wheels."""

import ctypes
import math
import os
import sys
from types import SimpleNamespace

import pytest

from pipeline.live import sound_systems
from pipeline.live.sound_systems import (
    CLOSE_SECONDS,
    HANG_SECONDS,
    PAUSE_SECONDS,
    JackConnection,
)
from pipeline.live.timeline import SimulatedClock

LIBRARY = SimpleNamespace(
    API_LINUX_ALSA="alsa",
    API_UNIX_JACK="jack",
    API_MACOSX_CORE="coremidi",
    API_WINDOWS_MM="winmm",
)


class FakeJack:
    """The functions of a library of JACK that are used; `client` is the answer of the server."""

    def __init__(self, client):
        self.client = client
        self.opened = []
        self.callbacks = {}
        self.error_functions = []
        self.jack_set_error_function = self.make_function(self.error_functions.append)
        self.jack_client_open = self.make_function(self.open_client)
        self.jack_on_shutdown = self.make_function(self.add_callback)
        self.jack_get_buffer_size = self.make_function({client: 256}.get)
        self.jack_get_sample_rate = self.make_function({client: 48_000}.get)
        self.clock = SimulatedClock(50.0)
        self.hangs_at = math.inf
        """Clock time from which the server begins no cycle [s]."""
        self.has_cycles = True
        """Whether a client that is not active sees cycles."""

    def open_client(self, name, *_):
        self.opened.append(name)
        return self.client

    def add_callback(self, client, callback, _):
        self.callbacks[client] = callback

    def jack_last_frame_time(self, client):
        assert client == self.client
        return int(min(self.clock(), self.hangs_at) * 48_000) // 256 * 256 * self.has_cycles

    def make_function(self, function):
        class Function:
            __call__ = staticmethod(function)

        return Function()


@pytest.fixture(autouse=True)
def on_linux(monkeypatch, tmp_path):
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(sound_systems, "ALSA_SEQUENCER", tmp_path / "seq")
    monkeypatch.setattr(sound_systems, "JACK", JackConnection())
    monkeypatch.setattr(sound_systems, "CycleFunction", lambda named: getattr(*reversed(named)))
    sound_systems.load_jack.cache_clear()
    yield
    sound_systems.load_jack.cache_clear()


def install_jack(monkeypatch, client):
    jack = FakeJack(client)
    loads = []

    def load(name, mode):
        loads.append((name, mode))
        return jack

    monkeypatch.setattr(ctypes, "CDLL", load)
    return jack, loads


def test_jack_and_alsa_are_used_where_they_run(monkeypatch, tmp_path):
    install_jack(monkeypatch, client=7)
    (tmp_path / "seq").touch()
    assert sound_systems.list_systems(LIBRARY) == ["alsa", "jack"]


def test_a_sound_system_that_does_not_run_is_not_asked_but_may_start_later(monkeypatch):
    jack, _ = install_jack(monkeypatch, client=None)
    assert sound_systems.list_systems(LIBRARY) == []
    assert jack.callbacks == {}
    jack.client = 7
    assert sound_systems.list_systems(LIBRARY) == ["jack"]


def test_one_client_notices_that_the_server_of_jack_stops(monkeypatch):
    jack, _ = install_jack(monkeypatch, client=7)
    assert sound_systems.list_systems(LIBRARY) == sound_systems.list_systems(LIBRARY) == ["jack"]
    assert jack.opened == [b"music-rnn (check)"]
    assert not sound_systems.JACK.has_stopped
    jack.callbacks[7](None)
    assert sound_systems.JACK.has_stopped
    assert sound_systems.list_systems(LIBRARY) == []


@pytest.fixture
def connection(monkeypatch):
    """Return a connection to a server, and the server."""
    jack, _ = install_jack(monkeypatch, client=7)
    connection = JackConnection(jack.clock, jack.clock.sleep)
    assert connection.is_running()
    return connection, jack


def look(connection, seconds):
    """Check the cycles once a second, as the watch of ports does."""
    for _ in range(round(seconds)):
        connection.clock.sleep(1.0)
        connection.check_cycles()


def test_a_server_that_begins_no_cycle_counts_as_stopped(connection):
    connection, jack = connection
    look(connection, 60)
    jack.hangs_at = jack.clock()
    look(connection, HANG_SECONDS - 1)
    assert not connection.has_stopped
    look(connection, 2)
    assert connection.has_stopped
    jack.hangs_at = math.inf
    look(connection, 2)
    assert connection.has_stopped


def test_a_server_that_goes_on_in_time_does_not(connection):
    connection, jack = connection
    look(connection, 60)
    for _ in range(3):
        jack.hangs_at = jack.clock()
        look(connection, HANG_SECONDS - 1)
        jack.hangs_at = math.inf
        look(connection, 2)
    assert not connection.has_stopped


def test_a_program_that_was_stopped_together_with_the_server_waits_anew(connection):
    connection, jack = connection
    look(connection, 2)
    jack.hangs_at = jack.clock()
    jack.clock.sleep(PAUSE_SECONDS + HANG_SECONDS)
    connection.check_cycles()
    assert not connection.has_stopped
    look(connection, HANG_SECONDS)
    assert connection.has_stopped


@pytest.mark.parametrize("pause", [1.0, 100.0])
def test_before_a_port_is_closed_a_server_that_hangs_is_noticed_soon(connection, pause):
    connection, jack = connection
    look(connection, 2)
    jack.clock.sleep(pause)
    start = jack.clock()
    connection.wait_for_cycle()
    assert not connection.has_stopped
    assert jack.clock() - start < 0.02
    jack.hangs_at = jack.clock()
    connection.wait_for_cycle()
    assert connection.has_stopped
    assert jack.clock() - start == pytest.approx(CLOSE_SECONDS, abs=0.05)


def test_a_server_whose_cycles_are_never_seen_does_not_hang(connection):
    connection, jack = connection
    jack.has_cycles = False
    look(connection, 60)
    connection.wait_for_cycle()
    assert not connection.has_stopped


def test_a_server_that_stops_while_its_cycles_are_checked_has_stopped(connection):
    connection, jack = connection

    def stop(client):
        jack.callbacks[7](None)
        return 0

    connection.read_cycle = stop
    connection.check_cycles()
    assert connection.has_stopped


def test_what_jack_prints_goes_to_a_function_of_c_that_needs_no_lock_of_python(monkeypatch):
    jack, _ = install_jack(monkeypatch, client=7)
    sound_systems.load_jack()
    assert [function.__name__ for function in jack.error_functions] == ["strlen"]


def test_without_a_library_of_jack_it_does_not_run(monkeypatch):
    def fail(name, mode):
        raise OSError("no such file")

    monkeypatch.setattr(ctypes, "CDLL", fail)
    assert not sound_systems.JACK.is_running()


@pytest.mark.parametrize(("platform", "system"), [("darwin", "coremidi"), ("win32", "winmm")])
def test_other_systems_have_one_of_their_own(monkeypatch, platform, system):
    monkeypatch.setattr(sys, "platform", platform)
    assert sound_systems.list_systems(LIBRARY) == [system]


def test_the_library_of_jack_of_this_machine_is_loaded_for_all_before_that_of_the_wheels(
    monkeypatch,
):
    _, loads = install_jack(monkeypatch, client=7)
    seen = []
    monkeypatch.setattr(
        sound_systems.importlib, "import_module", lambda name: seen.append((name, list(loads)))
    )
    sound_systems.import_library()
    assert seen == [("rtmidi2", [("libjack.so.0", ctypes.RTLD_GLOBAL)])]


def test_what_libraries_print_is_suppressed_and_ours_is_not(capfd):
    with sound_systems.quiet_stderr():
        os.write(2, b"ALSA lib seq_hw.c: cannot open\n")
    os.write(2, b"ours")
    assert capfd.readouterr().err == "ours"


def test_a_period_is_that_of_the_server(monkeypatch):
    jack, _ = install_jack(monkeypatch, client=7)
    assert sound_systems.JACK.get_period_seconds() == 256 / 48_000
    jack.callbacks[7](None)
    assert sound_systems.JACK.get_period_seconds() == 0
