"""A corpus in its normal form: one zip, whatever it came from.

    pieces.csv       member, composition, split, sha256; sorted by member
    midi/<member>    the MIDI files, unchanged

Equal corpora give equal bytes, on every machine. The zip is sealed (`files.seal`): a changed bit is seen on opening.
"""

import csv
import hashlib
import io
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import astuple, dataclass, fields
from pathlib import Path

from pipeline.core import files
from pipeline.core.errors import CorpusError, DataError
from pipeline.corpus import archives

TABLE = "pieces.csv"
FOLDER = "midi/"


@dataclass(frozen=True, order=True)
class Piece:
    """One MIDI file of a corpus."""

    member: str
    """Path below `midi/`."""
    composition: str
    split: str
    sha256: str


COLUMNS = tuple(field.name for field in fields(Piece))


def unnamed(sha256: str) -> str:
    """Return the composition of a piece of which nothing is known but its bytes."""
    return f"unknown {sha256[:16]}"


def verify(data: bytes, sha256: str, place: str, remedy: str) -> bytes:
    """Return the bytes of a file if they are the right ones.

    Raises:
        CorpusError: they are others.
    """
    same(hashlib.sha256(data).hexdigest(), sha256, place, remedy)
    return data


def same(found: str, sha256: str, place: str, remedy: str) -> None:
    """Hold the sha256 of a file against the right one.

    Raises:
        CorpusError: they differ.
    """
    if found != sha256:
        raise CorpusError(f"{place}: sha256 is {found[:16]}…, not {sha256[:16]}…; {remedy}")


def write(path: Path, pieces: Sequence[Piece], contents: Iterable[bytes]) -> None:
    """Write a corpus whole or not at all.

    Args:
        path: the zip.
        pieces: all pieces, sorted.
        contents: the bytes of each, in the same order; read one by one.

    Raises:
        CorpusError: a member has a name that could leave its place, two have one, or a composition is more than a line.
    """
    for piece in pieces:
        if not archives.one_line(piece.composition):
            raise CorpusError(f"the composition {piece.composition!r} of {piece.member!r} holds a control character")
    table = io.StringIO()
    rows = csv.writer(table, lineterminator="\n")
    rows.writerow(COLUMNS)
    rows.writerows(astuple(piece) for piece in pieces)
    with files.replacing(path) as temporary:
        with zipfile.ZipFile(temporary, "w") as archive:
            _add(archive, TABLE, table.getvalue().encode("utf-8"))
            for piece, data in zip(_in_order(pieces), contents, strict=True):
                _add(archive, FOLDER + piece.member, data)
        files.seal(temporary)


def _in_order(pieces: Sequence[Piece]) -> Iterator[Piece]:
    """Pass pieces on while their names are safe and in order; see `write`."""
    before = ""
    for piece in pieces:
        fault = archives.unsafe(piece.member) or ("is not in order, or there twice" if piece.member <= before else "")
        if fault:
            raise CorpusError(f"the name {piece.member!r} {fault}; rename the file")
        yield piece
        before = piece.member


def _add(archive: zipfile.ZipFile, name: str, data: bytes) -> None:
    """Add one file. Stored, not deflated: versions of zlib differ, and the bytes of a corpus must not."""
    info = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
    info.create_system = 3
    info.external_attr = 0o644 << 16
    archive.writestr(info, data, zipfile.ZIP_STORED)


class Corpus:
    """A corpus that is open for reading; members are read one by one, into memory."""

    def __init__(self, path: Path) -> None:
        """Open a corpus and read its table.

        Raises:
            DataError: the zip is missing, torn, or not a corpus in normal form.
        """
        try:
            self._archive, self._members = archives.opened(path)
            with path.open("rb") as file:
                if not files.intact(file):
                    raise CorpusError("torn, or changed since it was written")
            self.pieces = _pieces(archives.read(self._archive, self._members[TABLE]))
        except (CorpusError, OSError, KeyError, ValueError, TypeError) as error:
            raise DataError(f"{path}: no corpus here ({error}); run 'dvc repro fetch'") from error
        if [FOLDER + piece.member for piece in self.pieces] != sorted(set(self._members) - {TABLE}):
            raise DataError(f"{path}: its table and its files do not match; run 'dvc repro fetch'")

    def read(self, piece: Piece) -> bytes:
        """Return the bytes of a piece.

        Raises:
            DataError: they are not the bytes that were fetched.
        """
        try:
            data = archives.read(self._archive, self._members[FOLDER + piece.member])
            return verify(data, piece.sha256, piece.member, "the corpus is damaged")
        except CorpusError as error:
            raise DataError(f"{error}; run 'dvc repro fetch'") from error


def _pieces(table: bytes) -> list[Piece]:
    """Read the table of pieces."""
    return [Piece(**row) for row in csv.DictReader(io.StringIO(table.decode("utf-8"), newline=""))]
