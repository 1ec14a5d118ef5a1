"""Downloads from a server on this machine that works or fails as the test sets it."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from pipeline.core.errors import CorpusError
from pipeline.corpus.download import download_file

DATA = bytes(range(256)) * 2000


class Server(ThreadingHTTPServer):
    """Serves DATA, with the faults that a test sets."""

    daemon_threads = True
    data = DATA
    tag = '"one"'
    ranges = True
    status = 200
    wrong_range = False
    cuts = 0
    """How many responses break off in the middle."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.asked = []


class Handler(BaseHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def do_GET(self):
        server = self.server
        wanted = self.headers.get("Range")
        server.asked.append(wanted)
        if server.status != 200:
            self.send_error(server.status)
            return
        start = int(wanted.removeprefix("bytes=").removesuffix("-")) if wanted else 0
        goes_on = bool(wanted and server.ranges and self.headers.get("If-Range") == server.tag)
        if goes_on and start >= len(server.data):
            self.send_error(416)
            return
        body = server.data[start:] if goes_on else server.data
        self.send_response(206 if goes_on else 200)
        if goes_on:
            first = start + 1 if server.wrong_range else start
            self.send_header(
                "Content-Range", f"bytes {first}-{len(server.data) - 1}/{len(server.data)}"
            )
        if server.tag:
            self.send_header("ETag", server.tag)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if server.cuts:
            server.cuts -= 1
            self.wfile.write(body[: len(body) // 2])
            self.close_connection = True
        else:
            self.wfile.write(body)


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("no_proxy", "*")
    with Server() as server:
        thread = threading.Thread(
            target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True
        )
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def get(server, tmp_path):
    path = tmp_path / "downloads" / "a.zip"

    def run():
        download_file(f"http://127.0.0.1:{server.server_port}/a.zip", path, retry_delay=0.0)
        assert [each.name for each in path.parent.iterdir()] == ["a.zip"]
        return path.read_bytes()

    run.path, run.part, run.tag = (
        path,
        path.with_name("a.zip.part"),
        path.with_name("a.zip.part.tag"),
    )
    return run


def write_partial_download(get, data, tag):
    get.part.parent.mkdir()
    get.part.write_bytes(data)
    get.tag.write_text(tag)


def test_a_whole_file_is_downloaded(server, get):
    assert get() == DATA
    assert server.asked == [None]


def test_a_download_continues_after_the_bytes_on_disk(server, get):
    write_partial_download(get, DATA[:1000], server.tag)
    assert get() == DATA
    assert server.asked == ["bytes=1000-"]


def test_a_connection_that_breaks_is_taken_up_again(server, get, capsys):
    server.cuts = 2
    assert get() == DATA
    half, rest = len(DATA) // 2, len(DATA) // 4
    assert server.asked == [None, f"bytes={half}-", f"bytes={half + rest}-"]
    assert "trying again" in capsys.readouterr().err


def test_a_server_that_knows_no_ranges_sends_it_all_again(server, get):
    server.ranges = False
    write_partial_download(get, b"x" * 1000, server.tag)
    assert get() == DATA


def test_a_file_that_changed_on_the_server_begins_anew(server, get):
    write_partial_download(get, b"old" * 1000, '"old"')
    assert get() == DATA
    assert server.asked == ["bytes=3000-"]


def test_a_server_that_names_no_version_is_not_resumed(server, get):
    server.tag, server.cuts = "", 1
    assert get() == DATA
    assert server.asked == [None, None]


def test_a_part_as_long_as_the_file_begins_anew(server, get):
    write_partial_download(get, b"x" * len(DATA), server.tag)
    assert get() == DATA


def test_another_range_than_asked_for_is_not_pasted_in(server, get):
    server.wrong_range = True
    write_partial_download(get, DATA[:1000], server.tag)
    assert get() == DATA


@pytest.mark.parametrize("status", [403, 404, 410])
def test_a_file_that_is_not_there_fails_at_once(server, get, status):
    server.status = status
    with pytest.raises(CorpusError, match=rf"the server says {status} .*--archive"):
        get()
    assert len(server.asked) == 1


def test_a_server_that_is_down_fails_in_one_line_and_keeps_what_came(server, get):
    write_partial_download(get, DATA[:1000], server.tag)
    server.status = 503
    with pytest.raises(CorpusError, match=r"503.*1,000 bytes are kept") as caught:
        get()
    assert len(server.asked) == 4 and "\n" not in str(caught.value)
    server.status = 200
    assert get() == DATA


def test_a_connection_that_always_breaks_fails_in_one_line(server, get):
    server.cuts = 99
    with pytest.raises(CorpusError, match=r"the connection broke .* bytes are kept"):
        get()
    assert not get.path.exists()
    server.cuts = 0
    assert get() == DATA


def test_a_port_without_a_server_is_one_line(tmp_path, monkeypatch):
    monkeypatch.setenv("no_proxy", "*")
    with pytest.raises(CorpusError, match="Connection refused"):
        download_file("http://127.0.0.1:9/a.zip", tmp_path / "a.zip", retry_delay=0.0)


def test_secrets_of_an_address_are_never_said(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("no_proxy", "*")
    with pytest.raises(CorpusError) as caught:
        download_file(
            "http://user:secret@127.0.0.1:9/a.zip?token=secret", tmp_path / "a.zip", retry_delay=0.0
        )
    assert "secret" not in str(caught.value) + capsys.readouterr().err
    assert "http://127.0.0.1:9/a.zip" in str(caught.value)


def test_more_than_any_archive_is_stopped(server, get, monkeypatch):
    monkeypatch.setattr("pipeline.corpus.download.MAX_DOWNLOAD_BYTES", 1000)
    with pytest.raises(CorpusError, match="more than 1,000 bytes"):
        get()
