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
from pipeline.core.console import log_message
from pipeline.core.errors import CorpusError
from pipeline.corpus import archives, splits
from pipeline.corpus.bundle import CorpusPiece, unknown_composition, verify_bytes
from pipeline.corpus.manifest import FolderManifest, load_manifest, validate_name
from pipeline.corpus.sources import PieceSource

MIDI_SUFFIXES = (".mid", ".midi")


def write_manifest(
    name: str, root: Path, manifest_path: Path, project_root: Path
) -> FolderManifest:
    """Write the manifest of a folder of MIDI files; what a person added to an earlier one is kept.

    Args:
        name: of the corpus.
        root: the folder.
        manifest_path: the file to write.
        project_root: the project's folder.

    Raises:
        CorpusError: the name is no name, it is that of a corpus of another kind, or the folder holds no MIDI file.
    """
    validate_name(name)
    before = _load_previous(name, manifest_path)
    if not root.is_dir():
        raise CorpusError(f"{root}: no such folder")
    found = {member: _hash_file(root / member) for member in sorted(_find_midi_files(root))}
    if not found:
        raise CorpusError(f"{root}: no file named .mid or .midi in it")
    tops = {member.partition("/")[0] for member in found}
    folder = FolderManifest(
        kind="folder",
        title=before.title if before else name,
        license=before.license if before else "not stated",
        source=before.source if before else "own files",
        root=_relative_to_project(root, project_root),
        split_by="folders" if {"train", "validation"} <= tops <= set(splits.SPLITS) else "hash",
        files=found,
        compositions={key: value for key, value in before.compositions.items() if key in found}
        if before
        else {},
        splits={key: value for key, value in before.splits.items() if key in found}
        if before
        else {},
    )
    _dump_manifest(folder, manifest_path)
    return folder


def _load_previous(name: str, manifest_path: Path) -> FolderManifest | None:
    """Return the earlier manifest, if there is one."""
    if not manifest_path.exists():
        return None
    before = load_manifest(manifest_path)
    if not isinstance(before, FolderManifest):
        raise CorpusError(
            f"{manifest_path} is a corpus of another kind; use another name than {name!r}"
        )
    return before


def _relative_to_project(root: Path, project_root: Path) -> str:
    """Return the folder relative to the project if it lies inside, else in full."""
    full, base = root.resolve(), project_root.resolve()
    return full.relative_to(base).as_posix() if full.is_relative_to(base) else full.as_posix()


def _dump_manifest(manifest: FolderManifest, manifest_path: Path) -> None:
    """Write a manifest, keys in the order of `Folder`."""
    yaml: Any = YAML(typ="safe", pure=True)
    yaml.default_flow_style = False
    yaml.sort_base_mapping_type_on_output = False
    yaml.allow_unicode = True
    yaml.width = 1000
    text = io.StringIO()
    text.write(
        "# Written by 'music-rnn add-corpus'; run it again after a change of the files. Yours to add, and kept:\n"
    )
    text.write(
        "# title, license, source; compositions: {file: name}; splits: {file: train, validation or test}.\n"
    )
    yaml.dump({"kind": manifest.kind} | manifest.model_dump(), text)
    files.write_text(manifest_path, text.getvalue())


def _find_midi_files(root: Path) -> Iterator[str]:
    """Name the MIDI files below a folder; say what is left out and why."""
    for place, folders, names in os.walk(root, onerror=_warn_unreadable_folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            if not name.lower().endswith(MIDI_SUFFIXES) or name.startswith("."):
                continue
            path = Path(place, name)
            member = path.relative_to(root).as_posix()
            if fault := archives.path_problem(member) or _find_file_problem(path):
                log_message(f"left out: {member!a} {fault}")
            else:
                yield member


def _warn_unreadable_folder(error: OSError) -> None:
    """Say which folder cannot be looked into; on a disk of its own there is one, lost+found."""
    log_message(f"left out: {error.filename!a} cannot be looked into ({error.strerror})")


def _find_file_problem(path: Path) -> str:
    """Return why a file is not read, or nothing. Links are not followed: they may leave the tree or run in circles."""
    info = path.lstat()
    if not stat.S_ISREG(info.st_mode):
        return "is a link, pipe or device, not a file"
    if info.st_size > archives.MAX_MEMBER_BYTES:
        return f"has {info.st_size:,} bytes, more than the {archives.MAX_MEMBER_BYTES:,} allowed"
    return ""


def _hash_file(path: Path) -> str:
    """Return the sha256 of a file."""
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise CorpusError(f"{path}: cannot be read ({error.strerror})") from error


def open_source(manifest: FolderManifest, name: str, project_root: Path) -> PieceSource:
    """Read the files that a manifest lists.

    Args:
        manifest: of the folder.
        name: of the corpus.
        project_root: the project's folder, where a relative root begins.

    Raises:
        CorpusError: a file is gone or changed, or a composition is in two splits.
    """
    root = project_root / manifest.root
    remedy = f"run 'music-rnn add-corpus {name} {root}' again"
    pieces = _make_pieces(manifest, remedy)
    known = [piece for piece in pieces if piece.member in manifest.compositions]
    splits.find_leaks([piece.composition for piece in known], [piece.split for piece in known])

    def read_piece(piece: CorpusPiece) -> bytes:
        path = root / piece.member
        try:
            fault = _find_file_problem(path)
            data = b"" if fault else path.read_bytes()
        except OSError as error:
            raise CorpusError(f"{path}: cannot be read ({error.strerror}); {remedy}") from error
        if fault:
            raise CorpusError(f"{path} {fault}; {remedy}")
        return verify_bytes(data, piece.sha256, str(path), remedy)

    return pieces, read_piece


def _make_pieces(manifest: FolderManifest, hint: str) -> list[CorpusPiece]:
    """Give every file its composition and split.

    Raises:
        CorpusError: the manifest speaks of files that it does not list, or a top folder is no split.
    """
    for key in (*manifest.compositions, *manifest.splits):
        if key not in manifest.files:
            raise CorpusError(
                f"the manifest gives {key!r} a composition or split, but does not list it; {hint}"
            )
    compositions = [
        manifest.compositions.get(key) or unknown_composition(sha256)
        for key, sha256 in manifest.files.items()
    ]
    given = splits.split_by_hash(compositions)
    if manifest.split_by == "folders":
        given = [key.partition("/")[0] for key in manifest.files]
        if wrong := sorted(set(given) - set(splits.SPLITS)):
            raise CorpusError(
                f"the top folder {wrong[0]!r} is no split; move it, or set split_by: hash"
            )
    return [
        CorpusPiece(key, composition, manifest.splits.get(key, split), sha256)
        for (key, sha256), composition, split in zip(
            manifest.files.items(), compositions, given, strict=True
        )
    ]
