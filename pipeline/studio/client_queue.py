"""The frames that wait for one page: a few, the newest. Putting one there never waits, whatever the page does.

The thread that keeps time puts frames into the boxes of all pages. If a page is slow or gone, its box is full and the
oldest frame falls out; the music does not know. The page is told how many it missed.
"""

import asyncio
import json
from collections import deque
from typing import Any

SIZE = 512
"""Frames that wait: some ten seconds of dense music."""

Frame = dict[str, Any]
"""A message to a page; `type` says which."""


class Outbox:
    """A queue from any thread to the event loop of the server."""

    def __init__(self, loop: asyncio.AbstractEventLoop, size: int = SIZE) -> None:
        """Begin empty.

        Args:
            loop: where frames are taken out.
            size: frames that may wait.
        """
        self.loop = loop
        self.waiting: deque[str] = deque(maxlen=size)
        self.size = size
        self.lost = 0
        """Frames that fell out since the page was last told."""
        self.some = asyncio.Event()

    def put(self, text: str) -> None:
        """Add a frame, as text; from any thread, at once."""
        if len(self.waiting) == self.size:
            self.lost += 1
        self.waiting.append(text)
        try:
            self.loop.call_soon_threadsafe(self.some.set)
        except RuntimeError:  # the server has ended; nobody will read this
            self.waiting.clear()

    async def take(self) -> str:
        """Wait for the oldest frame."""
        while not self.waiting:
            self.some.clear()
            await self.some.wait()
        if self.lost:
            lost, self.lost = self.lost, 0
            return write({"type": "lost", "frames": lost})
        return self.waiting.popleft()


def write(frame: Frame) -> str:
    """Return a frame as text."""
    return json.dumps(frame, separators=(",", ":"), allow_nan=False)
