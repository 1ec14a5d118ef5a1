"""Only sound systems that run are used, and the library of JACK of this machine comes before that of the wheels."""

import ctypes
import os
import sys
from types import SimpleNamespace

import pytest

from pipeline.live import sound_systems
from pipeline.live.sound_systems import JackConnection

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

    def open_client(self, name, *_):
        self.opened.append(name)
        return self.client

    def add_callback(self, client, callback, _):
        self.callbacks[client] = callback

    def make_function(self, function):
        class Function:
            __call__ = staticmethod(function)

        return Function()


@pytest.fixture(autouse=True)
def on_linux(monkeypatch, tmp_path):
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(sound_systems, "ALSA_SEQUENCER", tmp_path / "seq")
    monkeypatch.setattr(sound_systems, "JACK", JackConnection())
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
