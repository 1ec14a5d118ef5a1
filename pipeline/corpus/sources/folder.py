"""A corpus of one's own: a tree of MIDI files.

`describe` lists the tree in a manifest; `read` reads exactly what the manifest lists. Files that are no MIDI are passed
on: it is ingest that rejects them, by name and with a reason.
"""

import hashlib
import io
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from pipeline.core import files
from pipeline.core.console import say
from pipeline.core.errors import CorpusError
from pipeline.corpus import archives, splits
from pipeline.corpus.bundle import Piece, unnamed, verify
from pipeline.corpus.manifest import Folder, load, name_of
from pipeline.corpus.sources import Source

SUFFIXES = (".mid", ".midi")


def describe(name: str, root: Path, manifest: Path, home: Path) -> Folder:
    """Write the manifest of a folder of MIDI files; what a person added to an earlier one is kept.

    Args:
        name: of the corpus.
        root: the folder.
        manifest: the file to write.
        home: the project's folder.

    Raises:
        CorpusError: the name is no name, it is that of a corpus of another kind, or the folder holds no MIDI file.
    """
    name_of(name)
    before = _before(name, manifest)
    if not root.is_dir():
        raise CorpusError(f"{root}: no such folder")
    found = {member: _hash(root / member) for member in sorted(_music(root))}
    if not found:
        raise CorpusError(f"{root}: no file named .mid or .midi in it")
    tops = {member.partition("/")[0] for member in found}
    folder = Folder(
        kind="folder",
        title=before.title if before else name,
        licence=before.licence if before else "not stated",
        source=before.source if before else "own files",
        root=_place(root, home),
        split_by="folders" if {"train", "validation"} <= tops <= set(splits.SPLITS) else "hash",
        files=found,
        compositions={key: value for key, value in before.compositions.items() if key in found} if before else {},
        splits={key: value for key, value in before.splits.items() if key in found} if before else {},
    )
    _save(folder, manifest)
    return folder


def _before(name: str, manifest: Path) -> Folder | None:
    """Return the earlier manifest, if there is one."""
    if not manifest.exists():
        return None
    before = load(manifest)
    if not isinstance(before, Folder):
        raise CorpusError(f"{manifest} is a corpus of another kind; use another name than {name!r}")
    return before


def _place(root: Path, home: Path) -> str:
    """Return the folder relative to the project if it lies inside, else in full."""
    full, base = root.resolve(), home.resolve()
    return full.relative_to(base).as_posix() if full.is_relative_to(base) else full.as_posix()


def _save(folder: Folder, manifest: Path) -> None:
    """Write a manifest, keys in the order of `Folder`."""
    yaml: Any = YAML(typ="safe", pure=True)
    yaml.default_flow_style = False
    yaml.sort_base_mapping_type_on_output = False
    yaml.allow_unicode = True
    yaml.width = 1000
    text = io.StringIO()
    text.write("# Written by 'music-rnn corpus'; run it again after a change of the files. Yours to add, and kept:\n")
    text.write("# title, licence, source; compositions: {file: name}; splits: {file: train, validation or test}.\n")
    yaml.dump({"kind": folder.kind} | folder.model_dump(), text)
    files.write_text(manifest, text.getvalue())


def _music(root: Path) -> Iterator[str]:
    """Name the MIDI files below a folder; say what is left out and why."""
    for place, folders, names in os.walk(root, onerror=_closed):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            if not name.lower().endswith(SUFFIXES) or name.startswith("."):
                continue
            path = Path(place, name)
            member = path.relative_to(root).as_posix()
            if fault := archives.unsafe(member) or _odd(path):
                say(f"left out: {member!a} {fault}")
            else:
                yield member


def _closed(error: OSError) -> None:
    """Say which folder cannot be looked into; on a disk of its own there is one, lost+found."""
    say(f"left out: {error.filename!a} cannot be looked into ({error.strerror})")


def _odd(path: Path) -> str:
    """Return why a file is not read, or nothing. Links are not followed: they may leave the tree or run in circles."""
    info = path.lstat()
    if not stat.S_ISREG(info.st_mode):
        return "is a link, pipe or device, not a file"
    if info.st_size > archives.LARGEST_MEMBER:
        return f"has {info.st_size:,} bytes, more than the {archives.LARGEST_MEMBER:,} allowed"
    return ""


def _hash(path: Path) -> str:
    """Return the sha256 of a file."""
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise CorpusError(f"{path}: cannot be read ({error.strerror})") from error


def read(manifest: Folder, name: str, home: Path) -> Source:
    """Read the files that a manifest lists.

    Args:
        manifest: of the folder.
        name: of the corpus.
        home: the project's folder, where a relative root begins.

    Raises:
        CorpusError: a file is gone or changed, or a composition is in two splits.
    """
    root = home / manifest.root
    remedy = f"run 'music-rnn corpus {name} {root}' again"
    pieces = _pieces(manifest, remedy)
    known = [piece for piece in pieces if piece.member in manifest.compositions]
    splits.check([piece.composition for piece in known], [piece.split for piece in known])

    def content(piece: Piece) -> bytes:
        path = root / piece.member
        try:
            fault = _odd(path)
            data = b"" if fault else path.read_bytes()
        except OSError as error:
            raise CorpusError(f"{path}: cannot be read ({error.strerror}); {remedy}") from error
        if fault:
            raise CorpusError(f"{path} {fault}; {remedy}")
        return verify(data, piece.sha256, str(path), remedy)

    return pieces, content


def _pieces(manifest: Folder, remedy: str) -> list[Piece]:
    """Give every file its composition and split.

    Raises:
        CorpusError: the manifest speaks of files that it does not list, or a top folder is no split.
    """
    for key in (*manifest.compositions, *manifest.splits):
        if key not in manifest.files:
            raise CorpusError(f"the manifest gives {key!r} a composition or split, but does not list it; {remedy}")
    compositions = [manifest.compositions.get(key) or unnamed(sha256) for key, sha256 in manifest.files.items()]
    given = splits.by_hash(compositions)
    if manifest.split_by == "folders":
        given = [key.partition("/")[0] for key in manifest.files]
        if wrong := sorted(set(given) - set(splits.SPLITS)):
            raise CorpusError(f"the top folder {wrong[0]!r} is no split; move it, or set split_by: hash")
    return [
        Piece(key, composition, manifest.splits.get(key, split), sha256)
        for (key, sha256), composition, split in zip(manifest.files.items(), compositions, given, strict=True)
    ]
