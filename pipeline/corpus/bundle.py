"""A corpus in its normal form: one zip, from any kind of source.

    pieces.csv       member, composition, split, sha256; sorted by member
    midi/<member>    the MIDI files, unchanged
    left_out.json    what of the source is not in it, and why; only where something is not
    source.json      where the MIDI files are, if they are not in the zip

Equal corpora give equal bytes, on every machine. The zip has a checksum (`files.append_zip_checksum`), verified
when it is opened.
"""

import csv
import hashlib
import io
import json
import sys
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import astuple, dataclass, fields
from pathlib import Path

from pydantic import TypeAdapter

from pipeline.core import files
from pipeline.core.errors import CorpusError, DataError
from pipeline.corpus import archives
from pipeline.corpus.manifest import LeftOut

INDEX = "pieces.csv"
MIDI_DIR = "midi/"
LEFT_OUT = "left_out.json"
SOURCE = "source.json"
MAX_INDEX_BYTES = 2**30
"""Bytes of the table of pieces: about 100 a piece."""
_LEFT_OUT_LIST = TypeAdapter(list[LeftOut])


@dataclass(frozen=True, order=True, slots=True)
class CorpusPiece:
    """One MIDI file of a corpus."""

    member: str
    """Path below `midi/`."""
    composition: str
    split: str
    sha256: str


INDEX_COLUMNS = tuple(field.name for field in fields(CorpusPiece))


def unknown_composition(sha256: str) -> str:
    """Return a name for the composition of a piece of which only the bytes are known."""
    return f"unknown {sha256[:16]}"


def verify_bytes(data: bytes, sha256: str, label: str, hint: str) -> bytes:
    """Return the bytes of a file if they are the right ones.

    Raises:
        CorpusError: they have another sha256.
    """
    verify_hash(hashlib.sha256(data).hexdigest(), sha256, label, hint)
    return data


def verify_hash(actual: str, expected: str, label: str, hint: str) -> None:
    """Check the sha256 of a file.

    Raises:
        CorpusError: they differ.
    """
    if actual != expected:
        raise CorpusError(f"{label}: sha256 is {actual[:16]}…, not {expected[:16]}…; {hint}")


def write_bundle(
    path: Path,
    pieces: Sequence[CorpusPiece],
    contents: Iterable[bytes],
    left_out: Sequence[LeftOut] = (),
) -> None:
    """Write a corpus, completely or not at all.

    Args:
        path: the zip.
        pieces: all pieces, sorted.
        contents: the bytes of each, in the same order; read one by one.
        left_out: what of the source is not in the corpus.

    Raises:
        CorpusError: a member has a name that could lead out of its folder, two have the same name, or a composition is
            longer than one line.
    """
    with _open_bundle(path, pieces) as archive:
        if left_out:
            _add_file(archive, LEFT_OUT, _LEFT_OUT_LIST.dump_json(list(left_out)))
        for piece, data in zip(_check_order(pieces), contents, strict=True):
            _add_file(archive, MIDI_DIR + piece.member, data)


def write_remote_bundle(path: Path, pieces: Sequence[CorpusPiece], url: str) -> None:
    """Write a corpus whose files stay where they are, completely or not at all.

    Args:
        path: the zip.
        pieces: all pieces, sorted.
        url: of the folder or zip of the files.

    Raises:
        CorpusError: as `write_bundle`.
    """
    with _open_bundle(path, pieces) as archive:
        _add_file(archive, SOURCE, json.dumps({"url": url}).encode())
        for _ in _check_order(pieces):
            pass


@contextmanager
def _open_bundle(path: Path, pieces: Sequence[CorpusPiece]) -> Iterator[zipfile.ZipFile]:
    """Give a new zip that has the table of pieces; it is at `path` when the block has ended without an error."""
    for piece in pieces:
        if not archives.is_single_line(piece.composition):
            raise CorpusError(
                f"the composition {piece.composition!r} of {piece.member!r} holds a control character"
            )
    table = io.StringIO()
    rows = csv.writer(table, lineterminator="\n")
    rows.writerow(INDEX_COLUMNS)
    rows.writerows(astuple(piece) for piece in pieces)
    with files.atomic_path(path) as temporary:
        with zipfile.ZipFile(temporary, "w") as archive:
            _add_file(archive, INDEX, table.getvalue().encode("utf-8"))
            yield archive
        files.append_zip_checksum(temporary)


