"""Stage fetch: a corpus from where it lives to one verified zip, always of the same form."""

import shutil
from pathlib import Path

from pipeline.config import Params
from pipeline.core import files, paths
from pipeline.core.console import say, track
from pipeline.core.errors import CorpusError
from pipeline.corpus import bundle
from pipeline.corpus.download import LARGEST
from pipeline.corpus.manifest import Archive, Folder, Package, load
from pipeline.corpus.sources import Source, folder, sdist, zip_archive
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
    bundle.write(out, sorted(pieces), (content(piece) for piece in shown))
    counts = {split: sum(piece.split == split for piece in pieces) for split in ("train", "validation", "test")}
    say(f"{out}: " + ", ".join(f"{count:,} {split}" for split, count in counts.items()))


def source(name: str) -> Source:
    """Find a corpus where its manifest says, whatever its kind.

    Raises:
        CorpusError: there is no such corpus, or it cannot be had.
    """
    beside = paths.manifest(name)
    manifest = load(beside)
    if isinstance(manifest, Package):
        return sdist.read(manifest, paths.downloads())
    if isinstance(manifest, Archive):
        return zip_archive.read(manifest, beside, paths.downloads())
    return folder.read(manifest, name, paths.home())


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
    manifest = load(beside)
    if file.exists() and not file.is_file():
        raise CorpusError(f"{file}: is a folder, pipe or device; give the archive")
    if file.exists() and (size := file.stat().st_size) > LARGEST:
        raise CorpusError(f"{file}: {size:,} bytes are more than the {LARGEST:,} allowed; this is not the archive")
    if isinstance(manifest, Folder):
        raise CorpusError(f"corpus {name!r} is a folder; run 'music-rnn corpus {name} {manifest.root}' instead")
    if isinstance(manifest, Package):
        place = sdist.waiting(manifest, paths.downloads())
        sdist.pieces(manifest, file)
    else:
        place = zip_archive.waiting(manifest, paths.downloads())
        pieces, content = zip_archive.pieces(manifest, beside, file)
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
    found = folder.describe(name, root, manifest, paths.home())
    return f"{manifest}: {len(found.files):,} MIDI files, split by {found.split_by}"


if __name__ == "__main__":
    start(run, SECTIONS)
