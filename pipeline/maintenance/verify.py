"""Every file that the pipeline wrote, read again and held against what was said of it when it was written.

Corpora and windows carry a seal, tables a list of sha256, models a card; DVC's record `dvc.lock` has the md5 of every
output, and the name of an object in DVC's cache is its md5. DVC itself looks at times and sizes, so that a file changed
in place can go unseen: here all bytes are read.
"""

import hashlib
import json
import os
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.core import checksums, git, paths
from pipeline.core.errors import DataError, PipelineError
from pipeline.corpus.bundle import CorpusBundle
from pipeline.dataset import windows
from pipeline.maintenance import repair
from pipeline.models import model_io

DVC_CACHE = Path(".dvc/cache/files/md5")
OBJECT_NAME = re.compile(r"[0-9a-f]{30}(\.dir)?")
"""Of an object: the hash of what is in it, less the two digits that its folder has."""
CACHE_REMEDY = "delete it there, then run 'dvc repro', or 'dvc pull' where there is a remote"
"""Of a damaged object. DVC trusts an object whose file is read-only, and never reads it again."""
MAX_NAMES = 3
"""Damaged objects named in one message."""
CHECKED_DIRS = ("data", "models", "metrics", ".dvc/cache", ".checkpoints")
"""What of them cannot be looked into was not verified, which must be said."""


@dataclass(frozen=True)
class Check:
    """One thing that was verified."""

    category: str
    path: Path
    problem: str = ""
    """What is wrong and the remedy; nothing if it is as it was written."""


def verify_project() -> Iterator[Check]:
    """Verify everything that is here, one thing after the other."""
    for kind, places, check in (
        ("corpora", paths.RAW.glob("*.zip"), _verify_corpus),
        ("tables of notes", paths.NOTES.parent.glob(checksums.CHECKSUM_FILE), _verify_tables),
        ("windows", paths.WINDOWS.parent.glob(paths.WINDOWS.name), _verify_windows),
        ("models", paths.MODELS.glob(f"*/{model_io.CARD}"), _verify_model),
        ("replicates", paths.MODELS.glob(f"*/replicates/*/{model_io.CARD}"), _verify_model),
        ("bundled models", model_io.BUNDLED.glob(f"*/{model_io.CARD}"), _verify_model),
        (
            "unfinished trainings",
            paths.get_checkpoint_dir().glob("*/state.npz"),
            _verify_checkpoint,
        ),
        ("objects in DVC's cache", DVC_CACHE.glob("??/*"), _verify_object),
    ):
        yield from (_run_check(kind, place, check) for place in sorted(places))
    yield from _verify_outputs()
    yield from (
        _run_check("folders", Path(top), _verify_readable)
        for top in CHECKED_DIRS
        if Path(top).exists()
    )


def _run_check(category: str, path: Path, check: Callable[[Path], None]) -> Check:
    """Hold one thing against what was said of it."""
    try:
        check(path)
    except PipelineError as error:
        return Check(category, path, str(error))
    except OSError as error:
        return Check(category, path, f"{path}: cannot be read ({error.strerror})")
    return Check(category, path)


def _verify_corpus(path: Path) -> None:
    corpus = CorpusBundle(path)
    if corpus.url:  # what is kept elsewhere is verified when it is read
        return
    for piece in corpus.pieces:
        corpus.read_piece(piece)


def _verify_tables(path: Path) -> None:
    checksums.verify_checksums(path.parent, "run 'dvc checkout', or 'dvc repro -f -s ingest'")


def _verify_windows(path: Path) -> None:
    windows.load_windows(path, verify_all=True)


def _verify_model(path: Path) -> None:
    model_io.load_model(path.parent)


def _verify_checkpoint(path: Path) -> None:
    data = path.read_bytes()
    if hashlib.sha256(data[32:]).digest() != data[:32]:
        raise DataError(f"{path}: torn; nothing to do, the training begins anew")


def _verify_readable(path: Path) -> None:
    def raise_unreadable(error: OSError) -> None:
        if isinstance(error, FileNotFoundError):  # a run takes away what it makes anew
            return
        remedy = "give yourself the permission (chmod u+rx)"
        raise DataError(
            f"{error.filename}: cannot be looked into ({error.strerror}), so not verified; {remedy}"
        )

    for _ in os.walk(path, onerror=raise_unreadable):
        pass


def _verify_object(path: Path) -> None:
    if path.match(repair.TMP_GLOB) and repair.find_project_processes("dvc"):
        return
    if not OBJECT_NAME.fullmatch(path.name):
        raise DataError(
            f"{path}: no object; a killed run left it, and 'music-rnn repair' removes it"
        )
    if _is_damaged(path):
        raise DataError(f"{path}: damaged, and 'dvc checkout' would hand it out; {CACHE_REMEDY}")


def _verify_outputs() -> Iterator[Check]:
    """Hold the outputs that are here against DVC's record."""
    kind = "outputs in dvc.lock"
    try:
        record = git.DvcLock.load().get_outputs()
    except PipelineError as error:
        yield Check(kind, git.DVC_LOCK, str(error))
        return

    def verify_output(path: Path) -> None:
        if compute_dvc_md5(path) != record[path]:
            raise DataError(
                f"{path}: not what dvc.lock says; {_advise_restoring(path, record[path])}"
            )

    yield from (
        _run_check(kind, path, verify_output) for path in sorted(record) if os.access(path, os.F_OK)
    )


def _advise_restoring(path: Path, md5: str) -> str:
    """Return how to get an output back: from the cache, or made again where its copy in the cache is damaged."""
    damaged = [str(obj) for obj in _list_objects(md5) if obj.exists() and _is_damaged(obj)]
    if damaged:
        return f"nor is its copy in the cache, {', '.join(damaged[:MAX_NAMES])}; {CACHE_REMEDY}"
    return f"delete it, then 'dvc checkout {path}' or 'dvc repro' gives it back"


def _list_objects(md5: str) -> list[Path]:
    """Return the objects that hold an output: that of a file, or that of a folder and those of its files."""
    objects = [DVC_CACHE / md5[:2] / md5[2:]]
    if md5.endswith(".dir") and objects[0].is_file() and not _is_damaged(objects[0]):
        rows = json.loads(objects[0].read_bytes())
        objects += [DVC_CACHE / row["md5"][:2] / row["md5"][2:] for row in rows]
    return objects


def _is_damaged(path: Path) -> bool:
    """Whether the bytes of an object are not those that its name says."""
    name = (path.parent.name + path.name).removesuffix(".dir")
    return checksums.hash_file(path, "md5") != name


def compute_dvc_md5(path: Path) -> str:
    """Return the md5 of a file or folder as DVC counts it."""
    if path.is_file():
        return checksums.hash_file(path, "md5")
    inside = [
        file for file in path.rglob("*") if file.is_file() and not file.name.endswith(".part")
    ]
    rows = [
        {"md5": checksums.hash_file(file, "md5"), "relpath": file.relative_to(path).as_posix()}
        for file in inside
    ]
    rows.sort(key=lambda row: row["relpath"])
    return (
        hashlib.md5(json.dumps(rows, sort_keys=True).encode(), usedforsecurity=False).hexdigest()
        + ".dir"
    )


def make_check_table(checks: list[Check]) -> Any:
    """Return how many of each kind there are and how many are damaged, for a person to see."""
    from rich.table import Table

    shown = Table("kind", "verified", "damaged")
    damaged = Counter(check.category for check in checks if check.problem)
    for kind, count in Counter(check.category for check in checks).items():
        shown.add_row(kind, f"{count:,}", f"{damaged[kind]:,}")
    return shown
