"""Work that tests send to other processes.

It imports little, since each of these processes imports it: a test module with pytest and `factories` takes half a second.
"""

import os
import signal
import time
from pathlib import Path

from pipeline.core.errors import CorpusError, DataError


def wait_and_return(seconds: float) -> float:
    """Wait, and return the time [s]."""
    time.sleep(seconds)
    return seconds


def get_process(_: int) -> int:
    """Return the number of the process."""
    return os.getpid()


def refuse(number: int) -> int:
    """Return a number, but for 2."""
    if number == 2:
        raise DataError("piece 2: no notes; leave it out")
    return number


def touch_later(folder: Path, number: int) -> None:
    """Write a file after a moment, but for 0."""
    if number == 0:
        raise DataError("piece 0: no notes; leave it out")
    time.sleep(0.2)
    (folder / str(number)).touch()


def touch_and_wait(folder: Path, number: int) -> None:
    """Write a file, and do not come back for ten minutes."""
    (folder / str(number)).touch()
    time.sleep(600)


def kill_own_process(_: int) -> None:
    """End the process as one that the system kills."""
    os.kill(os.getpid(), signal.SIGKILL)


def raise_fault(text: str) -> object:
    """Raise an error that the user can fix."""
    raise CorpusError(text)


def spin(_: object) -> object:
    """Use the processor for ever."""
    while True:
        pass


def take_memory(size: int) -> int:
    """Ask for memory [bytes]."""
    return len(bytearray(size))


TRICKS = {
    "sleep": (time.sleep, 60),
    "spin": (spin, 0),
    "abort": (lambda _: os.abort(), 0),
    "exit": (os._exit, 7),
    "memory": (take_memory, 2**30),
    "fault": (raise_fault, "the corpus is damaged"),
    "break": ({}.__getitem__, "break"),
}


def do_trick(item: object) -> object:
    """Fail in the manner of that name; return a number as it is."""
    if isinstance(item, str):
        act, argument = TRICKS[item]
        act(argument)
    return item


def make_bytes(size: int) -> bytes:
    """Return so many bytes."""
    return bytes(size)
