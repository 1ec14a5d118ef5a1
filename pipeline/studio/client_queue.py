"""The frames that wait for one page: a few, the newest. Putting one there never waits, whatever the page does.

The thread that keeps time puts frames into the boxes of all pages. If a page is slow or gone, its box is full and the
oldest frame falls out; the music does not know. The page is told how many it missed.
"""

import asyncio
import json
from collections import deque
from typing import Any

QUEUE_SIZE = 512
"""Frames that wait: some ten seconds of dense music."""

ServerMessage = dict[str, Any]
"""A message to a page; `type` says which."""


class ClientQueue:
    """A queue from any thread to the event loop of the server."""

    def __init__(self, loop: asyncio.AbstractEventLoop, max_size: int = QUEUE_SIZE) -> None:
        """Begin empty.

        Args:
            loop: where frames are taken out.
            max_size: frames that may wait.
        """
        self.loop = loop
        self.pending: deque[str] = deque(maxlen=max_size)
        self.max_size = max_size
        self.dropped = 0
        """Frames that fell out since the page was last told."""
        self.reported = False
        """Whether the last message said how many were dropped; the next one says something else."""
        self.ready = asyncio.Event()

    def put(self, text: str) -> None:
        """Add a frame, as text; from any thread, at once."""
        if len(self.pending) == self.max_size:
            self.dropped += 1
        self.pending.append(text)
        try:
            self.loop.call_soon_threadsafe(self.ready.set)
        except RuntimeError:  # the server has ended; nobody will read this
            self.pending.clear()

    async def get(self) -> str:
        """Wait for the oldest frame."""
        while not self.pending:
            self.ready.clear()
            await self.ready.wait()
        self.reported = bool(self.dropped) and not self.reported
        if self.reported:
            lost, self.dropped = self.dropped, 0
            return encode_message({"type": "lost", "frames": lost})
        return self.pending.popleft()


def encode_message(message: ServerMessage) -> str:
    """Return a frame as text."""
    return json.dumps(message, separators=(",", ":"), allow_nan=False)
