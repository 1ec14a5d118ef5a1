"""Nobody else comes in: not by another name, not from another site, not without the token, not by another path."""

from http.client import HTTPConnection
from ipaddress import IPv4Address

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.types import Receive, Scope, Send
from studio.conftest import Studio
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from pipeline.studio import app
from pipeline.studio.access import LocalAccessMiddleware, generate_token

TOKEN = "of-this-run"


async def nothing(scope: Scope, receive: Receive, send: Send) -> None: ...


DOOR = LocalAccessMiddleware(nothing, 8765, TOKEN)


def scope(kind: str = "http", path: str = "/", token: str = TOKEN, **headers: str) -> Scope:
    given = {"host": "127.0.0.1:8765", "authorization": f"Bearer {token}"} | headers
    return {
        "type": kind,
        "path": path,
        "query_string": f"token={token}".encode() if kind == "websocket" else b"",
        "headers": [(name.encode(), value.encode("latin-1")) for name, value in given.items()],
    }


def test_our_own_page_comes_in_by_both_names() -> None:
    for host in ("127.0.0.1:8765", "localhost:8765"):
        assert not DOOR.refusal_reason(scope(host=host))
        assert not DOOR.refusal_reason(
            scope("websocket", "/live", host=host, origin=f"http://{host}")
        )


@given(st.text(st.characters(codec="latin-1"), max_size=40))
def test_no_other_name_comes_in(host: str) -> None:
    wanted = "" if host in ("127.0.0.1:8765", "localhost:8765") else "this page answers only to"
    held = scope()
    held["headers"] = [(b"host", host.encode("latin-1"))]
    assert DOOR.refusal_reason(held).startswith(wanted)


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "127.0.0.1:80", "evil.example:8765", "localhost:8765.evil.example"]
)
def test_names_that_look_like_ours_do_not(host: str) -> None:
    assert DOOR.refusal_reason(scope(host=host))
    assert DOOR.refusal_reason(scope(path="/static/app.js", host=host))


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "null", "http://127.0.0.1", "https://127.0.0.1:8765", ""]
)
def test_no_other_site_speaks_to_it(origin: str) -> None:
    assert (
        DOOR.refusal_reason(scope("websocket", "/live", origin=origin))
        == "no other site may speak to this page"
    )
    assert DOOR.refusal_reason(scope("http", "/prompt", origin=origin))


def test_a_socket_without_origin_or_with_two_hosts_is_refused() -> None:
    assert DOOR.refusal_reason(scope("websocket", "/live"))
    twice = scope()
    twice["headers"] += twice["headers"]
    assert DOOR.refusal_reason(twice)


@pytest.mark.parametrize("token", ["", "of-this-ru", "of-this-run2", "\u00e4"])
def test_nothing_but_the_files_of_the_page_is_there_without_the_token(token: str) -> None:
    for path in ("/takes/x.mid", "/prompt", "/static", "/other", "//"):
        assert "token" in DOOR.refusal_reason(scope(path=path, token=token))
    assert DOOR.refusal_reason(
        scope("websocket", "/static/live", token=token, origin="http://127.0.0.1:8765")
    )
    for path in ("/", "/static/app.js"):
        assert not DOOR.refusal_reason(scope(path=path, token=token))


def test_tokens_differ_and_are_long() -> None:
    assert len({generate_token() for _ in range(100)}) == 100
    assert len(generate_token()) >= 32


def get(
    studio: Studio, path: str, host: str = "", **headers: str
) -> tuple[int, dict[str, str], bytes]:
    line = HTTPConnection("127.0.0.1", studio.port, timeout=10)
    line.putrequest("GET", path, skip_host=True, skip_accept_encoding=True)
    line.putheader("Host", host or f"127.0.0.1:{studio.port}")
    for name, value in headers.items():
        line.putheader(name, value)
    line.endheaders()
    answer = line.getresponse()
    response = (
        answer.status,
        {name.lower(): value for name, value in answer.getheaders()},
        answer.read(),
    )
    line.close()
    return response


