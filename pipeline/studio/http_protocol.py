"""HTTP connections that do not wait for ever: the headers of a request have a time limit, and the end of the server ends uploads.

uvicorn limits only the time between two requests of a connection.
"""

import asyncio

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

HEADER_TIMEOUT = 10.0
"""Seconds within which the headers of a request must be there."""


class TimedHTTPProtocol(H11Protocol):
    """One connection of the server."""

    header_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Start to wait for the first request."""
        super().connection_made(transport)
        self._start_header_timer()

    def data_received(self, data: bytes) -> None:
        """Read data; wait on, if it ends within the headers of a request."""
        super().data_received(data)
        if self.conn.their_state is not h11.IDLE:
            self._stop_header_timer()
        elif self.header_timer is None:
            self._start_header_timer()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop to wait."""
        self._stop_header_timer()
        super().connection_lost(exc)

    def shutdown(self) -> None:
        """End the connection with the server; a request that is not complete ends now."""
        super().shutdown()
        if self.cycle and self.cycle.more_body:
            self.transport.close()

    def _start_header_timer(self) -> None:
        self.header_timer = self.loop.call_later(HEADER_TIMEOUT, self.transport.close)

    def _stop_header_timer(self) -> None:
        if self.header_timer:
            self.header_timer.cancel()
            self.header_timer = None
