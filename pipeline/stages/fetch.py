"""Stage fetch: get a corpus from its source and write one verified zip, always of the same form."""

import shutil
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from pipeline.config import Params
from pipeline.core import files, paths
from pipeline.core.console import log_message, track_progress
from pipeline.core.errors import CorpusError
from pipeline.corpus import bundle
from pipeline.corpus.bundle import CorpusPiece
from pipeline.corpus.download import MAX_DOWNLOAD_BYTES, redact_url
from pipeline.corpus.manifest import (
    FolderManifest,
    RemoteManifest,
    SdistManifest,
    ZipManifest,
    load_manifest,
)
from pipeline.corpus.sources import PieceSource, folder, remote, sdist, zip_archive
from pipeline.corpus.splits import SPLITS
from pipeline.stages.runner import run_stage

PARAM_SECTIONS = ("corpus",)
"""What it reads of params.yaml."""


def run(params: Params) -> None:
    """Write the zip of the corpus.

    Raises:
        CorpusError: it is not available, or is not what its manifest says.
    """
    archive = paths.get_corpus_archive(params.corpus)
    manifest_path = paths.get_manifest_path(params.corpus)
    manifest = load_manifest(manifest_path)
    if isinstance(manifest, RemoteManifest):
        pieces = remote.read_index(manifest, manifest_path)
        bundle.write_remote_bundle(archive, pieces, manifest.url)
        _log_splits(archive, pieces)
        return
    pieces, read_piece = open_corpus(params.corpus)
    pieces = sorted(pieces)
    progress = track_progress(pieces, f"verifying {params.corpus}", len(pieces))
    contents = (read_piece(piece) for piece in progress)
    left_out = manifest.left_out if isinstance(manifest, FolderManifest) else []
    bundle.write_bundle(archive, pieces, contents, left_out)
    _log_splits(archive, pieces)


def _log_splits(archive: Path, pieces: Sequence[CorpusPiece]) -> None:
    """Say how many pieces each split has."""
    counts = Counter(piece.split for piece in pieces)
    log_message(f"{archive}: " + ", ".join(f"{counts[split]:,} {split}" for split in SPLITS))


def open_corpus(name: str) -> PieceSource:
    """Open the source of a corpus that its manifest names, of any kind.

    Raises:
        CorpusError: there is no such corpus, or it is not available.
    """
    manifest_path = paths.get_manifest_path(name)
    manifest = load_manifest(manifest_path)
    if isinstance(manifest, RemoteManifest):
        return remote.open_source(manifest, manifest_path)
    if isinstance(manifest, SdistManifest):
        return sdist.open_source(manifest, paths.get_download_dir())
    if isinstance(manifest, ZipManifest):
        return zip_archive.open_source(manifest, manifest_path, paths.get_download_dir())
    return folder.open_source(manifest, name, paths.get_project_root())


def import_archive(name: str, file: Path) -> Path:
    """Copy an archive that a user downloaded to the folder of downloads, where `run` uses it.

    Args:
        name: name of the corpus.
        file: the archive or source package; it is verified first.

    Returns:
        The path of the copy.

    Raises:
        CorpusError: it is not the archive of the manifest, or no regular file.
    """
    manifest_path = paths.get_manifest_path(name)
    manifest = load_manifest(manifest_path)
    _check_archive_file(file)
    if isinstance(manifest, FolderManifest):
        raise CorpusError(
            f"corpus {name!r} is a folder; run 'music-rnn add-corpus {name} {manifest.root}' instead"
        )
    if isinstance(manifest, RemoteManifest):
        raise CorpusError(
            f"corpus {name!r} stays at {redact_url(manifest.url)}; run 'music-rnn fetch {name}' without an archive"
        )
    if isinstance(manifest, SdistManifest):
        download = sdist.download_path(manifest, paths.get_download_dir())
        sdist.verify_source(manifest, file)
    else:
        download = zip_archive.download_path(manifest, paths.get_download_dir())
        pieces, read_piece = zip_archive.verify_source(manifest, manifest_path, file)
        for piece in track_progress(pieces, f"verifying {file}", len(pieces)):
            read_piece(piece)
    with files.atomic_path(download) as temporary:
        shutil.copyfile(file, temporary)
    return download


def _check_archive_file(file: Path) -> None:
    """Refuse what is no regular file or too large; a missing file is refused where it is opened."""
    if not file.exists():
        return
    if not file.is_file():
        raise CorpusError(f"{file}: is a folder, pipe or device; give the archive")
    size = file.stat().st_size
    if size > MAX_DOWNLOAD_BYTES:
        raise CorpusError(
            f"{file}: {size:,} bytes are more than the {MAX_DOWNLOAD_BYTES:,} allowed; this is not the archive"
        )


if __name__ == "__main__":
    run_stage(run, PARAM_SECTIONS)
