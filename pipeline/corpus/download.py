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

from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

from pipeline.core.console import log_message, make_console
from pipeline.core.errors import CorpusError

MAX_DOWNLOAD_BYTES = 4 * 2**30
"""Bytes."""
TIMEOUT = 30.0
"""Seconds without a byte before a connection counts as broken."""
MAX_ATTEMPTS = 4
_BLOCK_SIZE = 2**18
_PERMANENT_ERRORS = (400, 401, 403, 404, 410, 451)


def redact_url(url: str) -> str:
    """Return an address without what may be secret in it: user, password, query."""
    parts = urllib.parse.urlsplit(url)
    return urllib.parse.urlunsplit(
        (parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", "")
    )


def download_file(url: str, path: Path, retry_delay: float = 2.0) -> None:
    """Download a file, going on where an earlier attempt stopped. The bytes are for the caller to verify.

    Args:
        url: where it is.
        path: the file to write; it appears only when whole.
        retry_delay: wait before the second attempt [s]; doubled for each further one.

    Raises:
        CorpusError: the server refuses, the connection keeps breaking, or the disk is full; what arrived is kept.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    fault, shown = "", redact_url(url)
    for attempt in range(MAX_ATTEMPTS):
        if attempt:
            log_message(f"{shown}: {fault}; trying again")
            time.sleep(retry_delay * 2 ** (attempt - 1))
        try:
            _try_download(url, part)
            break
        except urllib.error.HTTPError as error:
            fault = f"the server says {error.code} {error.reason}"
            if error.code in _PERMANENT_ERRORS:
                raise CorpusError(
                    f"{shown}: {fault}; fetch it elsewhere and give it with --archive"
                ) from error
        except (urllib.error.URLError, HTTPException, TimeoutError, ConnectionError) as error:
            fault = f"the connection broke ({getattr(error, 'reason', error)})"
        except OSError as error:
            raise CorpusError(f"{part}: cannot be written ({error.strerror})") from error
    else:
        kept = part.stat().st_size if part.exists() else 0
        raise CorpusError(
            f"{shown}: {fault}; {kept:,} bytes are kept, run it again to go on, or give the file with --archive"
        )
    part.replace(path)
    _get_etag_path(part).unlink(missing_ok=True)


def _get_etag_path(part: Path) -> Path:
    return part.with_name(part.name + ".tag")


def _try_download(url: str, part: Path) -> None:
    """Read from the server until the file is whole.

    Raises:
        ConnectionError: the answer ended early, or is of no use for the part that is here.
    """
    have = part.stat().st_size if part.exists() and _get_etag_path(part).exists() else 0
    with _request_range(url, part, have) as answer:
        goes_on = answer.status == 206 and answer.headers.get("Content-Range", "").startswith(
            f"bytes {have}-"
        )
        if have and answer.status == 206 and not goes_on:
            part.unlink()
            raise ConnectionError("the server sent another range")
        start = have if goes_on else 0
        length = answer.headers.get("Content-Length", "")
        total = start + int(length) if length.isdecimal() else None
        with part.open("r+b" if goes_on else "wb") as file:
            # Only now: bytes of an older version must never stand beside the name of the new one.
            _save_etag(answer.headers, part)
            file.seek(start)
            for block in _with_progress(answer, start, total):
                file.write(block)
            file.flush()
            os.fsync(file.fileno())
    if total is not None and part.stat().st_size < total:
        raise ConnectionError(f"{part.stat().st_size:,} of {total:,} bytes came")


def _request_range(url: str, part: Path, offset: int) -> Any:
    """Ask the server for what comes after the first `have` bytes.

    Raises:
        ConnectionError: there is nothing after them.
    """
    request = urllib.request.Request(url)
    if offset:
        request.add_header("Range", f"bytes={offset}-")
        # A server whose file is another one by now answers with the whole of it instead.
        request.add_header("If-Range", _get_etag_path(part).read_text(encoding="latin-1"))
    try:
        return urllib.request.urlopen(request, timeout=TIMEOUT)
    except urllib.error.HTTPError as error:
        if error.code != 416:
            raise
        part.unlink()
        raise ConnectionError("the part was of no use") from error


def _save_etag(headers: Any, part: Path) -> None:
    """Keep what names this version of the file: a strong ETag or the date; without one, nothing can be resumed."""
    tag = headers.get("ETag", "")
    tag = tag if tag.startswith('"') else headers.get("Last-Modified", "")
    if tag:
        _get_etag_path(part).write_text(tag, encoding="latin-1")
    else:
        _get_etag_path(part).unlink(missing_ok=True)


def _with_progress(response: Any, start: int, total: int | None) -> Iterator[bytes]:
    """Pass the blocks of an answer on, under a bar for a person.

    Raises:
        CorpusError: there is more than `LARGEST`.
    """
    columns = (
        TextColumn("downloading"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    out = make_console()
    with Progress(*columns, console=out, disable=not out.is_terminal) as bar:
        task = bar.add_task("", total=total, completed=start)
        done = start
        while block := response.read1(_BLOCK_SIZE):
            done += len(block)
            if done > MAX_DOWNLOAD_BYTES:
                raise CorpusError(
                    f"{redact_url(response.url)}: more than {MAX_DOWNLOAD_BYTES:,} bytes; this is not the archive"
                )
            bar.advance(task, len(block))
            yield block
