"""Files are written whole or not at all: a reader sees the old file or the new one, never half of either.

A zip, such as an npz, can be sealed: its comment is the sha256 of every byte before it, so that any changed bit is seen
before the file is used, also those that the checksums inside a zip do not cover.
"""

import errno
import hashlib
import io
import os
import shutil
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO
from zipfile import ZipFile, ZipInfo

import numpy as np
from numpy.typing import NDArray

from pipeline.core.errors import DataError, DiskError

_DISK_FULL_ERRNOS = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
ANY_WRITE_BIT = 0o222
"""Of a mode: somebody may write."""
_CHECKSUM_LENGTH = 64
"""Hexadecimal digits of a sha256, at the end of a sealed zip."""
_UNIX = 3
"""In a zip, the system that wrote a file; Python names its own unless a number is given."""


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Give a temporary path beside `path`, and move it there when the block ends without an error.

    The bytes and the folder are synced to the disk before the move counts as done; after an error the temporary file
    is gone and `path` is as it was. A file that is replaced leaves its mode to the new one; a link is replaced, and
    what it led to stays, for that may be an object of a cache.

    Raises:
        DiskError: the disk is full, nothing may be written there, or there is something else than a file.
    """
    if reason := _find_write_obstacle(path):
        raise DiskError(
            f"{str(path)!r}: cannot be written: {reason}; give the name of a file that may be"
        )
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        _sync_to_disk(temporary)
        _keep_mode(path, temporary)
        temporary.replace(path)
        _sync_to_disk(path.parent)
    except OSError as error:
        raise make_write_error(path, error) from error
    finally:
        with suppress(
            OSError
        ):  # on a disk that is read only there is nothing to remove, and it must not be tried
            temporary.unlink(missing_ok=True)


@contextmanager
def atomic_folder(path: Path) -> Iterator[Path]:
    """Give a temporary folder beside `path`, and move it there when the block ends without an error.

    The block writes files into it, no folders. What was at `path` is gone only when all files are on the disk; after an
    error the temporary folder is gone and `path` is as it was.

    Raises:
        DiskError: the disk is full, or nothing may be written there.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        temporary.mkdir(parents=True, exist_ok=True)
        yield temporary
        for file in (*temporary.iterdir(), temporary):
            _sync_to_disk(file)
        if path.exists():
            shutil.rmtree(path)
        temporary.replace(path)
        _sync_to_disk(path.parent)
    except OSError as error:
        raise make_write_error(path, error) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _find_write_obstacle(path: Path) -> str:
    """Return why nothing may take the place of a path, or nothing: a device, a pipe, or what its owner protects."""
    if not path.name or path.name == "..":
        return "this is no name of a file"
    try:
        kind = path.stat().st_mode
    except (
        OSError
    ):  # there is nothing, or a folder is in the way of which more is said when it is made
        return ""
    if stat.S_ISDIR(kind):
        return "this is a folder"
    if not stat.S_ISREG(kind):
        return "this is a device, a pipe or a socket"
    return "" if kind & ANY_WRITE_BIT or _is_linked(path) else "it is write-protected"


def _is_linked(path: Path) -> bool:
    """Whether a file has another name: DVC protects the objects of its cache, and may link outputs to them."""
    return path.is_symlink() or path.stat().st_nlink > 1


def _keep_mode(path: Path, temporary: Path) -> None:
    """Give the mode of a file to the one that takes its place; a disk that knows no modes refuses that."""
    if path.is_file() and not _is_linked(path) and path.stat().st_mode != temporary.stat().st_mode:
        with suppress(OSError):
            temporary.chmod(stat.S_IMODE(path.stat().st_mode))


def make_write_error(path: Path, error: OSError) -> DiskError:
    """Return the error of a file that cannot be written, with the remedy."""
    why = os.strerror(error.errno) if error.errno else str(error)
    remedy = (
        "free space on that disk"
        if error.errno in _DISK_FULL_ERRNOS
        else "make that place writable"
    )
    return DiskError(
        f"{path}: cannot be written ({why}); what was there is as it was; {remedy} and run again"
    )


def make_read_error(path: Path, error: Exception, problem: str) -> DataError:
    """Return the error of a file that is there, but not for this user, or of what else is wrong with it."""
    if isinstance(error, PermissionError):
        return DataError(f"{path}: may not be read; give yourself the permission (chmod u+r)")
    return DataError(f"{path}: {problem}")


def _sync_to_disk(path: Path) -> None:
    """Flush a file or folder to the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_bytes(path: Path, data: bytes) -> None:
    """Write a file whole."""
    with atomic_path(path) as temporary:
        temporary.write_bytes(data)


def write_text(path: Path, text: str) -> None:
    """Write a UTF-8 file whole; lines end in a newline on every system."""
    write_bytes(path, text.encode("utf-8"))


def encode_npz(arrays: Mapping[str, NDArray[Any]]) -> bytes:
    """Return arrays as an npz archive, in order of name; equal arrays give equal bytes with every Python and system.

    Not by `numpy.savez`, since it asks for the header of a file of unknown size, which Python 3.11.4 changed.
    """
    buffer = io.BytesIO()
    with ZipFile(buffer, "w") as archive:
        for name in sorted(arrays):
            entry = ZipInfo(f"{name}.npy")
            entry.create_system = _UNIX
            archive.writestr(entry, _encode_npy(arrays[name]))
    return buffer.getvalue()


def _encode_npy(array: NDArray[Any]) -> bytes:
    buffer = io.BytesIO()
    np.lib.format.write_array(buffer, array, allow_pickle=False)
    return buffer.getvalue()


def append_zip_checksum(path: Path) -> None:
    """Add to a zip without a comment its sha256, as its comment."""
    with path.open("r+b") as file:
        file.seek(-2, os.SEEK_END)
        file.write(_CHECKSUM_LENGTH.to_bytes(2, "little"))
        file.seek(0)
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        file.seek(0, os.SEEK_END)
        file.write(digest.encode())


def has_valid_checksum(file: BinaryIO) -> bool:
    """Whether every bit of a sealed zip is as it was when it was sealed; leaves the file at its begin."""
    num_unread = max(0, file.seek(0, os.SEEK_END) - _CHECKSUM_LENGTH)
    file.seek(0)
    digest = hashlib.sha256()
    while block := file.read(min(num_unread, 2**20)):
        digest.update(block)
        num_unread -= len(block)
    is_valid = file.read() == digest.hexdigest().encode()
    file.seek(0)
    return is_valid
