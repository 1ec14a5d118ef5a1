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

from pipeline.core import checksums, paths, yaml
from pipeline.core.errors import DataError, PipelineError
from pipeline.corpus.bundle import CorpusBundle
from pipeline.dataset import windows
from pipeline.maintenance import repair
from pipeline.models import model_io

CACHE = Path(".dvc/cache/files/md5")
NAME = re.compile(r"[0-9a-f]{30}(\.dir)?")
"""Of an object: the hash of what is in it, less the two digits that its folder has."""
FOLDERS = ("data", "models", "metrics", ".dvc/cache", ".checkpoints")
"""What of them cannot be looked into was not verified, which must be said."""
RECORD = Path("dvc.lock")


@dataclass(frozen=True)
class Found:
    """One thing that was verified."""

    kind: str
    place: Path
    fault: str = ""
    """What is wrong and the remedy; nothing if it is as it was written."""


def verify() -> Iterator[Found]:
    """Verify everything that is here, one thing after the other."""
    for kind, places, check in (
        ("corpora", paths.RAW.glob("*.zip"), _corpus),
        ("tables of notes", paths.NOTES.parent.glob(checksums.FILE), _tables),
        ("windows", paths.WINDOWS.parent.glob(paths.WINDOWS.name), _windows),
        ("models", paths.MODELS.glob(f"*/{model_io.CARD}"), _model),
        ("shipped models", model_io.BUNDLED.glob(f"*/{model_io.CARD}"), _model),
        ("unfinished trainings", paths.checkpoints().glob("*/state.npz"), _checkpoint),
        ("objects in DVC's cache", CACHE.glob("??/*"), _object),
    ):
        yield from (_held(kind, place, check) for place in sorted(places))
    yield from _outputs()
    yield from (_held("folders", Path(top), _open) for top in FOLDERS if Path(top).exists())


def _held(kind: str, place: Path, check: Callable[[Path], None]) -> Found:
    """Hold one thing against what was said of it."""
    try:
        check(place)
    except PipelineError as error:
        return Found(kind, place, str(error))
    except OSError as error:
        return Found(kind, place, f"{place}: cannot be read ({error.strerror})")
    return Found(kind, place)


def _corpus(path: Path) -> None:
    corpus = CorpusBundle(path)
    for piece in corpus.pieces:
        corpus.read_piece(piece)


def _tables(path: Path) -> None:
    checksums.check(path.parent, "run 'dvc checkout', or 'dvc repro -f -s ingest'")


def _windows(path: Path) -> None:
    windows.load_windows(path)


def _model(path: Path) -> None:
    model_io.load_model(path.parent)


def _checkpoint(path: Path) -> None:
    data = path.read_bytes()
    if hashlib.sha256(data[32:]).digest() != data[:32]:
        raise DataError(f"{path}: torn; nothing to do, the training begins anew")


def _open(path: Path) -> None:
    def refuse(error: OSError) -> None:
        if isinstance(error, FileNotFoundError):  # a run takes away what it makes anew
            return
        remedy = "give yourself the permission (chmod u+rx)"
        raise DataError(f"{error.filename}: cannot be looked into ({error.strerror}), so not verified; {remedy}")

    for _ in os.walk(path, onerror=refuse):
        pass


def _object(path: Path) -> None:
    if path.match(repair.HALF) and repair.at_work("dvc"):
        return
    if not NAME.fullmatch(path.name):
        raise DataError(f"{path}: no object; a killed run left it, and 'music-rnn repair' removes it")
    if checksums.of(path, "md5") != (path.parent.name + path.name).removesuffix(".dir"):
        raise DataError(f"{path}: damaged; delete it, then run 'dvc pull' or 'dvc repro'")


def _outputs() -> Iterator[Found]:
    """Hold the outputs that are here against DVC's record."""
    kind = "outputs in dvc.lock"
    try:
        tree = yaml.read(RECORD)
        outs = [out for stage in tree["stages"].values() for out in stage.get("outs", [])]
        record = {Path(out["path"]): str(out["md5"]) for out in outs}
    except FileNotFoundError:
        return
    except Exception as error:  # YAML and what is made of it fail in many ways; each means one thing
        yield Found(kind, RECORD, f"{RECORD}: torn ({type(error).__name__}); run 'music-rnn repair'")
        return

    def check(path: Path) -> None:
        if of(path) != record[path]:
            raise DataError(f"{path}: not what dvc.lock says; 'dvc checkout {path}' or 'dvc repro' gives it back")

    yield from (_held(kind, path, check) for path in sorted(record) if os.access(path, os.F_OK))


def of(path: Path) -> str:
    """Return the md5 of a file or folder as DVC counts it."""
    if path.is_file():
        return checksums.of(path, "md5")
    inside = [each for each in path.rglob("*") if each.is_file() and not each.name.endswith(".part")]
    rows = [{"md5": checksums.of(each, "md5"), "relpath": each.relative_to(path).as_posix()} for each in inside]
    rows.sort(key=lambda row: row["relpath"])
    return hashlib.md5(json.dumps(rows, sort_keys=True).encode(), usedforsecurity=False).hexdigest() + ".dir"


def table(found: list[Found]) -> Any:
    """Return how many of each kind there are and how many are damaged, for a person to see."""
    from rich.table import Table

    shown = Table("kind", "verified", "damaged")
    damaged = Counter(each.kind for each in found if each.fault)
    for kind, count in Counter(each.kind for each in found).items():
        shown.add_row(kind, f"{count:,}", f"{damaged[kind]:,}")
    return shown
