"""A process does not outlive the one that started it.

A stage whose `dvc repro` was killed would run on as an orphan and write over what the next run makes. So it asks the
system to be killed with its parent; where the system knows no such wish, it watches. Commands in dvc.yaml begin with
`exec`, so that the parent of a stage is DVC and not a shell in between.
"""

import ctypes
import os
import signal
import sys
import threading
import time
from typing import NoReturn

_DEATH_SIGNAL = 1
"""PR_SET_PDEATHSIG of prctl(2)."""
PAUSE = 0.5
"""Seconds between two looks at the parent, where it must be watched."""


def bind() -> None:
    """Let this process be killed when the one that started it ends; it ends now if that one is gone already."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_DEATH_SIGNAL, signal.SIGKILL)
    elif hasattr(os, "getppid"):
        threading.Thread(target=watch, args=(os.getppid(),), daemon=True).start()
    if orphaned():
        end()


def orphaned() -> bool:
    """Whether the parent is another than the one that started this process.

    A child is in the process group of the one that started it, unless it was put elsewhere, which DVC does not do; what
    takes in orphans is in another.
    """
    return hasattr(os, "getpgid") and os.getpgid(os.getppid()) != os.getpgrp()


def watch(parent: int) -> None:
    """Wait until the parent is another one, then end."""
    while os.getppid() == parent:
        time.sleep(PAUSE)
    end()


def end() -> NoReturn:
    """End at once, writing nothing more."""
    os.kill(os.getpid(), getattr(signal, "SIGKILL", signal.SIGTERM))
    raise SystemExit(1)
