"""A corpus of your own MIDI files in a folder.

`make_manifest` lists the files in a manifest (`add_folder` finds them); `open_source` reads exactly those files. Files
that are no MIDI are rejected later, by ingest, by name and with a reason.
"""

import io
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from ruamel.yaml import YAML

from pipeline.core import files
from pipeline.core.errors import CorpusError
from pipeline.corpus import splits
from pipeline.corpus.bundle import CorpusPiece, unknown_composition, verify_bytes
from pipeline.corpus.manifest import FolderManifest, load_manifest
from pipeline.corpus.sources import PieceSource
from pipeline.corpus.sources.folder_scan import find_file_problem

T = TypeVar("T")


def make_manifest(
    name: str,
    root: str,
    hashes: Mapping[str, str],
    previous: FolderManifest | None,
) -> FolderManifest:
    """Return the manifest of a folder; what a user added to an earlier manifest is kept.

    Args:
        name: name of the corpus.
        root: the folder, as the manifest has it.
        hashes: path below the folder and sha256 of each MIDI file.
        previous: the earlier manifest.
    """
    return FolderManifest(
        kind="folder",
        title=previous.title if previous else name,
        license=previous.license if previous else "not stated",
        source=previous.source if previous else "own files",
        root=root,
        split_by="folders" if _has_split_folders(hashes) else "hash",
        files=dict(hashes),
        compositions=_keep_listed(previous.compositions, hashes) if previous else {},
        splits=_keep_listed(previous.splits, hashes) if previous else {},
    )


def save_manifest(manifest: FolderManifest, path: Path) -> None:
    """Write a manifest, with keys in the order of `FolderManifest`."""
    yaml: Any = YAML(typ="safe", pure=True)
    yaml.default_flow_style = False
    yaml.sort_base_mapping_type_on_output = False
    yaml.allow_unicode = True
    yaml.width = 1000
    text = io.StringIO()
    text.write(
        "# Written by 'music-rnn add-corpus'; run it again after files change. Your changes of these keys are kept:\n"
    )
    text.write(
        "# title, license, source; compositions: {file: name}; splits: {file: train, validation or test}.\n"
    )
    yaml.dump({"kind": manifest.kind} | manifest.model_dump(), text)
    files.write_text(path, text.getvalue())


def _has_split_folders(members: Iterable[str]) -> bool:
    """Whether the top folders are splits, with train and validation among them."""
    top_folders = {member.partition("/")[0] for member in members}
    return {"train", "validation"} <= top_folders <= set(splits.SPLITS)


def _keep_listed(values: Mapping[str, T], members: Collection[str]) -> dict[str, T]:
    """Return the values of the files that still exist."""
    return {member: value for member, value in values.items() if member in members}


def load_previous(name: str, manifest_path: Path) -> FolderManifest | None:
    """Return the earlier manifest of a folder, if there is one.

    Raises:
        CorpusError: a corpus of another kind has the name.
    """
    if not manifest_path.exists():
        return None
    previous = load_manifest(manifest_path)
    if not isinstance(previous, FolderManifest):
        raise CorpusError(
            f"{manifest_path} is a corpus of another kind; use another name than {name!r}"
        )
    return previous


def relative_to_project(root: Path, project_root: Path) -> str:
    """Return the folder relative to the project if it is inside, else its absolute path."""
    folder, project = root.resolve(), project_root.resolve()
    if folder.is_relative_to(project):
        return folder.relative_to(project).as_posix()
    return folder.as_posix()


def open_source(manifest: FolderManifest, name: str, project_root: Path) -> PieceSource:
    """Open the files that a manifest lists.

    Args:
        manifest: manifest of the folder.
        name: name of the corpus.
        project_root: the project's folder, to which a relative root is added.

    Raises:
        CorpusError: a file is missing or changed, or a composition is in two splits.
    """
    root = project_root / manifest.root
    hint = f"run 'music-rnn add-corpus {name} {root}' again"
    pieces = make_pieces(manifest, hint)
    known = [piece for piece in pieces if piece.member in manifest.compositions]
    splits.find_leaks([piece.composition for piece in known], [piece.split for piece in known])

    def read_piece(piece: CorpusPiece) -> bytes:
        path = root / piece.member
        try:
            if problem := find_file_problem(path):
                raise CorpusError(f"{path} {problem}; {hint}")
            data = path.read_bytes()
        except OSError as error:
            raise CorpusError(f"{path}: cannot be read ({error.strerror}); {hint}") from error
        return verify_bytes(data, piece.sha256, str(path), hint)

    return pieces, read_piece


def make_pieces(manifest: FolderManifest, hint: str) -> list[CorpusPiece]:
    """Give every file its composition and split.

    Raises:
        CorpusError: a composition or split is of a file that is not listed, or a top folder is no split.
    """
    for key in (*manifest.compositions, *manifest.splits, *manifest.near_duplicates):
        if key not in manifest.files:
            raise CorpusError(
                f"the manifest gives {key!r} a composition or split, but does not list it; {hint}"
            )
    compositions = _name_compositions(manifest)
    if manifest.split_by == "hash":
        default_splits = _split_by_work(manifest, compositions)
    else:
        default_splits = [key.partition("/")[0] for key in manifest.files]
        if wrong := sorted(set(default_splits) - set(splits.SPLITS)):
            raise CorpusError(
                f"the top folder {wrong[0]!r} is no split; move it, or set split_by: hash"
            )
    rows = zip(manifest.files.items(), compositions, default_splits, strict=True)
    return [
        CorpusPiece(key, composition, manifest.splits.get(key, split), sha256)
        for (key, sha256), composition, split in rows
    ]


def _split_by_work(manifest: FolderManifest, compositions: Sequence[str]) -> list[str]:
    """Return the split of each file: one for all files that a composition or near duplicates join.

    It is that which the manifest gives to any of them, or else by hash.
    """
    works = [manifest.near_duplicates.get(member, member) for member in manifest.files]
    joined = splits.join_compositions(compositions, works)
    chosen: dict[str, str] = {}
    for member, name in zip(manifest.files, joined, strict=True):
        if member in manifest.splits:
            chosen.setdefault(name, manifest.splits[member])
    by_hash = splits.split_by_hash(joined)
    return [chosen.get(name, split) for name, split in zip(joined, by_hash, strict=True)]


def _name_compositions(manifest: FolderManifest) -> list[str]:
    """Return the composition of each file: as the user named it, or that of a file of the same work."""
    name_of_work: dict[str, str] = {}
    for member, name in manifest.compositions.items():
        name_of_work.setdefault(manifest.near_duplicates.get(member, member), name)
    compositions = []
    for member, sha256 in manifest.files.items():
        first = manifest.near_duplicates.get(member, member)
        default = unknown_composition(manifest.files.get(first, sha256))
        own_name = manifest.compositions.get(member)
        compositions.append(own_name or name_of_work.get(first, default))
    return compositions
