"""Which files of a folder are MIDI files, and what else is in it."""

import hashlib
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from pipeline.core.errors import CorpusError, sanitize_line
from pipeline.core.paths import MIDI_SUFFIXES
from pipeline.corpus import archives
from pipeline.corpus.manifest import LeftOut

ARCHIVE_SUFFIXES = (".zip", ".gz", ".tar", ".tgz", ".7z", ".rar")
MAX_REASONS = 20
"""Reasons in a manifest; the files of the others are counted together."""


@dataclass
class FolderScan:
    """The files of a folder."""

    members: list[str] = field(default_factory=list)
    """Paths of the MIDI files below the folder, sorted."""
    names_by_reason: dict[str, list[str]] = field(default_factory=dict)
    """Why files are left out, and their paths."""
    problems: list[str] = field(default_factory=list)
    """Which MIDI files and folders cannot be read and why, one line each."""

    def leave_out(self, name: str, reason: str) -> None:
        """Leave a file out."""
        self.names_by_reason.setdefault(reason, []).append(name)

    def summarize_left_out(self) -> list[LeftOut]:
        """Return how many files are left out for each reason, the most frequent first."""
        by_count = sorted(self.names_by_reason.items(), key=lambda item: (-len(item[1]), item[0]))
        rows = [
            LeftOut(reason=reason, files=len(names), example=_make_printable(min(names)))
            for reason, names in by_count[:MAX_REASONS]
        ]
        if rest := [name for _, names in by_count[MAX_REASONS:] for name in names]:
            example = _make_printable(min(rest))
            rows.append(LeftOut(reason="files of other endings", files=len(rest), example=example))
        return rows


def _make_printable(name: str) -> str:
    """Return a name that can be written to a manifest and shown in a line."""
    return sanitize_line(name.encode("utf-8", "backslashreplace").decode())


def scan_folder(root: Path) -> FolderScan:
    """List the files below a folder.

    Raises:
        CorpusError: there is no such folder.
    """
    if not root.is_dir():
        raise CorpusError(f"{root}: no such folder")
    scan = FolderScan()

    def add_unreadable(error: OSError) -> None:
        """Name a folder that cannot be read, such as lost+found at the top of a disk."""
        scan.problems.append(f"{error.filename!a} cannot be read ({error.strerror})")
        scan.leave_out(os.path.relpath(error.filename, root), "folder that cannot be read")

    for parent, folders, names in os.walk(root, onerror=add_unreadable):
        hidden = [name for name in folders if name.startswith(".")]
        links = [name for name in folders if Path(parent, name).is_symlink()]
        for name in {*hidden, *links}:
            reason = "hidden folder" if name in hidden else "link to a folder"
            scan.leave_out(_get_member(root, parent, name), reason)
        folders[:] = sorted(set(folders) - {*hidden, *links})
        for name in names:
            _add_file(scan, root, _get_member(root, parent, name))
    scan.members.sort()
    return scan


def _get_member(root: Path, parent: str, name: str) -> str:
    return Path(parent, name).relative_to(root).as_posix()


def _add_file(scan: FolderScan, root: Path, member: str) -> None:
    """Add a file to those taken or left out."""
    path = root / member
    if path.name.startswith("."):
        scan.leave_out(member, "hidden file")
    elif not path.name.lower().endswith(MIDI_SUFFIXES):
        scan.leave_out(member, _describe_suffix(path.suffix.lower()))
    elif problem := archives.path_problem(member) or find_file_problem(path):
        scan.problems.append(f"{member!a} {problem}")
        scan.leave_out(member, f"MIDI file that {_drop_digits(problem)}")
    else:
        scan.members.append(member)


def _describe_suffix(suffix: str) -> str:
    """Return why files of an ending are left out, and what to do about archives."""
    printable = _make_printable(suffix)
    if suffix in ARCHIVE_SUFFIXES:
        return f"{printable} file: unzip it first"
    return f"{printable} file" if suffix else "file without an ending"


def _drop_digits(problem: str) -> str:
    """Return a problem without the size of the one file, so that equal problems are counted together."""
    return "is too large" if "bytes" in problem else problem


def find_file_problem(path: Path) -> str:
    """Return why a file is not read, or an empty text. Links are refused: they may lead elsewhere or in a loop."""
    info = path.lstat()
    if not stat.S_ISREG(info.st_mode):
        return "is a link, pipe or device, not a file"
    if info.st_size > archives.MAX_MEMBER_BYTES:
        return f"has {info.st_size:,} bytes, more than the {archives.MAX_MEMBER_BYTES:,} allowed"
    return ""


def hash_files(root: Path, members: list[str]) -> Iterator[tuple[str, str]]:
    """Yield each file below a folder and its sha256.

    Raises:
        CorpusError: names a file that cannot be read.
    """
    for member in members:
        path = root / member
        try:
            yield member, hashlib.sha256(path.read_bytes()).hexdigest()
        except OSError as error:
            raise CorpusError(f"{path}: cannot be read ({error.strerror})") from error
