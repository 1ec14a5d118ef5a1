"""Who may use the studio: pages of this server, with the token of this run; on this machine, unless it listens beyond.

Each page that a browser shows can send requests to a server on the loopback interface. So the header `Host` of a request
must be one of ours, or a foreign name could be made to point at 127.0.0.1; a WebSocket must have our own `Origin`, since
browsers let any site open one; and all but the files of the package need a token that only the terminal has shown. The
page takes the token from its address once, and sends it in the header `Authorization`; a WebSocket cannot have that
header, so it has the token in its address.

Where the server listens on all interfaces, it does not know the addresses that others have for it. It then answers to
each numeric address, since a name that is made to point at this machine is never one.
"""

import hmac
import re
import secrets
from collections.abc import Awaitable, Callable, MutableMapping
from ipaddress import IPv4Address
from typing import Any

from starlette.datastructures import Headers, QueryParams
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pipeline.studio import addresses

LOOPBACK = IPv4Address(addresses.LOOPBACK)
HOST_NAMES = (addresses.LOOPBACK, "localhost")
PUBLIC_PATHS = re.compile(r"/|/(static|web)/.*")
"""Files of the package, which hold no secret: they need no token."""
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'{sockets}; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
CLOSE_CODE = 4403
"""WebSocket close code, where the handshake was not refused already."""


class LocalAccessMiddleware:
    """Refuses foreign requests, and adds headers to the responses."""

    def __init__(self, app: ASGIApp, port: int, token: str, host: IPv4Address = LOOPBACK) -> None:
        """Wrap an app.

        Args:
            app: what answers.
            port: where it listens; part of the allowed hosts.
            token: what a request must have, from `generate_token`.
            host: the interface on which it listens; 0.0.0.0 for all.
        """
        self.app = app
        self.token = token
        names = HOST_NAMES if host.is_unspecified else {*HOST_NAMES, str(host)}
        self.allowed_hosts = {f"{name}:{port}" for name in names}
        self.numeric_host = re.compile(rf"([0-9]{{1,3}}\.){{3}}[0-9]{{1,3}}:{port}")
        self.allows_numeric_hosts = host.is_unspecified
        self.allowed_origins = {f"http://{host}" for host in self.allowed_hosts}
        sockets = "".join(f" ws://{host}" for host in sorted(self.allowed_hosts))
        self.response_headers = {
            "content-security-policy": CONTENT_SECURITY_POLICY.format(sockets=sockets),
            "cross-origin-opener-policy": "same-origin",
            "cross-origin-resource-policy": "same-origin",
            "referrer-policy": "no-referrer",
            "x-content-type-options": "nosniff",
            "cache-control": "no-store",
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        reason = self.refusal_reason(scope)
        if not reason:
            await self.app(scope, receive, self._with_headers(send))
        elif scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": CLOSE_CODE, "reason": reason})
        else:
            await PlainTextResponse(reason + "\n", 403)(scope, receive, self._with_headers(send))

    def refusal_reason(self, scope: Scope) -> str:
        """Return why a request is refused; an empty string, if it is not."""
        headers = Headers(scope=scope)
        hosts = headers.getlist("host")
        if len(hosts) != 1 or not self._is_allowed_host(hosts[0]):
            return f"this page answers only to {' and '.join(sorted(self.allowed_hosts))}"
        origins = headers.getlist("origin")
        is_websocket = scope["type"] == "websocket"
        allowed_origins = self.allowed_origins | {f"http://{hosts[0]}"}
        if (is_websocket or origins) and (len(origins) != 1 or origins[0] not in allowed_origins):
            return "no other site may speak to this page"
        if not is_websocket and PUBLIC_PATHS.fullmatch(scope["path"]):
            return ""
        in_address = QueryParams(scope["query_string"]).get("token", "")
        in_header = headers.get("authorization", "").removeprefix("Bearer ")
        token = in_address if is_websocket else in_header
        if not hmac.compare_digest(token.encode(), self.token.encode()):
            return "open the address that the terminal shows, with its token"
        return ""

    def _is_allowed_host(self, host: str) -> bool:
        if host in self.allowed_hosts:
            return True
        return self.allows_numeric_hosts and self.numeric_host.fullmatch(host) is not None

    def _with_headers(self, send: Send) -> Callable[[MutableMapping[str, Any]], Awaitable[None]]:
        """Return a `send` that adds the headers."""

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                added = [
                    (name.encode(), value.encode()) for name, value in self.response_headers.items()
                ]
                message = {**message, "headers": [*message.get("headers", []), *added]}
            await send(message)

        return send_with_headers


def generate_token() -> str:
    """Return 192 random bits as text that a URL can hold."""
    return secrets.token_urlsafe(24)