def test_a_server_that_runs_keeps_to_it(studio: Studio) -> None:
    status, headers, body = get(studio, "/")
    assert (status, headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert "default-src 'none'" in headers["content-security-policy"]
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert studio.token.encode() not in body
    assert get(studio, "/", host="evil.example")[0] == 403
    assert get(studio, "/", Origin="http://evil.example")[0] == 403
    assert get(studio, "/takes/x.mid")[0] == 403
    assert get(studio, f"/takes/x.mid?token={studio.token}")[0] == 403
    assert get(studio, "/takes/x.mid", Authorization=f"Bearer {studio.token}")[0] == 404
    assert get(studio, "/static/app.js")[1]["content-type"].startswith("text/javascript")


def test_a_cross_site_socket_is_refused(studio: Studio) -> None:
    live = f"ws://127.0.0.1:{studio.port}/live?token="
    ours = f"http://127.0.0.1:{studio.port}"
    for url, origin in (
        (live + studio.token, "http://evil.example"),
        (live + studio.token, None),
        (live, ours),
    ):
        with pytest.raises(InvalidStatus) as refused, connect(url, origin=origin):  # type: ignore[arg-type]
            pass
        assert refused.value.response.status_code == 403
    # A foreign name that points here, as after DNS rebinding: the browser sends that name as Host.
    elsewhere = {"Host": f"evil.example:{studio.port}"}
    with (
        pytest.raises(InvalidStatus),
        connect(live + studio.token, origin=ours, additional_headers=elsewhere),
    ):  # type: ignore[arg-type]
        pass
    assert not studio.session.clients


WAYS_OUT = (
    "/static/../app.py",
    "/static/..%2fapp.py",
    "/static/%2e%2e/app.py",
    "/static/%2e%2e%2f%2e%2e%2fbundled/maestro/model.json",
    "/static/..\\server.py",
    "/static//etc/passwd",
    "/static/%2fetc%2fpasswd",
    "/static/app.js%00.css",
    "/static/",
    "/static",
    "/../../etc/passwd",
    "/etc/passwd",
    "/pipeline/studio/app.py",
    "/models/expressive/model.json",
    "/params.yaml",
)


def test_no_path_leads_out(studio: Studio) -> None:
    for path in WAYS_OUT:
        for headers in ({}, {"Authorization": f"Bearer {studio.token}"}):
            status, _, body = get(studio, path, **headers)
            assert status in (400, 403, 404), path
            assert len(body) < 100


@pytest.mark.parametrize(
    ("host", "is_answered"),
    [
        ("192.168.1.5:8765", True),
        ("127.0.0.1:8765", True),
        ("192.168.1.5", False),
        ("192.168.1.5:80", False),
        ("192.168.1.5.evil.example:8765", False),
        ("evil.example:8765", False),
        ("1.2.3:8765", False),
    ],
)
def test_on_all_interfaces_it_answers_to_each_numeric_address_and_no_name(
    host: str, is_answered: bool
) -> None:
    access = LocalAccessMiddleware(nothing, 8765, TOKEN, IPv4Address("0.0.0.0"))
    assert bool(access.refusal_reason(scope(host=host))) != is_answered
    socket = scope("websocket", "/live", host=host, origin=f"http://{host}")
    assert bool(access.refusal_reason(socket)) != is_answered
    elsewhere = scope("websocket", "/live", host=host, origin="http://192.168.1.6:8765")
    assert access.refusal_reason(elsewhere)
    assert access.refusal_reason(scope(path="/takes/x.mid", host=host, token="wrong"))


def test_on_one_interface_it_answers_to_its_address_and_to_no_other() -> None:
    access = LocalAccessMiddleware(nothing, 8765, TOKEN, IPv4Address("192.168.1.5"))
    assert not access.refusal_reason(scope(host="192.168.1.5:8765"))
    assert access.refusal_reason(scope(host="192.168.1.6:8765"))


def test_it_listens_on_loopback_alone() -> None:
    with app.bind_socket(0) as line:
        assert line.getsockname()[0] == "127.0.0.1"
