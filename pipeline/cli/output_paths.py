"""The files that a person wants written: refused before any work where they are none, or would destroy another."""

import re
from collections.abc import Iterable
from pathlib import Path

from pipeline.core.errors import ParamsError
from pipeline.core.paths import MIDI_OUTPUT_SUFFIXES
from pipeline.core.suggestions import suggest_name

PART_SUFFIX = re.compile(r"(.+)-(?:[2-9]|[1-9]\d)")
"""Stem of a later part of a session, which has one for every two hours."""


def check_output(
    option: str,
    path: Path,
    inputs: Iterable[Path | None] = (),
    suffixes: tuple[str, ...] = (),
    force: bool = False,
) -> None:
    """Refuse a file to write.

    Args:
        option: by which it was given.
        path: the file.
        inputs: files that are read; none of them may be written.
        suffixes: of which its name must have one, in any case; none for any name.
        force: whether a file that exists may be replaced.

    Raises:
        ParamsError: it has no name or another ending, is a folder or device, exists or is read, or its folder is missing.
    """
    if not path.name or path.name == ".." or path.is_dir():
        raise ParamsError(
            f"{option} {path}: is a folder; give the name of a file{_format_suffixes(suffixes)}"
        )
    if suffixes and path.suffix.lower() not in suffixes:
        raise ParamsError(f"{option} {path}: give a name{_format_suffixes(suffixes)}")
    check_parent(option, path)
    if path.exists() and not path.is_file():
        raise ParamsError(f"{option} {path}: is a pipe or device; give the name of a file")
    if any(path.exists() and other.exists() and path.samefile(other) for other in inputs if other):
        raise ParamsError(
            f"{option} {path}: is read as well, and would be overwritten; give another name"
        )
    if path.exists() and not force:
        raise ParamsError(f"{option} {path}: exists; give another name, or --force to replace it")


def check_parent(option: str, path: Path) -> None:
    """Refuse a path in a folder that does not exist: it is misspelt more often than it is meant to be made.

    Raises:
        ParamsError: names the first folder that is missing.
    """
    missing = [folder for folder in path.parents if not folder.is_dir()]
    if not missing:
        return
    first = missing[-1]
    siblings = [entry.name for entry in first.parent.iterdir() if entry.is_dir()]
    suggestion = suggest_name(first.name, siblings)
    raise ParamsError(
        f"{option} {path}: no folder {first}; make it first, or correct the path{suggestion}"
    )


def check_recording(recording: Path, prompt: Path | None, force: bool = False) -> None:
    """Refuse a session to write: a MIDI file, whose later parts are numbered, or a folder.

    Raises:
        ParamsError: as of `check_output`.
    """
    if recording.suffix.lower() in MIDI_OUTPUT_SUFFIXES:
        check_output("--record", recording, [prompt], MIDI_OUTPUT_SUFFIXES, force)
        part = PART_SUFFIX.fullmatch(prompt.stem) if prompt else None
        if prompt and part and prompt.with_stem(part[1]).resolve() == recording.resolve():
            raise ParamsError(
                f"--record {recording}: a later part would overwrite {prompt}, which is read; give another name"
            )
    elif not recording.is_dir() and (recording.exists() or recording.suffix[1:2].isalpha()):
        raise ParamsError(
            f"--record {recording}: give a name{_format_suffixes(MIDI_OUTPUT_SUFFIXES)}, "
            "or a folder, made before if its name has such a dot"
        )
    else:
        check_parent("--record", recording)


def _format_suffixes(suffixes: tuple[str, ...]) -> str:
    return f" that ends in {' or '.join(suffixes)}" if suffixes else ""
