"""Archives from outside, read without trust and never unpacked to disk.

Only regular files with plain relative names are read, into memory. The size of each is limited, and is checked against
the one that the archive declares.
"""

import stat
import tarfile
import zipfile
import zlib
from collections.abc import Collection
from pathlib import Path, PurePosixPath
from typing import IO
from unicodedata import category

from pipeline.core.errors import CorpusError

MAX_MEMBER_BYTES = 32 * 2**20
"""Bytes of one file."""
MAX_TAR_BYTES = 512 * 2**20
"""Bytes of a complete tar, unpacked: all that precedes a wanted file must be unpacked too."""
MAX_MEMBERS = 100_000
_MAX_NAME_LENGTH = 400
OpenZip = tuple[zipfile.ZipFile, dict[str, zipfile.ZipInfo]]
"""A zip that is open for reading, and its files by name."""
_ZIP_ERRORS = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    NotImplementedError,
    RuntimeError,
    ValueError,
)


def path_problem(name: str) -> str:
    """Return why a name could lead out of its folder or mislead a person, or an empty text."""
    parts = set(name.split("/"))
    problems = {
        "is empty or very long": not 0 < len(name) <= _MAX_NAME_LENGTH,
        "is absolute": name.startswith("/") or name[1:2] == ":",
        "has a part '', '.' or '..'": bool({"", ".", ".."} & parts),
        "holds a backslash or a control character": "\\" in name or not is_single_line(name),
    }
    return next((problem for problem, applies in problems.items() if applies), "")


def is_single_line(text: str) -> bool:
    """Whether a text is free of control, format and unknown characters, which break a line, a table or a terminal."""
    categories = {category(character) for character in text}
    return not any(name[0] == "C" or name in ("Zl", "Zp") for name in categories)


def open_zip(path: Path | str, file: IO[bytes] | None = None) -> OpenZip:
    """Open a zip and list its files by name.

    Args:
        path: the zip; with `file`, its name in messages.
        file: the zip as an open file that can seek, where it is not on this machine.

    Raises:
        CorpusError: the zip is missing, damaged, or has too many files, a name twice, a link, or a name that could
            lead out of its folder.
    """
    try:
        archive = zipfile.ZipFile(file or path)
    except FileNotFoundError as error:
        raise CorpusError(f"{path}: no such file") from error
    except (OSError, *_ZIP_ERRORS) as error:
        raise CorpusError(
            f"{path}: no zip that can be read ({error}); delete it and fetch it again"
        ) from error
    archive.filename = str(path)
    try:
        return archive, _index_members(path, archive.infolist())
    except CorpusError:
        archive.close()
        raise


def _index_members(path: Path | str, infos: list[zipfile.ZipInfo]) -> dict[str, zipfile.ZipInfo]:
    """List the files of a zip by name; see `open_zip`."""
    if len(infos) > MAX_MEMBERS:
        raise CorpusError(f"{path}: {len(infos):,} files are more than the {MAX_MEMBERS:,} allowed")
    members: dict[str, zipfile.ZipInfo] = {}
    for info in infos:
        if info.is_dir():
            continue
        if problem := _find_member_problem(info, members):
            raise CorpusError(
                f"{path}: the member {info.orig_filename!r} {problem}; do not trust this archive"
            )
        members[info.filename] = info
    return members


def _find_member_problem(info: zipfile.ZipInfo, earlier: Collection[str]) -> str:
    """Return why a member of a zip is refused, or an empty text."""
    if problem := path_problem(info.orig_filename):
        return problem
    if stat.S_IFMT(info.external_attr >> 16) not in (0, stat.S_IFREG):
        return "is a link or device"
    return "is there twice" if info.filename in earlier else ""


def read_member(
    archive: zipfile.ZipFile, info: zipfile.ZipInfo, max_bytes: int = MAX_MEMBER_BYTES
) -> bytes:
    """Read a file of a zip.

    Raises:
        CorpusError: it is larger than `max_bytes` or than declared, damaged or encrypted.
    """
    label = f"{archive.filename}: {info.filename}"
    if info.file_size > max_bytes:
        raise CorpusError(
            f"{label}: {info.file_size:,} bytes are more than the {max_bytes:,} allowed"
        )
    try:
        with archive.open(info) as stream:
            data = stream.read(max_bytes + 1)
    except (OSError, *_ZIP_ERRORS) as error:
        raise CorpusError(f"{label}: cannot be read ({error}); fetch the archive again") from error
    if len(data) != info.file_size:
        raise CorpusError(f"{label}: {len(data):,} bytes come out of {info.file_size:,} declared")
    return data


def read_tar_members(path: Path, folder: str, names: Collection[str]) -> dict[str, bytes]:
    """Read the named files of one folder of a tar.

    Args:
        path: the tar, compressed or not.
        folder: the folder inside it.
        names: the files wanted.

    Raises:
        CorpusError: the tar is damaged or too large; a wanted file is missing, there twice, too large or no regular
            file.
    """
    contents: dict[str, bytes] = {}
    unpacked = 0
    try:
        with tarfile.open(path, "r|*") as archive:
            for count, member in enumerate(archive):
                unpacked += member.size
                if count >= MAX_MEMBERS or unpacked > MAX_TAR_BYTES:
                    raise CorpusError(f"{path}: more files or bytes than any source package has")
                member_path = PurePosixPath(member.name)
                name = member_path.name
                if str(member_path.parent) == folder and name in names:
                    contents[name] = _read_tar_member(path, archive, member, name in contents)
    except (OSError, tarfile.TarError, EOFError, zlib.error) as error:
        raise CorpusError(
            f"{path}: no tar that can be read ({error}); delete it and fetch it again"
        ) from error
    if missing := sorted(set(names) - set(contents)):
        raise CorpusError(
            f"{path}: {folder}/{missing[0]} is not in it (and {len(missing) - 1} more)"
        )
    return contents


def _read_tar_member(
    path: Path, archive: tarfile.TarFile, member: tarfile.TarInfo, is_duplicate: bool
) -> bytes:
    """Read one file of a tar; see `read_tar_members`."""
    stream = archive.extractfile(member) if member.isreg() and not is_duplicate else None
    if stream is None or member.issparse() or member.size > MAX_MEMBER_BYTES:
        raise CorpusError(f"{path}: {member.name} is there twice, too large or no regular file")
    return stream.read(MAX_MEMBER_BYTES)
