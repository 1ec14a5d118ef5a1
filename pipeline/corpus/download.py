"""Downloads of large files over https, resumed after a connection broke.

The bytes so far are in `<name>.part`, and the ETag or date of that version of the file in `<name>.part.tag`; only the
same version is resumed.
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
TIMEOUT = 30.0
"""Seconds without a byte before a connection counts as broken."""
MAX_ATTEMPTS = 4
_BLOCK_SIZE = 2**18
_PERMANENT_ERRORS = (400, 401, 403, 404, 410, 451)


def redact_url(url: str) -> str:
    """Return a URL without its parts that may be secret: user, password, query."""
    parts = urllib.parse.urlsplit(url)
    return urllib.parse.urlunsplit(
        (parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", "")
    )


def download_file(url: str, path: Path, retry_delay: float = 2.0) -> None:
    """Download a file and resume an earlier attempt. The caller must verify the bytes.

    Args:
        url: URL of the file.
        path: the file to write; it exists only once it is complete.
        retry_delay: delay before the second attempt [s]; doubled for each further one.

    Raises:
        CorpusError: the server refuses, the connection keeps breaking, or the disk is full; the bytes so far are kept.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    problem, public_url = "", redact_url(url)
    for attempt in range(MAX_ATTEMPTS):
        if attempt:
            log_message(f"{public_url}: {problem}; trying again")
            time.sleep(retry_delay * 2 ** (attempt - 1))
        try:
            _try_download(url, part)
            break
        except urllib.error.HTTPError as error:
            problem = f"the server says {error.code} {error.reason}"
            if error.code in _PERMANENT_ERRORS:
                raise CorpusError(
                    f"{public_url}: {problem}; fetch it elsewhere and give it with --archive"
                ) from error
        except (urllib.error.URLError, HTTPException, TimeoutError, ConnectionError) as error:
            problem = f"the connection broke ({getattr(error, 'reason', error)})"
        except OSError as error:
            raise CorpusError(f"{part}: cannot be written ({error.strerror})") from error
    else:
        num_kept = part.stat().st_size if part.exists() else 0
        raise CorpusError(
            f"{public_url}: {problem}; {num_kept:,} bytes are kept; "
            "run it again to resume, or give the file with --archive"
        )
    part.replace(path)
    _get_etag_path(part).unlink(missing_ok=True)


def _get_etag_path(part: Path) -> Path:
    return part.with_name(part.name + ".tag")


def _try_download(url: str, part: Path) -> None:
    """Read from the server until the file is complete.

    Raises:
        ConnectionError: the response ended early, or does not continue the bytes so far.
    """
    is_resumable = part.exists() and _get_etag_path(part).exists()
    offset = part.stat().st_size if is_resumable else 0
    with _request_range(url, part, offset) as response:
        is_partial = response.status == 206
        content_range = response.headers.get("Content-Range", "")
        resumes = is_partial and content_range.startswith(f"bytes {offset}-")
        if offset and is_partial and not resumes:
            part.unlink()
            raise ConnectionError("the server sent another range")
        start = offset if resumes else 0
        length = response.headers.get("Content-Length", "")
        total = start + int(length) if length.isdecimal() else None
        with part.open("r+b" if resumes else "wb") as file:
            # Not before the file is open, which empties it: the tag must never be beside bytes of another version.
            _save_etag(response.headers, part)
            file.seek(start)
            for block in _with_progress(response, start, total):
                file.write(block)
            file.flush()
            os.fsync(file.fileno())
    if total is not None and part.stat().st_size < total:
        raise ConnectionError(f"{part.stat().st_size:,} of {total:,} bytes came")


def _request_range(url: str, part: Path, offset: int) -> Any:
    """Request the bytes of a file from an offset on.

    Raises:
        ConnectionError: the server has no bytes after the offset.
    """
    request = urllib.request.Request(url)
    if offset:
        request.add_header("Range", f"bytes={offset}-")
        # If the file has changed since, the server sends all of it instead.
        request.add_header("If-Range", _get_etag_path(part).read_text(encoding="latin-1"))
    try:
        return urllib.request.urlopen(request, timeout=TIMEOUT)
    except urllib.error.HTTPError as error:
        if error.code != 416:
            raise
        part.unlink()
        raise ConnectionError("the bytes so far do not fit the file") from error


def _save_etag(headers: Any, part: Path) -> None:
    """Save the strong ETag or the date of this version of the file; without one, nothing can be resumed."""
    tag = headers.get("ETag", "")
    tag = tag if tag.startswith('"') else headers.get("Last-Modified", "")
    if tag:
        _get_etag_path(part).write_text(tag, encoding="latin-1")
    else:
        _get_etag_path(part).unlink(missing_ok=True)


def _with_progress(response: Any, start: int, total: int | None) -> Iterator[bytes]:
    """Yield the blocks of a response, and show a progress bar in a terminal.

    Raises:
        CorpusError: there are more than `MAX_DOWNLOAD_BYTES`.
    """
    columns = (
        TextColumn("downloading"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    console = make_console()
    with Progress(*columns, console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task("", total=total, completed=start)
        num_bytes = start
        while block := response.read1(_BLOCK_SIZE):
            num_bytes += len(block)
            if num_bytes > MAX_DOWNLOAD_BYTES:
                raise CorpusError(
                    f"{redact_url(response.url)}: more than {MAX_DOWNLOAD_BYTES:,} bytes; this is not the archive"
                )
            bar.advance(task, len(block))
            yield block
