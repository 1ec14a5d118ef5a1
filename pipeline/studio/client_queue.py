"""The messages that wait for one page: a few, the newest. Adding one never waits, whatever the page does.

The thread that keeps time adds messages to the queues of all pages. If a page is slow or gone, its queue is full and the
oldest message is dropped; the music goes on. The page is told how many it missed.
"""

import asyncio
from collections import deque

from pipeline.studio.messages import Dropped, ServerMessage

QUEUE_SIZE = 512
"""Messages that wait: some ten seconds of dense music."""


class ClientQueue:
    """A queue from any thread to the event loop of the server."""

    def __init__(self, loop: asyncio.AbstractEventLoop, max_size: int = QUEUE_SIZE) -> None:
        """Start empty.

        Args:
            loop: where messages are taken out.
            max_size: messages that may wait.
        """
        self.loop = loop
        self.pending: deque[str] = deque(maxlen=max_size)
        self.max_size = max_size
        self.dropped = 0
        """Messages that were dropped since the page was last told."""
        self.reported = False
        """Whether the last message said how many were dropped; the next one says something else."""
        self.ready = asyncio.Event()

    def send(self, message: ServerMessage) -> None:
        """Add a message; from any thread, at once."""
        self.put(message.encode())

    def put(self, text: str) -> None:
        """Add an encoded message; from any thread, at once."""
        if len(self.pending) == self.max_size:
            self.dropped += 1
        self.pending.append(text)
        try:
            self.loop.call_soon_threadsafe(self.ready.set)
        except RuntimeError:  # the server has ended; nobody will read this
            self.pending.clear()

    async def get(self) -> str:
        """Wait for the oldest message."""
        while not self.pending:
            self.ready.clear()
            await self.ready.wait()
        self.reported = bool(self.dropped) and not self.reported
        if self.reported:
            count, self.dropped = self.dropped, 0
            return Dropped(count=count).encode()
        return self.pending.popleft()
