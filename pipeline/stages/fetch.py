"""Stage fetch: a corpus from where it lives to one verified zip, always of the same form."""

import shutil
from pathlib import Path

from pipeline.config import Params
from pipeline.core import files, paths
from pipeline.core.console import log_message, track_progress
from pipeline.core.errors import CorpusError
from pipeline.corpus import bundle
from pipeline.corpus.download import MAX_DOWNLOAD_BYTES
from pipeline.corpus.manifest import FolderManifest, SdistManifest, ZipManifest, load_manifest
from pipeline.corpus.sources import PieceSource, folder, sdist, zip_archive
from pipeline.stages.runner import run_stage

PARAM_SECTIONS = ("corpus",)
"""What it reads of params.yaml."""


def run(params: Params) -> None:
    """Write the zip of the corpus.

    Raises:
        CorpusError: it cannot be had, or is not what its manifest says.
    """
    pieces, content = open_corpus(params.corpus)
    out = paths.get_corpus_archive(params.corpus)
    shown = track_progress(sorted(pieces), f"verifying {params.corpus}", len(pieces))
    bundle.write_bundle(out, sorted(pieces), (content(piece) for piece in shown))
    counts = {
        split: sum(piece.split == split for piece in pieces)
        for split in ("train", "validation", "test")
    }
    log_message(f"{out}: " + ", ".join(f"{count:,} {split}" for split, count in counts.items()))


def open_corpus(name: str) -> PieceSource:
    """Find a corpus where its manifest says, whatever its kind.

    Raises:
        CorpusError: there is no such corpus, or it cannot be had.
    """
    beside = paths.get_manifest_path(name)
    manifest = load_manifest(beside)
    if isinstance(manifest, SdistManifest):
        return sdist.open_source(manifest, paths.get_download_dir())
    if isinstance(manifest, ZipManifest):
        return zip_archive.open_source(manifest, beside, paths.get_download_dir())
    return folder.open_source(manifest, name, paths.get_project_root())


def import_archive(name: str, file: Path) -> Path:
    """Take a file that a person downloaded instead of downloading it; `run` finds it there.

    Args:
        name: of the corpus.
        file: the archive or source package, verified before it is taken.

    Returns:
        Where it waits now.

    Raises:
        CorpusError: it is not what the manifest means, or no file that could be.
    """
    beside = paths.get_manifest_path(name)
    manifest = load_manifest(beside)
    if file.exists() and not file.is_file():
        raise CorpusError(f"{file}: is a folder, pipe or device; give the archive")
    if file.exists() and (size := file.stat().st_size) > MAX_DOWNLOAD_BYTES:
        raise CorpusError(
            f"{file}: {size:,} bytes are more than the {MAX_DOWNLOAD_BYTES:,} allowed; this is not the archive"
        )
    if isinstance(manifest, FolderManifest):
        raise CorpusError(
            f"corpus {name!r} is a folder; run 'music-rnn add-corpus {name} {manifest.root}' instead"
        )
    if isinstance(manifest, SdistManifest):
        place = sdist.download_path(manifest, paths.get_download_dir())
        sdist.verify_source(manifest, file)
    else:
        place = zip_archive.download_path(manifest, paths.get_download_dir())
        pieces, content = zip_archive.verify_source(manifest, beside, file)
        for piece in track_progress(pieces, f"verifying {file}", len(pieces)):
            content(piece)
    with files.atomic_path(place) as temporary:
        shutil.copyfile(file, temporary)
    return place


def add_folder(name: str, root: Path) -> str:
    """Make a folder of one's own MIDI files a corpus.

    Returns:
        One line that says what was found.

    Raises:
        CorpusError: see `folder.describe`.
    """
    manifest = paths.get_manifest_path(name)
    found = folder.write_manifest(name, root, manifest, paths.get_project_root())
    return f"{manifest}: {len(found.files):,} MIDI files, split by {found.split_by}"


if __name__ == "__main__":
    run_stage(run, PARAM_SECTIONS)
