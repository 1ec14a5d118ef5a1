"""Stage fetch: a corpus from where it lives to one verified zip, always of the same form."""

import shutil
from pathlib import Path

from pipeline.config import Params
from pipeline.core import files, paths
from pipeline.core.console import say, track
from pipeline.core.errors import CorpusError
from pipeline.corpus import bundle
from pipeline.corpus.download import MAX_DOWNLOAD_BYTES
from pipeline.corpus.manifest import ZipManifest, FolderManifest, SdistManifest, load_manifest
from pipeline.corpus.sources import PieceSource, folder, sdist, zip_archive
from pipeline.stages.runner import start

SECTIONS = ("corpus",)
"""What it reads of params.yaml."""


def run(params: Params) -> None:
    """Write the zip of the corpus.

    Raises:
        CorpusError: it cannot be had, or is not what its manifest says.
    """
    pieces, content = source(params.corpus)
    out = paths.corpus_zip(params.corpus)
    shown = track(sorted(pieces), f"verifying {params.corpus}", len(pieces))
    bundle.write_bundle(out, sorted(pieces), (content(piece) for piece in shown))
    counts = {split: sum(piece.split == split for piece in pieces) for split in ("train", "validation", "test")}
    say(f"{out}: " + ", ".join(f"{count:,} {split}" for split, count in counts.items()))


def source(name: str) -> PieceSource:
    """Find a corpus where its manifest says, whatever its kind.

    Raises:
        CorpusError: there is no such corpus, or it cannot be had.
    """
    beside = paths.manifest(name)
    manifest = load_manifest(beside)
    if isinstance(manifest, SdistManifest):
        return sdist.open_source(manifest, paths.downloads())
    if isinstance(manifest, ZipManifest):
        return zip_archive.open_source(manifest, beside, paths.downloads())
    return folder.open_source(manifest, name, paths.home())


def offer(name: str, file: Path) -> Path:
    """Take a file that a person downloaded instead of downloading it; `run` finds it there.

    Args:
        name: of the corpus.
        file: the archive or source package, verified before it is taken.

    Returns:
        Where it waits now.

    Raises:
        CorpusError: it is not what the manifest means, or no file that could be.
    """
    beside = paths.manifest(name)
    manifest = load_manifest(beside)
    if file.exists() and not file.is_file():
        raise CorpusError(f"{file}: is a folder, pipe or device; give the archive")
    if file.exists() and (size := file.stat().st_size) > MAX_DOWNLOAD_BYTES:
        raise CorpusError(
            f"{file}: {size:,} bytes are more than the {MAX_DOWNLOAD_BYTES:,} allowed; this is not the archive"
        )
    if isinstance(manifest, FolderManifest):
        raise CorpusError(f"corpus {name!r} is a folder; run 'music-rnn corpus {name} {manifest.root}' instead")
    if isinstance(manifest, SdistManifest):
        place = sdist.download_path(manifest, paths.downloads())
        sdist.verify_source(manifest, file)
    else:
        place = zip_archive.download_path(manifest, paths.downloads())
        pieces, content = zip_archive.verify_source(manifest, beside, file)
        for piece in track(pieces, f"verifying {file}", len(pieces)):
            content(piece)
    with files.replacing(place) as temporary:
        shutil.copyfile(file, temporary)
    return place


def describe(name: str, root: Path) -> str:
    """Make a folder of one's own MIDI files a corpus.

    Returns:
        One line that says what was found.

    Raises:
        CorpusError: see `folder.describe`.
    """
    manifest = paths.manifest(name)
    found = folder.write_manifest(name, root, manifest, paths.home())
    return f"{manifest}: {len(found.files):,} MIDI files, split by {found.split_by}"


if __name__ == "__main__":
    start(run, SECTIONS)
