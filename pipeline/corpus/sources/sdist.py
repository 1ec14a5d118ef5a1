"""A corpus inside the source package of some library, fetched by pip: nothing is copied into this project."""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from pipeline.core import checksums, files
from pipeline.core.errors import CorpusError
from pipeline.corpus import archives, splits
from pipeline.corpus.bundle import CorpusPiece, verify_bytes, verify_hash
from pipeline.corpus.manifest import SdistManifest
from pipeline.corpus.sources import PieceSource

PIP_TIMEOUT = 600
"""Seconds for one small download."""


def download_path(manifest: SdistManifest, downloads: Path) -> Path:
    """Return where the source package waits once it is here."""
    return downloads / f"{manifest.requirement.replace('==', '-')}.tar.gz"


def open_source(manifest: SdistManifest, downloads: Path) -> PieceSource:
    """Read the files of a source package, downloading it if it is not here.

    Raises:
        CorpusError: pip fails, or the package or a file is not the one of the manifest.
    """
    path = download_path(manifest, downloads)
    if not path.exists():
        _download_sdist(manifest, path)
    return verify_source(manifest, path)


def verify_source(manifest: SdistManifest, path: Path) -> PieceSource:
    """Verify a source package that is here, and its files.

    Raises:
        CorpusError: the package or a file is not the one of the manifest.
    """
    try:
        verify_hash(
            checksums.hash_file(path), manifest.sha256, str(path), "delete it and fetch again"
        )
    except OSError as error:
        raise CorpusError(f"{path}: cannot be read ({error.strerror})") from error
    found = archives.read_tar_members(
        path, manifest.folder, {piece.member for piece in manifest.pieces}
    )
    for piece in manifest.pieces:
        verify_bytes(
            found[piece.member], piece.sha256, f"{path}: {piece.member}", "correct the manifest"
        )
    rows = [CorpusPiece(**piece.model_dump()) for piece in manifest.pieces]
    splits.find_leaks([row.composition for row in rows], [row.split for row in rows])
    return rows, lambda piece: found[piece.member]


def _download_sdist(manifest: SdistManifest, path: Path) -> None:
    """Let pip fetch the source package: it knows the user's index, proxy and certificates.

    Raises:
        CorpusError: pip fails; what it said is passed on.
    """
    with tempfile.TemporaryDirectory() as folder:
        fault = _run_pip(manifest, folder)
        arrived = sorted(Path(folder).glob("*.tar.gz"))
        if fault or not arrived:
            raise CorpusError(
                f"pip cannot download {manifest.requirement} ({fault or 'nothing came'}); go online and try again, "
                f"or give {path.name}, the source package on PyPI, with --archive"
            )
        with files.atomic_path(path) as temporary:
            shutil.copyfile(arrived[0], temporary)


def _run_pip(manifest: SdistManifest, folder: str) -> str:
    """Run pip download into a folder; return what went wrong, or nothing."""
    wanted = Path(folder, "requirements.txt")
    wanted.write_text(f"{manifest.requirement} --hash=sha256:{manifest.sha256}\n", encoding="utf-8")
    quiet = ["--quiet", "--disable-pip-version-check", "--no-input", "--retries", "2"]
    exact = [
        "--no-deps",
        "--no-binary",
        manifest.requirement.partition("==")[0],
        "--require-hashes",
    ]
    command = [
        sys.executable,
        "-m",
        "pip",
        "download",
        *quiet,
        *exact,
        "-r",
        str(wanted),
        "-d",
        folder,
    ]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=PIP_TIMEOUT, check=False
        )
    except subprocess.TimeoutExpired:
        return f"no answer in {PIP_TIMEOUT} s"
    if done.returncode == 0:
        return ""
    said = [line.strip() for line in done.stderr.splitlines() if line.strip()]
    return next(
        (line for line in said if line.startswith("ERROR")), (said or ["no reason given"])[-1]
    )[:300]
