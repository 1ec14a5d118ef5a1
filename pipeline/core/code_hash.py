"""What code a process runs, in one hash: results of other code are not to be mixed with its own."""

import hashlib
from collections.abc import Sequence
from functools import cache
from importlib import metadata
from pathlib import Path

PACKAGE_ROOT = Path(__file__).parent.parent


@cache
def hash_code(packages: tuple[str, ...], libraries: tuple[str, ...]) -> str:
    """Return a hash of the source files of packages and of the versions of libraries.

    Args:
        packages: names of packages of `pipeline`, such as midi.
        libraries: names of distributions, such as numpy.
    """
    digest = hashlib.sha256()
    for package in packages:
        for path in _list_sources(package):
            digest.update(path.relative_to(PACKAGE_ROOT).as_posix().encode())
            digest.update(hashlib.sha256(path.read_bytes()).digest())
    for library in libraries:
        digest.update(f"{library}=={metadata.version(library)}".encode())
    return digest.hexdigest()


def _list_sources(package: str) -> Sequence[Path]:
    return sorted((PACKAGE_ROOT / package).rglob("*.py"))