def _check_order(pieces: Sequence[CorpusPiece]) -> Iterator[CorpusPiece]:
    """Yield the pieces and check that their names are safe and in order; see `write_bundle`."""
    previous = ""
    for piece in pieces:
        problem = archives.path_problem(piece.member)
        if not problem and piece.member <= previous:
            problem = "is not in order, or there twice"
        if problem:
            raise CorpusError(f"the name {piece.member!r} {problem}; rename the file")
        yield piece
        previous = piece.member


def _add_file(archive: zipfile.ZipFile, name: str, data: bytes) -> None:
    """Add one file. Stored, not deflated: versions of zlib differ, and the bytes of a corpus must not."""
    info = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
    info.create_system = 3
    info.external_attr = 0o644 << 16
    archive.writestr(info, data, zipfile.ZIP_STORED)


class CorpusBundle:
    """A corpus that is open for reading; its files are read one by one, into memory, unless they are at a URL."""

    def __init__(self, path: Path, is_verified: bool = False) -> None:
        """Open a corpus and read its table.

        Args:
            path: the zip.
            is_verified: whether the checksum of the zip is known to be right, as in a worker; each file has its own.

        Raises:
            DataError: the zip is missing, incomplete, or not a corpus in normal form.
        """
        try:
            self._archive, self._members = archives.open_zip(path)
            if not is_verified:
                _verify_zip(path)
            index = self._members[INDEX]
            self.pieces = _parse_index(archives.read_member(self._archive, index, MAX_INDEX_BYTES))
            self.left_out = self._read_left_out()
            self.url = self._read_url()
            """Of the folder or zip that has the files; empty where they are here."""
        except (CorpusError, OSError, KeyError, ValueError, TypeError) as error:
            raise DataError(f"{path}: no corpus here ({error}); run 'dvc repro fetch'") from error
        midi_files = sorted(set(self._members) - {INDEX, LEFT_OUT, SOURCE})
        if self.url:
            return
        if [MIDI_DIR + piece.member for piece in self.pieces] != midi_files:
            raise DataError(f"{path}: its table and its files do not match; run 'dvc repro fetch'")

    def _read_url(self) -> str:
        """Return where the files of a corpus are that are not in its zip, or an empty text."""
        if SOURCE not in self._members:
            return ""
        source = json.loads(archives.read_member(self._archive, self._members[SOURCE]))
        return str(source["url"])

    def _read_left_out(self) -> list[LeftOut]:
        """Return what of the source is not in the corpus."""
        if LEFT_OUT not in self._members:
            return []
        data = archives.read_member(self._archive, self._members[LEFT_OUT])
        return _LEFT_OUT_LIST.validate_json(data)

    def read_piece(self, piece: CorpusPiece) -> bytes:
        """Return the bytes of a piece.

        Raises:
            DataError: they are not the bytes that were fetched.
        """
        try:
            data = archives.read_member(self._archive, self._members[MIDI_DIR + piece.member])
            return verify_bytes(data, piece.sha256, piece.member, "the corpus is damaged")
        except CorpusError as error:
            raise DataError(f"{error}; run 'dvc repro fetch'") from error


def _verify_zip(path: Path) -> None:
    """Refuse a zip whose bytes are not those that were written."""
    with path.open("rb") as file:
        if not files.has_valid_checksum(file):
            raise CorpusError("torn, or changed since it was written")


def _parse_index(data: bytes) -> list[CorpusPiece]:
    """Read the table of pieces; equal splits are one text in memory."""
    text = io.TextIOWrapper(io.BytesIO(data), "utf-8", newline="")
    pieces = []
    for row in csv.DictReader(text):
        row["split"] = sys.intern(row["split"])
        pieces.append(CorpusPiece(**row))
    return pieces
