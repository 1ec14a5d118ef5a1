"""Results of finished batches on disk, so that long work that was stopped goes on where it was.

One file per batch, named by all that decides its result: 32 bytes of sha256, then the results. A file that is torn, or
that another key made, counts as absent. The results are pickled, as they are between processes: the folder belongs to
whoever may run this program, and is to be no more public than the program.
"""

import hashlib
import os
import pickle
import shutil
from contextlib import suppress
from pathlib import Path
from typing import Any

from pipeline.core.files import make_write_error

_DIGEST_BYTES = 32


def encode_results(results: list[Any]) -> bytes:
    """Return results as one file of a store."""
    data = pickle.dumps(results, pickle.HIGHEST_PROTOCOL)
    return hashlib.sha256(data).digest() + data


def decode_results(encoded: bytes) -> list[Any] | None:
    """Return the results of `encode_results`, or nothing where a bit is missing or changed."""
    digest, data = encoded[:_DIGEST_BYTES], memoryview(encoded)[_DIGEST_BYTES:]
    if hashlib.sha256(data).digest() != digest:
        return None
    results: list[Any] = pickle.loads(data)
    return results


class BatchStore:
    """A folder of finished batches of one kind of work."""

    def __init__(self, folder: Path, key: str) -> None:
        """Open the store, and remove what work with another key left there.

        Args:
            folder: of all stores of the same work, such as one corpus.
            key: hash of the settings and the code; batches of another key are never used.
        """
        self._parent = folder
        self._folder = folder / key
        if folder.is_dir():
            for other in folder.iterdir():
                if other != self._folder:
                    shutil.rmtree(other, ignore_errors=True)

    def load(self, batch_key: str) -> list[Any] | None:
        """Return the results of a batch, or nothing where it is not finished."""
        try:
            return decode_results((self._folder / batch_key).read_bytes())
        except OSError:
            return None

    def save(self, batch_key: str, encoded: bytes) -> None:
        """Keep the results of a batch, whole or not at all.

        Raises:
            DiskError: the disk is full, or nothing may be written there.
        """
        path = self._folder / batch_key
        # Not synced to the disk: a file that a power cut tears is seen by its hash, and is read again.
        temporary = path.with_name(f".{batch_key}.{os.getpid()}.part")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            temporary.write_bytes(encoded)
            temporary.replace(path)
        except OSError as error:
            with suppress(OSError):
                temporary.unlink()
            raise make_write_error(path, error) from error
