"""A real browser for tests: a headless Chromium that records the errors and the requests of a page."""

import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Browser, ConsoleMessage, Page, ViewportSize, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
HERE = ("", "127.0.0.1", "localhost")
"""Hosts of this machine; a `file:`, `data:` or `blob:` address has none."""
SIZES: dict[str, ViewportSize] = {
    "desktop": {"width": 1280, "height": 800},
    "phone": {"width": 390, "height": 844},
}
FLAGS = [
    "--no-sandbox",  # tests run as root in CI
    "--disable-gpu",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--autoplay-policy=no-user-gesture-required",
]


@dataclass
class Visit:
    """A page that was opened, and what happened there since."""

    page: Page
    complaints: list[str] = field(default_factory=list)
    """Errors and warnings of its console, and exceptions nobody caught."""
    abroad: list[str] = field(default_factory=list)
    """Addresses beyond this machine that it asked for."""

    def _heard(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(message.text)

    def _asked(self, url: str) -> None:
        if (urlsplit(url).hostname or "") not in HERE:
            self.abroad.append(url)

    def watch(self) -> None:
        """Begin to take notes."""
        self.page.on("console", self._heard)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", lambda request: self._asked(request.url))
        self.page.on("websocket", lambda socket: self._asked(socket.url))

    def close(self) -> None:
        """Close the page; the test fails if it had an error or asked another machine."""
        assert self.complaints == []
        assert self.abroad == []
        self.page.context.close()


@dataclass
class Pages:
    """Opens pages, each in a browser profile of its own."""

    browser: Browser

    def open(self, url: str, **context: Any) -> Visit:
        """Open a page.

        Args:
            url: `http:` on this machine or `file:`.
            context: as of Playwright's `new_context`, such as viewport and color_scheme.
        """
        visit = Visit(self.browser.new_context(**context).new_page())
        visit.watch()
        visit.page.goto(url)
        return visit


def wait_until(page: Page, expression: str, seconds: float = 30) -> None:
    """Wait until a JavaScript expression is true; past that time the test fails.

    Playwright's `wait_for_function` needs `eval`, which the policy of the pages forbids.
    """
    end = time.monotonic() + seconds
    while not page.evaluate(expression):
        assert time.monotonic() < end, f"not true within {seconds} s: {expression}"
        page.wait_for_timeout(20)


def find_chromium() -> str:
    """Return where Chromium is.

    Raises:
        RuntimeError: it is not on this machine.
    """
    path = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)
    if not path:
        raise RuntimeError(
            "no Chromium here; 'apt-get install chromium', or set CHROMIUM to where the program is"
        )
    return path


@contextmanager
def running() -> Iterator[Pages]:
    """Start a browser and stop it.

    While it runs, this thread counts as inside an event loop: no `asyncio.run` here.
    """
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=find_chromium(), args=FLAGS)
        try:
            yield Pages(chromium)
        finally:
            chromium.close()


@contextmanager
def with_autoplay_policy(pages: Pages) -> Iterator[Pages]:
    """Start a second browser beside one that runs: it plays no sound before a click or a key, as by default."""
    flags = [flag for flag in FLAGS if not flag.startswith("--autoplay-policy")]
    chromium = pages.browser.browser_type.launch(executable_path=find_chromium(), args=flags)
    try:
        yield Pages(chromium)
    finally:
        chromium.close()
