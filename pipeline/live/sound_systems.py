"""The library of MIDI ports, rtmidi2, and the sound systems that run: ALSA and JACK, CoreMIDI, or WinMM.

Its wheels for Linux bring a library of JACK of protocol 8, which newer servers (1.9.21 has protocol 9) refuse. So the library
of JACK of this machine is loaded first and for all: the linker then takes its functions. JACK is asked whether it runs,
because rtmidi2 ends the process where it makes a virtual port without a server, and does not tell that it stopped or hangs.
"""

import ctypes
import functools
import importlib
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pipeline.core.errors import PipelineError
from pipeline.live.timeline import Clock

ALSA_SEQUENCER = Path("/dev/snd/seq")
"""Device of ALSA; without it ALSA cannot be used."""
JACK_LIBRARY = "libjack.so.0"
JACK_NO_START_SERVER = 1
"""Option of `jack_client_open`: start no server."""
CHECK_CLIENT_NAME = b"music-rnn (check)"
StopCallback = ctypes.CFUNCTYPE(None, ctypes.c_void_p)
"""Function of C that JACK calls when its server stops."""
CycleFunction = ctypes.PYFUNCTYPE(ctypes.c_uint32, ctypes.c_void_p)
"""Function of C that is called with the lock of Python: 0.2 µs, and no other thread runs meanwhile."""
HANG_SECONDS = 5.0
"""Seconds without a cycle after which a server counts as stopped; buffers of MIDI are full after 17 s at the earliest."""
CLOSE_SECONDS = 1.0
"""The same when a port is to be closed: the longest cycles, of 8,192 frames, take 0.2 s."""
PAUSE_SECONDS = 2.0
"""Seconds between two looks, which come once a second, that mean that this program was stopped, and the server perhaps too."""
CYCLE_POLL_SECONDS = 0.005
"""Seconds between two looks for a cycle."""


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
    """A client of JACK that stays open, because JACK tells a client when its server stops.

    A server that hangs tells nothing, but it begins no cycle. A client that is not active sees no cycles of PipeWire, so
    a server of which none was seen is not expected to begin any.
    """

    def __init__(
        self, clock: Clock = time.monotonic, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        """Open no client yet.

        Args:
            clock: returns seconds; never runs backwards.
            sleep: waits for a number of seconds.
        """
        self.clock = clock
        self.sleep = sleep
        self.client: int | None = None
        self.has_stopped = False
        """Whether the server stopped, or hung, after it accepted the client."""
        self.callback: Any = None
        """Kept because JACK may call it as long as the client is open."""
        self.read_cycle: Callable[[int], int] = lambda client: 0
        """Returns the frame at which the last cycle of a client's server began."""
        self.frame: int | None = None
        """That frame when it was read last."""
        self.frame_time = 0.0
        """When that frame was seen first, or the first time after a pause of this program [s]."""
        self.look_time = 0.0
        """When it was read last [s]."""
        self.has_cycles = False
        """Whether the server was seen to begin one."""

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

    def check_cycles(self, max_seconds: float = HANG_SECONDS) -> None:
        """Count the server as stopped if it has begun no cycle for some seconds."""
        if self.client is None or self.has_stopped:
            return
        now, frame = self.clock(), self.read_cycle(self.client)
        is_new = frame != self.frame
        if is_new or now - self.look_time > PAUSE_SECONDS:
            self.frame_time = now
        self.has_cycles = self.has_cycles or (is_new and self.frame is not None)
        self.frame, self.look_time = frame, now
        if self.has_cycles and now - self.frame_time >= max_seconds:
            self.has_stopped = True

    def wait_for_cycle(self) -> None:
        """Wait until the server begins a cycle; if it does not within CLOSE_SECONDS it counts as stopped."""
        self.check_cycles()
        frame = self.frame
        while self.has_cycles and self.frame == frame and not self.has_stopped:
            self.sleep(CYCLE_POLL_SECONDS)
            self.check_cycles(CLOSE_SECONDS)

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
            self.read_cycle = CycleFunction(("jack_last_frame_time", jack))
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
