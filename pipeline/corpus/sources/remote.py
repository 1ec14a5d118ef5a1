"""A corpus whose files stay where they are: in an object store, on another machine, or in a zip there.

The manifest has a table of all files with their sha256. Only that table is fetched; whoever reads a file verifies it.
"""

import csv
from functools import partial
from pathlib import Path

from pipeline.core.errors import CorpusError, DataError
from pipeline.corpus import archives, splits
from pipeline.corpus.bundle import INDEX_COLUMNS, CorpusPiece, verify_bytes
from pipeline.corpus.manifest import RemoteManifest, read_table
from pipeline.corpus.remote_files import RemoteFiles
from pipeline.corpus.sources import PieceSource


def read_index(manifest: RemoteManifest, manifest_path: Path) -> list[CorpusPiece]:
    """Return the pieces of a corpus, sorted, from the table beside its manifest.

    Raises:
        CorpusError: the table is missing or not the one of the manifest, has other columns, an unsafe or repeated name,
            an unknown split, or a composition in several splits.
    """
    path = manifest_path.with_name(manifest.index.file)
    try:
        rows = csv.DictReader(read_table(manifest_path, manifest.index).splitlines())
        pieces = sorted(CorpusPiece(**row) for row in rows)
    except (TypeError, UnicodeDecodeError, csv.Error) as error:
        raise CorpusError(f"{path}: the columns are to be {', '.join(INDEX_COLUMNS)}") from error
    _check_pieces(path, pieces)
    return pieces


def open_source(manifest: RemoteManifest, manifest_path: Path) -> PieceSource:
    """Open the files that the table of a manifest lists.

    Raises:
        CorpusError: as `read_index`.
    """
    remote_files = RemoteFiles(manifest.url)
    return read_index(manifest, manifest_path), partial(read_remote_piece, remote_files)


def read_remote_piece(remote_files: RemoteFiles, piece: CorpusPiece) -> bytes:
    """Return the bytes of a piece.

    Raises:
        DataError: they are not the bytes that the table means, or cannot be reached.
    """
    try:
        data = remote_files.read_member(piece.member)
        return verify_bytes(data, piece.sha256, piece.member, "it changed where it is kept")
    except CorpusError as error:
        raise DataError(f"{error}; restore it, or correct the table of the corpus") from error


def _check_pieces(path: Path, pieces: list[CorpusPiece]) -> None:
    """Refuse names, splits and compositions that no corpus may have."""
    previous = ""
    for piece in pieces:
        problem = archives.path_problem(piece.member)
        if piece.member == previous:
            problem = "is there twice"
        if piece.split not in splits.SPLITS:
            problem = f"has the split {piece.split!r}, not one of {', '.join(splits.SPLITS)}"
        if problem:
            raise CorpusError(f"{path}: the file {piece.member!r} {problem}; correct the table")
        previous = piece.member
    splits.find_leaks([piece.composition for piece in pieces], [piece.split for piece in pieces])
