"""A browser page that can import the scripts of pipeline/web as modules."""

import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest
from browser import Pages
from factories import ROOT
from playwright.sync_api import Page


class ScriptHandler(SimpleHTTPRequestHandler):
    """Serves the scripts, and an empty page at /empty."""

    def do_GET(self) -> None:
        if self.path != "/empty":
            super().do_GET()
            return
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<!doctype html><link rel=icon href=data:,>")

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def script_page(browser: Pages) -> Iterator[Page]:
    """An empty page of a server of pipeline/web; nothing was complained of at the end."""
    handler = partial(ScriptHandler, directory=str(ROOT / "pipeline" / "web"))
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    visit = browser.open(f"http://127.0.0.1:{server.server_port}/empty")
    yield visit.page
    assert visit.complaints == []
    visit.page.context.close()
    server.shutdown()
    thread.join()
    server.server_close()
