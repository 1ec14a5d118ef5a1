"""The frame of the threads that play in real time: a loop that polls, and an end that waits for it."""

import threading
from collections.abc import Callable

POLL_SECONDS = 0.01
"""Longest sleep of a thread [s]."""
JOIN_TIMEOUT = 5.0
"""Seconds that `join` waits for a thread that hangs in a sound system."""


class Worker:
    """Threads of one object, which the program does not wait for when it ends."""

    def __init__(self, *targets: Callable[[], None]) -> None:
        """Prepare.

        Args:
            targets: what runs, each in a thread.
        """
        self.threads = [threading.Thread(target=target, daemon=True) for target in targets]

    def start(self) -> None:
        """Start all threads."""
        for thread in self.threads:
            thread.start()

    def join(self) -> None:
        """Wait for those threads that run; one of them may call it."""
        for thread in self.threads:
            if thread.is_alive() and thread is not threading.current_thread():
                thread.join(JOIN_TIMEOUT)


def poll(
    is_stopping: Callable[[], bool], step: Callable[[], float], sleep: Callable[[float], None]
) -> None:
    """Call a step again and again until stopped.

    Args:
        is_stopping: whether to stop.
        step: returns the seconds until it is to be called again; it is called after POLL_SECONDS at the latest.
        sleep: waits for a number of seconds.
    """
    while not is_stopping():
        wait = step()
        if not is_stopping():
            sleep(min(wait, POLL_SECONDS))
