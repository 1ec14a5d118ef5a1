"""Files are written whole or not at all: a reader sees the old file or the new one, never half of either."""

import io
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a temporary path beside `path`, and move it there when the block ends without an error.

    The bytes and the folder are synced to the disk before the move counts as done; after an error the temporary file
    is gone and `path` is as it was.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        yield temporary
        _sync(temporary)
        temporary.replace(path)
        _sync(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


def _sync(path: Path) -> None:
    """Flush a file or folder to the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_bytes(path: Path, data: bytes) -> None:
    """Write a file whole."""
    with replacing(path) as temporary:
        temporary.write_bytes(data)


def write_text(path: Path, text: str) -> None:
    """Write a UTF-8 file whole; lines end in a newline on every system."""
    write_bytes(path, text.encode("utf-8"))


def npz(arrays: Mapping[str, NDArray[Any]]) -> bytes:
    """Return arrays as an npz archive, in order of name; equal arrays give equal bytes."""
    buffer = io.BytesIO()
    ordered: dict[str, Any] = {name: arrays[name] for name in sorted(arrays)}
    np.savez(buffer, **ordered)
    return buffer.getvalue()
