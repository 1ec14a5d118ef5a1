"""The addresses that are shown are those that answer."""

from ipaddress import IPv4Address

import pytest

from pipeline.core.errors import PipelineError
from pipeline.studio import addresses


@pytest.mark.parametrize(
    ("host", "address"),
    [("localhost", "127.0.0.1"), ("127.0.0.1", "127.0.0.1"), ("0.0.0.0", "0.0.0.0")],
)
def test_a_host_is_an_address(host: str, address: str) -> None:
    assert addresses.parse_host(host) == IPv4Address(address)


@pytest.mark.parametrize("host", ["", "studio.example", "::1", "1.2.3", "127.0.0.1:80"])
def test_another_host_is_refused_in_one_line(host: str) -> None:
    with pytest.raises(PipelineError, match="no IPv4 address; give one of this machine") as refusal:
        addresses.parse_host(host)
    assert "\n" not in str(refusal.value)


def test_the_url_of_this_machine_comes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(addresses, "find_network_address", lambda: "192.168.1.5")
    assert addresses.list_urls(IPv4Address("0.0.0.0"), 80, "abc") == [
        "http://127.0.0.1:80/?token=abc",
        "http://192.168.1.5:80/?token=abc",
    ]
    assert addresses.list_urls(IPv4Address("192.168.1.5"), 80, "abc") == [
        "http://192.168.1.5:80/?token=abc"
    ]


def test_a_machine_in_no_network_has_one_url(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(addresses, "find_network_address", lambda: addresses.LOOPBACK)
    assert len(addresses.list_urls(IPv4Address("0.0.0.0"), 80, "abc")) == 1


def test_the_address_in_the_network_is_numeric() -> None:
    IPv4Address(addresses.find_network_address())
