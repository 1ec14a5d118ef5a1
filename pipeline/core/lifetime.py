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

_PR_SET_PDEATHSIG = 1
"""PR_SET_PDEATHSIG of prctl(2)."""
POLL_SECONDS = 0.5
"""Seconds between two looks at the parent, where it must be watched."""


def die_with_parent() -> None:
    """Let this process be killed when the one that started it ends; it ends now if that one is gone already."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    elif hasattr(os, "getppid"):
        threading.Thread(target=wait_for_parent, args=(os.getppid(),), daemon=True).start()
    if is_orphan():
        kill_self()


def is_orphan() -> bool:
    """Whether the parent is another than the one that started this process.

    A child is in the process group of the one that started it, unless it was put elsewhere, which DVC does not do; what
    takes in orphans is in another.
    """
    return hasattr(os, "getpgid") and os.getpgid(os.getppid()) != os.getpgrp()


def wait_for_parent(parent_pid: int) -> None:
    """Wait until the parent is another one, then end."""
    while os.getppid() == parent_pid:
        time.sleep(POLL_SECONDS)
    kill_self()


def kill_self() -> NoReturn:
    """End at once, writing nothing more."""
    os.kill(os.getpid(), getattr(signal, "SIGKILL", signal.SIGTERM))
    raise SystemExit(1)
