"""Large files over https, resumed where a connection broke.

What has arrived waits in `<name>.part`, and in `<name>.part.tag` what the server called that version of the file; only
the same version is continued.
"""

import os
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from http.client import HTTPException
from pathlib import Path
from typing import Any

from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

from pipeline.core.console import console, say
from pipeline.core.errors import CorpusError

LARGEST = 4 * 2**30
"""Bytes."""
TIMEOUT = 30.0
"""Seconds without a byte before a connection counts as broken."""
ATTEMPTS = 4
_BLOCK = 2**18
_HOPELESS = (400, 401, 403, 404, 410, 451)


def public(url: str) -> str:
    """Return an address without what may be secret in it: user, password, query."""
    parts = urllib.parse.urlsplit(url)
    return urllib.parse.urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def download(url: str, path: Path, pause: float = 2.0) -> None:
    """Download a file, going on where an earlier attempt stopped. The bytes are for the caller to verify.

    Args:
        url: where it is.
        path: the file to write; it appears only when whole.
        pause: wait before the second attempt [s]; doubled for each further one.

    Raises:
        CorpusError: the server refuses, the connection keeps breaking, or the disk is full; what arrived is kept.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    fault, shown = "", public(url)
    for attempt in range(ATTEMPTS):
        if attempt:
            say(f"{shown}: {fault}; trying again")
            time.sleep(pause * 2 ** (attempt - 1))
        try:
            _attempt(url, part)
            break
        except urllib.error.HTTPError as error:
            fault = f"the server says {error.code} {error.reason}"
            if error.code in _HOPELESS:
                raise CorpusError(f"{shown}: {fault}; fetch it elsewhere and give it with --zip") from error
        except (urllib.error.URLError, HTTPException, TimeoutError, ConnectionError) as error:
            fault = f"the connection broke ({getattr(error, 'reason', error)})"
        except OSError as error:
            raise CorpusError(f"{part}: cannot be written ({error.strerror})") from error
    else:
        kept = part.stat().st_size if part.exists() else 0
        raise CorpusError(
            f"{shown}: {fault}; {kept:,} bytes are kept, run it again to go on, or give the file with --zip"
        )
    part.replace(path)
    _tag(part).unlink(missing_ok=True)


def _tag(part: Path) -> Path:
    return part.with_name(part.name + ".tag")


def _attempt(url: str, part: Path) -> None:
    """Read from the server until the file is whole.

    Raises:
        ConnectionError: the answer ended early, or is of no use for the part that is here.
    """
    have = part.stat().st_size if part.exists() and _tag(part).exists() else 0
    with _asked(url, part, have) as answer:
        goes_on = answer.status == 206 and answer.headers.get("Content-Range", "").startswith(f"bytes {have}-")
        if have and answer.status == 206 and not goes_on:
            part.unlink()
            raise ConnectionError("the server sent another range")
        start = have if goes_on else 0
        length = answer.headers.get("Content-Length", "")
        total = start + int(length) if length.isdecimal() else None
        with part.open("r+b" if goes_on else "wb") as file:
            # Only now: bytes of an older version must never stand beside the name of the new one.
            _note_version(answer.headers, part)
            file.seek(start)
            for block in _shown(answer, start, total):
                file.write(block)
            file.flush()
            os.fsync(file.fileno())
    if total is not None and part.stat().st_size < total:
        raise ConnectionError(f"{part.stat().st_size:,} of {total:,} bytes came")


def _asked(url: str, part: Path, have: int) -> Any:
    """Ask the server for what comes after the first `have` bytes.

    Raises:
        ConnectionError: there is nothing after them.
    """
    request = urllib.request.Request(url)
    if have:
        request.add_header("Range", f"bytes={have}-")
        # A server whose file is another one by now answers with the whole of it instead.
        request.add_header("If-Range", _tag(part).read_text(encoding="latin-1"))
    try:
        return urllib.request.urlopen(request, timeout=TIMEOUT)
    except urllib.error.HTTPError as error:
        if error.code != 416:
            raise
        part.unlink()
        raise ConnectionError("the part was of no use") from error


def _note_version(headers: Any, part: Path) -> None:
    """Keep what names this version of the file: a strong ETag or the date; without one, nothing can be resumed."""
    tag = headers.get("ETag", "")
    tag = tag if tag.startswith('"') else headers.get("Last-Modified", "")
    if tag:
        _tag(part).write_text(tag, encoding="latin-1")
    else:
        _tag(part).unlink(missing_ok=True)


def _shown(answer: Any, start: int, total: int | None) -> Iterator[bytes]:
    """Pass the blocks of an answer on, under a bar for a person.

    Raises:
        CorpusError: there is more than `LARGEST`.
    """
    columns = (TextColumn("downloading"), BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
    out = console()
    with Progress(*columns, console=out, disable=not out.is_terminal) as bar:
        task = bar.add_task("", total=total, completed=start)
        done = start
        while block := answer.read1(_BLOCK):
            done += len(block)
            if done > LARGEST:
                raise CorpusError(f"{public(answer.url)}: more than {LARGEST:,} bytes; this is not the archive")
            bar.advance(task, len(block))
            yield block
