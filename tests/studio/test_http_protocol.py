"""A request that does not go on ends, and the end of the server ends it without a traceback."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from factories import ROOT
from studio.conftest import Studio

from pipeline.studio import app, http_protocol


def connect(port: int, data: bytes = b"") -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", port), timeout=10)
    connection.sendall(data)
    return connection


def format_upload(port: int, token: str) -> bytes:
    """Return the first half of an upload."""
    return (
        f"POST /prompt HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAuthorization: Bearer {token}\r\n"
        "Content-Length: 100000\r\n\r\nMThd".encode()
    )


def read_to_end(connection: socket.socket) -> bytes:
    data = b""
    while part := connection.recv(4096):
        data += part
    return data


@pytest.mark.slow
@pytest.mark.parametrize("sent", [b"", b"GET / HTTP/1.1\r\nHo"], ids=["nothing", "half a header"])
@pytest.mark.parametrize("first", [False, True], ids=["first request", "second request"])
def test_headers_that_do_not_come_end_the_connection(
    studio: Studio, monkeypatch: pytest.MonkeyPatch, sent: bytes, first: bool
) -> None:
    monkeypatch.setattr(http_protocol, "HEADER_TIMEOUT", 0.3)
    whole = f"GET / HTTP/1.1\r\nHost: 127.0.0.1:{studio.port}\r\n\r\n".encode() if first else b""
    with connect(studio.port, whole) as connection:
        if first:
            assert connection.recv(65536).startswith(b"HTTP/1.1 200")
            time.sleep(0.1)
        connection.sendall(sent)
        start = time.monotonic()
        read_to_end(connection)
        # A connection without any data between two requests has the time limit of uvicorn.
        assert time.monotonic() - start < (8 if first and not sent else 3)


def test_a_body_that_does_not_come_is_refused(
    studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app, "BODY_TIMEOUT", 0.3)
    with connect(studio.port, format_upload(studio.port, studio.token)) as connection:
        answer = read_to_end(connection)
    assert answer.startswith(b"HTTP/1.1 408")
    assert answer.endswith(b"the upload took more than 0.3 seconds\n")


@pytest.mark.slow
def test_an_interrupt_during_an_upload_prints_no_traceback(in_folder: Path) -> None:
    command = [sys.executable, "-m", "pipeline", "studio", "--port", "0"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment
    ) as process:
        assert process.stdout
        url = process.stdout.readline().strip()
        assert url.startswith("http://127.0.0.1:"), url
        port, token = int(url.split(":")[2].split("/")[0]), url.partition("token=")[2]
        with connect_when_ready(port, format_upload(port, token)):
            time.sleep(0.5)
            process.send_signal(signal.SIGINT)
            start = time.monotonic()
            output, _ = process.communicate(timeout=20)
    assert "Traceback" not in output
    assert "Cancel" not in output
    assert time.monotonic() - start < 2


def connect_when_ready(port: int, data: bytes) -> socket.socket:
    """Connect to a server that starts."""
    end = time.monotonic() + 20
    while True:
        try:
            return connect(port, data)
        except ConnectionRefusedError:
            assert time.monotonic() < end
            time.sleep(0.05)
