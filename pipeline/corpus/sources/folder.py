"""A corpus of your own MIDI files in a folder.

`write_manifest` lists the files in a manifest; `open_source` reads exactly those files. Files that are no MIDI are
rejected later, by ingest, by name and with a reason.
"""

import io
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from ruamel.yaml import YAML

from pipeline.core import files, paths
from pipeline.core.errors import CorpusError
from pipeline.corpus import splits
from pipeline.corpus.bundle import CorpusPiece, unknown_composition, verify_bytes
from pipeline.corpus.manifest import FolderManifest, LeftOut, load_manifest, validate_name
from pipeline.corpus.sources import PieceSource
from pipeline.corpus.sources.folder_scan import find_file_problem, hash_files, scan_folder

T = TypeVar("T")


def write_manifest(
    name: str, root: Path, manifest_path: Path, project_root: Path
) -> FolderManifest:
    """Write the manifest of a folder of MIDI files; what a user added to an earlier manifest is kept.

    Args:
        name: name of the corpus.
        root: the folder.
        manifest_path: the file to write.
        project_root: the project's folder.

    Raises:
        CorpusError: the name is not valid, a corpus of another kind has it, or the folder has no MIDI file.
    """
    validate_name(name)
    previous = _load_previous(name, manifest_path)
    scan = scan_folder(root)
    if not scan.members:
        raise CorpusError(
            f"{root}: no file in it ends in {', '.join(paths.MIDI_SUFFIXES)}{_format_left_out(scan.summarize_left_out())}"
        )
    hashes = dict(hash_files(root, scan.members))
    manifest = FolderManifest(
        kind="folder",
        title=previous.title if previous else name,
        license=previous.license if previous else "not stated",
        source=previous.source if previous else "own files",
        root=_relative_to_project(root, project_root),
        split_by="folders" if _has_split_folders(hashes) else "hash",
        files=hashes,
        compositions=_keep_listed(previous.compositions, hashes) if previous else {},
        splits=_keep_listed(previous.splits, hashes) if previous else {},
        left_out=scan.summarize_left_out(),
    )
    _dump_manifest(manifest, manifest_path)
    return manifest


def _format_left_out(left_out: Sequence[LeftOut]) -> str:
    """Return what is in a folder instead of MIDI files."""
    rows = [f"{row.files:,} × {row.reason}, such as {row.example}" for row in left_out[:3]]
    return f"; there is {'; '.join(rows)}" if rows else ""


def _has_split_folders(members: Iterable[str]) -> bool:
    """Whether the top folders are splits, with train and validation among them."""
    top_folders = {member.partition("/")[0] for member in members}
    return {"train", "validation"} <= top_folders <= set(splits.SPLITS)


def _keep_listed(values: Mapping[str, T], members: Collection[str]) -> dict[str, T]:
    """Return the values of the files that still exist."""
    return {member: value for member, value in values.items() if member in members}


def _load_previous(name: str, manifest_path: Path) -> FolderManifest | None:
    """Return the earlier manifest, if there is one."""
    if not manifest_path.exists():
        return None
    previous = load_manifest(manifest_path)
    if not isinstance(previous, FolderManifest):
        raise CorpusError(
            f"{manifest_path} is a corpus of another kind; use another name than {name!r}"
        )
    return previous


def _relative_to_project(root: Path, project_root: Path) -> str:
    """Return the folder relative to the project if it is inside, else its absolute path."""
    folder, project = root.resolve(), project_root.resolve()
    if folder.is_relative_to(project):
        return folder.relative_to(project).as_posix()
    return folder.as_posix()


def _dump_manifest(manifest: FolderManifest, manifest_path: Path) -> None:
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
    files.write_text(manifest_path, text.getvalue())


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
    pieces = _make_pieces(manifest, hint)
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


def _make_pieces(manifest: FolderManifest, hint: str) -> list[CorpusPiece]:
    """Give every file its composition and split.

    Raises:
        CorpusError: a composition or split is of a file that is not listed, or a top folder is no split.
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
    default_splits = splits.split_by_hash(compositions)
    if manifest.split_by == "folders":
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
