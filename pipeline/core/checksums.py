"""The sha256 of every file below a folder, in a file of its own, as `sha256sum --check` reads it."""

import hashlib
from pathlib import Path

from pipeline.core import files
from pipeline.core.errors import DataError

CHECKSUM_FILE = "SHA256SUMS"


def write_checksums(folder: Path) -> None:
    """List the files below a folder; hidden ones, and those of hidden folders, are not of it."""
    members = [path.relative_to(folder) for path in folder.rglob("*") if path.is_file()]
    names = {member.as_posix() for member in members if not _is_hidden(member)}
    listed = sorted(names - {CHECKSUM_FILE})
    files.write_text(
        folder / CHECKSUM_FILE, "".join(f"{hash_file(folder / name)}  {name}\n" for name in listed)
    )


def _is_hidden(member: Path) -> bool:
    return any(part.startswith(".") for part in member.parts)


def hash_file(path: Path, algorithm: str = "sha256") -> str:
    """Return the hash of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, algorithm).hexdigest()


def verify_checksums(folder: Path, hint: str) -> None:
    """Hold that every file below a folder is as it was when the list was written.

    Raises:
        DataError: names the first that is gone or changed, or the list.
    """
    path = folder / CHECKSUM_FILE
    try:
        *lines, rest = path.read_text(encoding="utf-8").split("\n")
        for line in [*lines, *filter(None, [rest])]:
            sha256, _, name = line.partition("  ")
            path = folder / name
            if hash_file(path) != sha256:
                raise DataError(f"{path}: changed since it was written; {hint}")
    except (OSError, ValueError) as error:
        raise files.make_read_error(path, error, f"cannot be read ({error}); {hint}") from error
