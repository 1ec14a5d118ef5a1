"""The library of MIDI ports, rtmidi2, and the sound systems that run: ALSA and JACK, CoreMIDI, or WinMM.

Its wheels for Linux bring a library of JACK of protocol 8, which newer servers (1.9.21 has protocol 9) refuse. So the library
of JACK of this machine is loaded first and for all: the linker then takes its functions. JACK is asked whether it runs,
because rtmidi2 ends the process where it makes a virtual port without a server.
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


def list_systems(library: Any) -> list[int]:
    """Return the numbers, of rtmidi2, of the sound systems that run."""
    if sys.platform == "darwin":
        return [library.API_MACOSX_CORE]
    if sys.platform == "win32":
        return [library.API_WINDOWS_MM]
    systems = []
    if ALSA_SEQUENCER.exists():
        systems.append(library.API_LINUX_ALSA)
    if is_jack_running():
        systems.append(library.API_UNIX_JACK)
    return systems


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
    jack.jack_client_close.argtypes = [ctypes.c_void_p]
    return jack


def is_jack_running() -> bool:
    """Whether a server of JACK accepts a client."""
    jack = load_jack()
    if jack is None:
        return False
    status = ctypes.c_int()
    with quiet_stderr():
        client = jack.jack_client_open(
            CHECK_CLIENT_NAME, JACK_NO_START_SERVER, ctypes.byref(status)
        )
        if not client:
            return False
        jack.jack_client_close(client)
    return True


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
