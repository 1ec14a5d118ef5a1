"""Archives from elsewhere, read without trust and never unpacked to disk.

Only regular files with plain relative names are read, into memory, each up to a size that is checked against what the
archive declares and against what really comes out.
"""

import stat
import tarfile
import zipfile
import zlib
from collections.abc import Collection
from pathlib import Path, PurePosixPath
from unicodedata import category

from pipeline.core.errors import CorpusError

MAX_MEMBER_BYTES = 32 * 2**20
"""Bytes of one file."""
MAX_TAR_BYTES = 512 * 2**20
"""Bytes of a whole tar, unpacked: what lies before a wanted file must be unpacked too."""
MAX_MEMBERS = 100_000
_MAX_NAME_LENGTH = 400
_ZIP_ERRORS = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    NotImplementedError,
    RuntimeError,
    ValueError,
)


def path_problem(name: str) -> str:
    """Return why a name could leave its place or mislead a person, or nothing."""
    parts = name.split("/")
    faults = {
        "is empty or very long": not 0 < len(name) <= _MAX_NAME_LENGTH,
        "is absolute": name.startswith("/") or name[1:2] == ":",
        "has a part '', '.' or '..'": bool({"", ".", ".."} & set(parts)),
        "holds a backslash or a control character": "\\" in name or not is_single_line(name),
    }
    return next((fault for fault, found in faults.items() if found), "")


def is_single_line(text: str) -> bool:
    """Whether a text is free of what breaks a line, a table or a terminal: control, format and unknown characters."""
    return not any(category(sign)[0] == "C" or category(sign) in ("Zl", "Zp") for sign in text)


def open_zip(path: Path) -> tuple[zipfile.ZipFile, dict[str, zipfile.ZipInfo]]:
    """Open a zip and list its files by name.

    Raises:
        CorpusError: the zip is missing, broken or holds more files than any corpus, a name twice, a link, or a name
            that could leave its place.
    """
    try:
        archive = zipfile.ZipFile(path)
    except FileNotFoundError as error:
        raise CorpusError(f"{path}: no such file") from error
    except (OSError, *_ZIP_ERRORS) as error:
        raise CorpusError(
            f"{path}: no zip that can be read ({error}); delete it and fetch it again"
        ) from error
    try:
        return archive, _index_members(path, archive.infolist())
    except CorpusError:
        archive.close()
        raise


def _index_members(path: Path, infos: list[zipfile.ZipInfo]) -> dict[str, zipfile.ZipInfo]:
    """List the files of a zip by name; see `opened`."""
    if len(infos) > MAX_MEMBERS:
        raise CorpusError(f"{path}: {len(infos):,} files are more than the {MAX_MEMBERS:,} allowed")
    found: dict[str, zipfile.ZipInfo] = {}
    for info in infos:
        if info.is_dir():
            continue
        kind = stat.S_IFMT(info.external_attr >> 16)
        fault = path_problem(info.orig_filename) or (
            "is a link or device" if kind not in (0, stat.S_IFREG) else ""
        )
        fault = fault or ("is there twice" if info.filename in found else "")
        if fault:
            raise CorpusError(
                f"{path}: the member {info.orig_filename!r} {fault}; do not trust this archive"
            )
        found[info.filename] = info
    return found


def read_member(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> bytes:
    """Read a file of a zip.

    Raises:
        CorpusError: it is larger than `LARGEST_MEMBER` or than declared, damaged or encrypted.
    """
    where = f"{archive.filename}: {info.filename}"
    if info.file_size > MAX_MEMBER_BYTES:
        raise CorpusError(
            f"{where}: {info.file_size:,} bytes are more than the {MAX_MEMBER_BYTES:,} allowed"
        )
    try:
        with archive.open(info) as stream:
            data = stream.read(MAX_MEMBER_BYTES + 1)
    except (OSError, *_ZIP_ERRORS) as error:
        raise CorpusError(f"{where}: cannot be read ({error}); fetch the archive again") from error
    if len(data) != info.file_size:
        raise CorpusError(f"{where}: {len(data):,} bytes come out of {info.file_size:,} declared")
    return data


def read_tar_members(path: Path, folder: str, names: Collection[str]) -> dict[str, bytes]:
    """Read the named files of one folder of a tar.

    Args:
        path: the tar, compressed or not.
        folder: the folder inside it.
        names: the files wanted.

    Raises:
        CorpusError: the tar is broken or too large; a wanted file is missing, there twice, too large or no regular
            file.
    """
    found: dict[str, bytes] = {}
    unpacked = 0
    try:
        with tarfile.open(path, "r|*") as archive:
            for count, member in enumerate(archive):
                unpacked += member.size
                if count >= MAX_MEMBERS or unpacked > MAX_TAR_BYTES:
                    raise CorpusError(f"{path}: more files or bytes than any source package has")
                where, name = PurePosixPath(member.name).parent, PurePosixPath(member.name).name
                if str(where) == folder and name in names:
                    found[name] = _read_tar_member(path, archive, member, name in found)
    except (OSError, tarfile.TarError, EOFError, zlib.error) as error:
        raise CorpusError(
            f"{path}: no tar that can be read ({error}); delete it and fetch it again"
        ) from error
    if missing := sorted(set(names) - set(found)):
        raise CorpusError(
            f"{path}: {folder}/{missing[0]} is not in it (and {len(missing) - 1} more)"
        )
    return found


def _read_tar_member(
    path: Path, archive: tarfile.TarFile, member: tarfile.TarInfo, is_duplicate: bool
) -> bytes:
    """Read one file of a tar; see `tar_members`."""
    stream = archive.extractfile(member) if member.isreg() and not is_duplicate else None
    if stream is None or member.issparse() or member.size > MAX_MEMBER_BYTES:
        raise CorpusError(f"{path}: {member.name} is there twice, too large or no regular file")
    return stream.read(MAX_MEMBER_BYTES)
