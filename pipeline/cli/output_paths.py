"""The files that a person wants written: refused before any work where they are none, or would destroy what is read."""

import re
from collections.abc import Iterable
from pathlib import Path

from pipeline.core.errors import ParamsError

MIDI = (".mid", ".midi")
LATER = re.compile(r"(.+)-(?:[2-9]|[1-9]\d)")
"""Stem of a later part of a session, which has one for every two hours."""


def check(option: str, path: Path, read: Iterable[Path | None] = (), endings: tuple[str, ...] = ()) -> None:
    """Refuse a file to write.

    Args:
        option: by which it was given.
        path: the file.
        read: files that are read; none of them may be written.
        endings: of which its name must have one, in any case; none for any name.

    Raises:
        ParamsError: it has no name or another ending, is a folder or device, or one of those that are read.
    """
    if not path.name or path.name == ".." or path.is_dir():
        raise ParamsError(f"{option} {path}: is a folder; give the name of a file{_or(endings)}")
    if endings and path.suffix.lower() not in endings:
        raise ParamsError(f"{option} {path}: give a name{_or(endings)}")
    if path.exists() and not path.is_file():
        raise ParamsError(f"{option} {path}: is a pipe or device; give the name of a file")
    if any(path.exists() and other.exists() and path.samefile(other) for other in read if other):
        raise ParamsError(f"{option} {path}: is read as well, and would be overwritten; give another name")


def check_log(log: Path, prompt: Path | None) -> None:
    """Refuse a session to write: a MIDI file, whose later parts are numbered, or a folder.

    Raises:
        ParamsError: as of `check`.
    """
    if log.suffix.lower() in MIDI:
        check("--log", log, [prompt], MIDI)
        part = LATER.fullmatch(prompt.stem) if prompt else None
        if prompt and part and prompt.with_stem(part[1]).resolve() == log.resolve():
            raise ParamsError(f"--log {log}: a later part would overwrite {prompt}, which is read; give another name")
    elif not log.is_dir() and (log.exists() or log.suffix[1:2].isalpha()):
        raise ParamsError(f"--log {log}: give a name{_or(MIDI)}, or a folder, made before if its name has such a dot")


def _or(endings: tuple[str, ...]) -> str:
    return f" that ends in {' or '.join(endings)}" if endings else ""
