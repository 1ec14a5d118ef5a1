"""The library of MIDI ports, rtmidi2, and the sound systems that run: ALSA and JACK, CoreMIDI, or WinMM.

Its wheels for Linux bring a library of JACK of protocol 8, which newer servers (1.9.21 has protocol 9) refuse. So the library
of JACK of this machine is loaded first and for all: the linker then takes its functions. JACK is asked whether it runs,
because rtmidi2 ends the process where it makes a virtual port without a server, and does not tell that it stopped.
"""

import ctypes
import functools
import importlib
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pipeline.core.errors import PipelineError

ALSA_SEQUENCER = Path("/dev/snd/seq")
"""Device of ALSA; without it ALSA cannot be used."""
JACK_LIBRARY = "libjack.so.0"
JACK_NO_START_SERVER = 1
"""Option of `jack_client_open`: start no server."""
CHECK_CLIENT_NAME = b"music-rnn (check)"
StopCallback = ctypes.CFUNCTYPE(None, ctypes.c_void_p)
"""Function of C that JACK calls when its server stops."""


class PortError(PipelineError):
    """A MIDI port is missing, in use or gone."""


def import_library() -> Any:
    """Return the module rtmidi2, loaded after the library of JACK of this machine.

    Raises:
        PortError: rtmidi2 is not installed.
    """
    load_jack()
    try:
        return importlib.import_module("rtmidi2")
    except ImportError as error:
        raise PortError(
            "MIDI ports need rtmidi2: pip install 'music-rnn[play]'; or --midi-out none"
        ) from error


@functools.cache
def load_jack() -> Any:
    """Return the library of JACK of this machine, loaded for all later libraries; None where there is none."""
    if not sys.platform.startswith("linux"):
        return None
    try:
        jack = ctypes.CDLL(JACK_LIBRARY, mode=ctypes.RTLD_GLOBAL)
    except OSError:
        return None
    jack.jack_client_open.restype = ctypes.c_void_p
    jack.jack_on_shutdown.argtypes = [ctypes.c_void_p, StopCallback, ctypes.c_void_p]
    for function in (jack.jack_get_buffer_size, jack.jack_get_sample_rate):
        function.argtypes, function.restype = [ctypes.c_void_p], ctypes.c_uint32
    # Its messages go to a function that ignores them: one of Python would wait for the lock of Python.
    jack.jack_set_error_function(ctypes.pythonapi.strlen)
    return jack


class JackConnection:
    """A client of JACK that stays open, because JACK tells a client when its server stops."""

    def __init__(self) -> None:
        """Open no client yet."""
        self.client: int | None = None
        self.has_stopped = False
        """Whether the server stopped after it accepted the client."""
        self.callback: Any = None
        """Kept because JACK may call it as long as the client is open."""

    def is_running(self) -> bool:
        """Whether a server accepts a client.

        After a server stopped, another one does not count: the old clients of this process would end it.
        """
        if self.client is None:
            self.client = self._open_client()
        return self.client is not None and not self.has_stopped

    def get_period_seconds(self) -> float:
        """Return the time [s] for which the server collects messages before it hands them over; 0 if no server runs."""
        if not self.is_running():
            return 0.0
        jack = load_jack()
        frames: int = jack.jack_get_buffer_size(self.client)
        return frames / float(jack.jack_get_sample_rate(self.client))

    def _open_client(self) -> int | None:
        """Return the address of a new client; None without a server or without the library of JACK."""
        jack = load_jack()
        if jack is None:
            return None
        status = ctypes.c_int()
        with quiet_stderr():
            client: int | None = jack.jack_client_open(
                CHECK_CLIENT_NAME, JACK_NO_START_SERVER, ctypes.byref(status)
            )
        if client:
            self.callback = StopCallback(self._handle_stop)
            jack.jack_on_shutdown(client, self.callback, None)
        return client

    def _handle_stop(self, _: int | None) -> None:
        """Remember that the server stopped; JACK calls it in a thread of its own."""
        self.has_stopped = True


JACK = JackConnection()
"""The connection of this process."""


def list_systems(library: Any) -> list[int]:
    """Return the numbers, of rtmidi2, of the sound systems that run."""
    if sys.platform == "darwin":
        return [library.API_MACOSX_CORE]
    if sys.platform == "win32":
        return [library.API_WINDOWS_MM]
    systems = []
    if ALSA_SEQUENCER.exists():
        systems.append(library.API_LINUX_ALSA)
    if JACK.is_running():
        systems.append(library.API_UNIX_JACK)
    return systems


@contextmanager
def quiet_stderr() -> Iterator[None]:
    """Suppress what C libraries print to standard error."""
    sys.stderr.flush()
    stderr_copy = os.dup(2)
    null_file = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(null_file, 2)
        yield
    finally:
        os.dup2(stderr_copy, 2)
        os.close(stderr_copy)
        os.close(null_file)
