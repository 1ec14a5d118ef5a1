"""Where the studio listens, and the addresses of its page."""

import socket
from ipaddress import AddressValueError, IPv4Address

from pipeline.core.errors import PipelineError

LOOPBACK = "127.0.0.1"
DOCUMENTATION_ADDRESS = ("192.0.2.1", 9)
"""An address that no machine has (RFC 5737): the way to it is the way out of this machine."""


def parse_host(host: str) -> IPv4Address:
    """Return the address of an interface; 0.0.0.0 stands for all of them.

    Raises:
        PipelineError: it is not an IPv4 address.
    """
    try:
        return IPv4Address(LOOPBACK if host == "localhost" else host)
    except AddressValueError as error:
        raise PipelineError(
            f"--host {host!r:.60} is no IPv4 address; give one of this machine, or 0.0.0.0 for all"
        ) from error


def list_urls(host: IPv4Address, port: int, token: str) -> list[str]:
    """Return the URLs of the page with its token; first the one that a browser on this machine takes."""
    addresses = [str(host)]
    if host.is_unspecified:
        addresses = [LOOPBACK, find_network_address()]
    return [f"http://{address}:{port}/?token={token}" for address in dict.fromkeys(addresses)]


def find_network_address() -> str:
    """Return the address that this machine has in its network; the loopback address if it is in none.

    Nothing is sent: connecting a UDP socket only chooses the interface.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(DOCUMENTATION_ADDRESS)
        except OSError:
            return LOOPBACK
        address: str = probe.getsockname()[0]
        return address
