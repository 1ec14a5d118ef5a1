"""Make MIDI files at a URL a corpus: read each once for its sha256, and write its manifest and its table.

Nothing but the hashes is kept, so that a corpus may be larger than any disk. Works are not told apart: every file is a
composition of its own until its row in the table says otherwise.
"""

import csv
import hashlib
import io
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import astuple
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from ruamel.yaml import YAML

from pipeline.core import console, files, paths
from pipeline.core.errors import CorpusError
from pipeline.corpus import archives, splits
from pipeline.corpus.bundle import INDEX_COLUMNS, CorpusPiece, unknown_composition
from pipeline.corpus.manifest import MemberList, RemoteManifest, validate_name
from pipeline.corpus.remote_files import RemoteFiles

NUM_THREADS = 16
"""Files that are read at once: what takes time is the network."""


def is_url(place: str) -> bool:
    """Whether a place is a URL, not a folder of this machine."""
    return "://" in place


def add_remote(name: str, url: str) -> Path:
    """Write the manifest of a corpus of MIDI files at a URL, and the table of its files.

    Args:
        name: name of the corpus.
        url: of a folder, or of a zip if it ends in .zip.

    Returns:
        The path of the manifest.

    Raises:
        CorpusError: the name or the URL is not valid, a corpus has the name, or the place has no MIDI file or cannot be
            read.
    """
    path = paths.get_manifest_path(validate_name(name))
    if path.exists():
        raise CorpusError(f"{path}: is there already; delete it, or use another name than {name!r}")
    table = path.with_suffix(".csv")
    _make_manifest(name, url, table.name, b"")  # a bad URL is refused before anything is read
    data = _encode_table(_hash_files(RemoteFiles(url), url))
    files.write_bytes(table, data)
    _save_manifest(_make_manifest(name, url, table.name, data), path)
    return path


def _make_manifest(name: str, url: str, table_name: str, table: bytes) -> RemoteManifest:
    index = MemberList(file=table_name, sha256=hashlib.sha256(table).hexdigest())
    try:
        return RemoteManifest(
            kind="remote",
            title=name,
            license="not stated",
            source="own files",
            url=url,
            index=index,
        )
    except ValidationError as error:
        raise CorpusError(
            "the URL is not valid; give PROTOCOL://PLACE without a password, a blank, '?' or '['"
        ) from error


def _hash_files(remote_files: RemoteFiles, url: str) -> list[CorpusPiece]:
    """Read all MIDI files, and give each its composition and split."""
    members = [
        member
        for member in remote_files.list_members()
        if member.lower().endswith(paths.MIDI_SUFFIXES) and not archives.path_problem(member)
    ]
    if not members:
        raise CorpusError(f"{url}: no file in it ends in {', '.join(paths.MIDI_SUFFIXES)}")

    def hash_member(member: str) -> str:
        return hashlib.sha256(remote_files.read_member(member)).hexdigest()

    # A zip is one open file, which threads cannot share.
    with ThreadPoolExecutor(1 if remote_files.is_zip else NUM_THREADS) as pool:
        progress = console.track_progress(
            pool.map(hash_member, members), "hashing MIDI", len(members)
        )
        hashes = list(progress)
    compositions = [unknown_composition(sha256) for sha256 in hashes]
    rows = zip(members, compositions, splits.split_by_hash(compositions), hashes, strict=True)
    return [CorpusPiece(*row) for row in rows]


def _encode_table(pieces: Sequence[CorpusPiece]) -> bytes:
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(INDEX_COLUMNS)
    rows.writerows(astuple(piece) for piece in pieces)
    return text.getvalue().encode()


def _save_manifest(manifest: RemoteManifest, path: Path) -> None:
    """Write a manifest, with keys in the order of `RemoteManifest`."""
    yaml: Any = YAML(typ="safe", pure=True)
    yaml.default_flow_style = False
    yaml.sort_base_mapping_type_on_output = False
    text = io.StringIO("")
    yaml.dump({"kind": manifest.kind} | manifest.model_dump(), text)
    files.write_text(path, text.getvalue())
