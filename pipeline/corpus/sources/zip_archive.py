"""A corpus that is published as one zip, with a table of its own that says composition and split."""

import csv
import hashlib
import io
import zipfile
from collections.abc import Mapping
from pathlib import Path

from pipeline.core.console import say
from pipeline.core.errors import CorpusError
from pipeline.corpus import archives, splits
from pipeline.corpus.bundle import Piece, verify
from pipeline.corpus.download import download, public
from pipeline.corpus.manifest import Archive, listed
from pipeline.corpus.sources import Source

Table = dict[str, tuple[str, str]]
"""member: (composition, split)."""


def waiting(manifest: Archive, downloads: Path) -> Path:
    """Return where the archive waits once it is here."""
    return downloads / manifest.url.rpartition("/")[2]


def read(manifest: Archive, beside: Path, downloads: Path) -> Source:
    """Read an archive, downloading it if it is not here.

    Args:
        manifest: what the archive should be.
        beside: the manifest's file, beside which the list of members stands.
        downloads: where archives wait.

    Raises:
        CorpusError: the download fails, or a file is not the one of the list.
    """
    path = waiting(manifest, downloads)
    if not path.exists():
        say(f"downloading {public(manifest.url)}")
        download(manifest.url, path)
    return pieces(manifest, beside, path)


def pieces(manifest: Archive, beside: Path, path: Path) -> Source:
    """Hold an archive that is here against the list; the bytes of each file are verified when they are read.

    Raises:
        CorpusError: a file is unknown to the list, without a row in the archive's table, or in the table only.
    """
    known = listed(beside, manifest.members)
    opened, members = archives.opened(path)
    _whole(path, manifest.sha256)
    inside = {name.removeprefix(manifest.folder + "/"): info for name, info in members.items()}
    music = {name for name in inside if name.lower().endswith((".mid", ".midi"))}
    table = _table(opened, inside, manifest.table)
    _match(path, music, known, table)
    rows = [Piece(name, *table[name], known[name]) for name in sorted(music)]
    for leak in splits.check([row.composition for row in rows], [row.split for row in rows], manifest.accepted_leaks):
        say(f"warning: composition {leak!r} is in several splits; {beside} accepts it")

    def content(piece: Piece) -> bytes:
        data = archives.read(opened, inside[piece.member])
        return verify(data, piece.sha256, f"{path}: {piece.member}", "delete the archive and fetch it again")

    return rows, content


def _whole(path: Path, sha256: str) -> None:
    """Say if an archive is not, byte for byte, the one that was published: parts and copies of it may serve as well."""
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != sha256:
        say(f"{path}: not the zip as published (sha256 {found[:16]}…); each of its files is verified by itself")


def _match(path: Path, music: set[str], known: Mapping[str, str], table: Table) -> None:
    """Hold that files, list and table tell the same story, and say how much of the list is here.

    Raises:
        CorpusError: names the first file of which they do not.
    """
    for fault, names in (
        ("is not in the list of the manifest", music - set(known)),
        ("has no row in the archive's own table", music - set(table)),
        ("has a row in the archive's own table, but is not there", set(table) - music),
    ):
        if names:
            raise CorpusError(f"{path}: {min(names)} {fault} (as {len(names) - 1} more); get the official archive")
    if len(music) < len(known):
        lacking = len(known) - len(music)
        say(f"{path}: {len(music):,} of {len(known):,} listed files; {lacking:,} not in this archive")


def _table(opened: zipfile.ZipFile, inside: Mapping[str, zipfile.ZipInfo], name: str) -> Table:
    """Read the table of an archive, in the columns of MAESTRO.

    Raises:
        CorpusError: it is not there, or not such a table.
    """
    try:
        text = archives.read(opened, inside[name]).decode("utf-8")
        rows = list(csv.DictReader(io.StringIO(text, newline="")))
        table = {
            row["midi_filename"]: (f"{row['canonical_composer']} / {row['canonical_title']}", row["split"])
            for row in rows
        }
    except (KeyError, UnicodeDecodeError, csv.Error) as error:
        raise CorpusError(f"{opened.filename}: no table {name} of composer, title and split ({error})") from error
    if wrong := sorted({split for _, split in table.values()} - set(splits.SPLITS)):
        raise CorpusError(f"{opened.filename}: {name}: {wrong[0]!r} is no split; use {', '.join(splits.SPLITS)}")
    if len(table) < len(rows):
        raise CorpusError(f"{opened.filename}: {name}: a file has two rows")
    return table
