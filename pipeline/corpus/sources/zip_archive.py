"""A corpus that is published as one zip, with a table of compositions and splits."""

import csv
import hashlib
import io
import zipfile
from collections.abc import Mapping
from pathlib import Path

from pipeline.core.console import log_message
from pipeline.core.errors import CorpusError
from pipeline.core.paths import MIDI_SUFFIXES
from pipeline.corpus import archives, splits
from pipeline.corpus.bundle import CorpusPiece, verify_bytes
from pipeline.corpus.download import download_file, redact_url
from pipeline.corpus.manifest import ZipManifest, read_member_list
from pipeline.corpus.sources import PieceSource

MetadataTable = dict[str, tuple[str, str]]
"""member: (composition, split)."""


def download_path(manifest: ZipManifest, downloads: Path) -> Path:
    """Return the path of the downloaded archive."""
    return downloads / manifest.url.rpartition("/")[2]


def open_source(manifest: ZipManifest, manifest_path: Path, downloads: Path) -> PieceSource:
    """Open an archive; download it first if it is missing.

    Args:
        manifest: the manifest of the corpus.
        manifest_path: its file; the list of members is in the same folder.
        downloads: the folder of downloads.

    Raises:
        CorpusError: the download fails, or a file is not the one of the list.
    """
    path = download_path(manifest, downloads)
    if not path.exists():
        log_message(f"downloading {redact_url(manifest.url)}")
        download_file(manifest.url, path)
    return verify_source(manifest, manifest_path, path)


def verify_source(manifest: ZipManifest, manifest_path: Path, path: Path) -> PieceSource:
    """Check a downloaded archive against the list; the bytes of each file are verified when they are read.

    Raises:
        CorpusError: a file is not in the list, has no row in the archive's table, or is in the table only.
    """
    hashes = read_member_list(manifest_path, manifest.members)
    zip_file, members = archives.open_zip(path)
    _warn_if_altered(path, manifest.sha256)
    infos = {name.removeprefix(manifest.folder + "/"): info for name, info in members.items()}
    midi_names = {name for name in infos if name.lower().endswith(MIDI_SUFFIXES)}
    table = _read_metadata(zip_file, infos, manifest.table)
    _check_member_names(path, midi_names, hashes, table)
    pieces = [CorpusPiece(name, *table[name], hashes[name]) for name in sorted(midi_names)]
    leaks = splits.find_leaks(
        [piece.composition for piece in pieces],
        [piece.split for piece in pieces],
        manifest.accepted_leaks,
    )
    for leak in leaks:
        log_message(
            f"warning: composition {leak!r} is in several splits; {manifest_path} accepts it"
        )

    def read_piece(piece: CorpusPiece) -> bytes:
        data = archives.read_member(zip_file, infos[piece.member])
        return verify_bytes(
            data, piece.sha256, f"{path}: {piece.member}", "delete the archive and fetch it again"
        )

    return pieces, read_piece


def _warn_if_altered(path: Path, sha256: str) -> None:
    """Log if an archive is not, byte for byte, the published one; a part or a repacked copy is allowed."""
    with path.open("rb") as file:
        actual = hashlib.file_digest(file, "sha256").hexdigest()
    if actual != sha256:
        log_message(
            f"{path}: not the zip as published (sha256 {actual[:16]}…); each of its files is verified by itself"
        )


def _check_member_names(
    path: Path, midi_names: set[str], listed_hashes: Mapping[str, str], table: MetadataTable
) -> None:
    """Check that files, list and table have the same names, and log how many of the list are missing.

    Raises:
        CorpusError: names the first file of which they differ.
    """
    for problem, names in (
        ("is not in the list of the manifest", midi_names - set(listed_hashes)),
        ("has no row in the archive's own table", midi_names - set(table)),
        ("has a row in the archive's own table, but is not there", set(table) - midi_names),
    ):
        if names:
            raise CorpusError(
                f"{path}: {min(names)} {problem} (as {len(names) - 1} more); get the official archive"
            )
    if len(midi_names) < len(listed_hashes):
        num_missing = len(listed_hashes) - len(midi_names)
        log_message(
            f"{path}: {len(midi_names):,} of {len(listed_hashes):,} listed files; {num_missing:,} not in this archive"
        )


def _read_metadata(
    zip_file: zipfile.ZipFile, members: Mapping[str, zipfile.ZipInfo], name: str
) -> MetadataTable:
    """Read the table of an archive, in the columns of MAESTRO.

    Raises:
        CorpusError: it is missing, or another table.
    """
    try:
        text = archives.read_member(zip_file, members[name]).decode("utf-8")
        rows = list(csv.DictReader(io.StringIO(text, newline="")))
        table = {
            row["midi_filename"]: (
                f"{row['canonical_composer']} / {row['canonical_title']}",
                row["split"],
            )
            for row in rows
        }
    except (KeyError, UnicodeDecodeError, csv.Error) as error:
        raise CorpusError(
            f"{zip_file.filename}: no table {name} of composer, title and split ({error})"
        ) from error
    if wrong := sorted({split for _, split in table.values()} - set(splits.SPLITS)):
        raise CorpusError(
            f"{zip_file.filename}: {name}: {wrong[0]!r} is no split; use {', '.join(splits.SPLITS)}"
        )
    if len(table) < len(rows):
        raise CorpusError(f"{zip_file.filename}: {name}: a file has two rows")
    return table
