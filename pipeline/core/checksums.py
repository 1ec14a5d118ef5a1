"""The sha256 of every file of a folder, in a file of its own, as `sha256sum --check` reads it."""

import hashlib
from pathlib import Path

from pipeline.core import files
from pipeline.core.errors import DataError

FILE = "SHA256SUMS"


def write(folder: Path) -> None:
    """List the files of a folder; hidden ones are not of it."""
    listed = sorted(
        path.name for path in folder.iterdir() if path.is_file() and path.name[0] != "." and path.name != FILE
    )
    files.write_text(folder / FILE, "".join(f"{of(folder / name)}  {name}\n" for name in listed))


def of(path: Path, kind: str = "sha256") -> str:
    """Return the hash of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, kind).hexdigest()


def check(folder: Path, remedy: str) -> None:
    """Hold that every file of a folder is as it was when the list was written.

    Raises:
        DataError: names the first that is gone or changed, or the list.
    """
    path = folder / FILE
    try:
        *lines, rest = path.read_text(encoding="utf-8").split("\n")
        for line in [*lines, *filter(None, [rest])]:
            sha256, _, name = line.partition("  ")
            path = folder / name
            if of(path) != sha256:
                raise DataError(f"{path}: changed since it was written; {remedy}")
    except (OSError, ValueError) as error:
        raise files.unreadable(path, error, f"cannot be read ({error}); {remedy}") from error
