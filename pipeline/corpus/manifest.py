"""What a corpus is: where it comes from, how each file is verified, under which license, in which splits.

A manifest is `data/corpora/<corpus>.yaml`, of one of four kinds: files of a source `package`, an `archive` to
download, a `folder` of your own MIDI files, or `remote` files that stay where they are. It has the sha256 of every file,
itself or in a table beside it, so that a changed corpus is a changed manifest.
"""

import csv
import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, TypeAdapter, ValidationError

from pipeline.config.schema import Identifier, StrictModel
from pipeline.core.errors import CorpusError
from pipeline.core.named_yaml import load_named_yaml
from pipeline.core.suggestions import suggest_name

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Split = Literal["train", "validation", "test"]
Text = Annotated[str, Field(min_length=1, max_length=2000, pattern=r"^[^\x00]*$")]


class ManifestBase(StrictModel):
    """The keys of every manifest."""

    title: Text
    license: Text
    source: Text
    """Who made the music, and a reference."""


class ListedFile(StrictModel):
    """One file of a package."""

    member: Text
    sha256: Sha256
    composition: Text
    split: Split


class SdistManifest(ManifestBase):
    """Files of a source package, fetched by pip."""

    kind: Literal["package"]
    requirement: Annotated[str, Field(pattern=r"^[a-z0-9-]+==[0-9.]+$")]
    """Name and version, such as miditok==3.1.0."""
    sha256: Sha256
    """Of the package as pip downloads it."""
    folder: Text
    """Folder inside it that has the files."""
    pieces: Annotated[list[ListedFile], Field(min_length=1)]


class MemberList(StrictModel):
    """A table of member and sha256, and of what else a kind of manifest needs, in the folder of the manifest."""

    file: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]*\.csv$")]
    sha256: Sha256


class ZipManifest(ManifestBase):
    """A zip to download, which has a table of compositions and splits."""

    kind: Literal["archive"]
    url: Annotated[str, Field(pattern=r"^https://[^ @?\[\]]+\.zip$")]
    sha256: Sha256
    """Of the complete zip, as published. Another zip is accepted if each member is right."""
    folder: Text
    """Folder inside it that has the files."""
    table: Text
    """The table inside that folder, in the columns of MAESTRO."""
    members: MemberList
    accepted_leaks: list[Text]
    """Compositions that the official split has in several splits; every run logs them."""


class RemoteManifest(ManifestBase):
    """Files that stay in an object store, on another machine, or in a zip there; each is verified when it is read."""

    kind: Literal["remote"]
    url: Annotated[
        str, Field(pattern=r"^[a-z][a-z0-9]*://([A-Za-z0-9._-]+@)?[^\s@?\[\]\x00-\x1f]+$")
    ]
    """Of the folder, or of the zip, as fsspec reads it; a user may stand in it, a password may not."""
    index: MemberList
    """A table of member, composition, split and sha256, in the folder of the manifest."""


class LeftOut(StrictModel):
    """Files or notes that are not part of a corpus, and why."""

    reason: Text
    files: Annotated[int, Field(ge=1)]
    notes: Annotated[int, Field(ge=0)] = 0
    """Notes left out of these files; 0 where whole files are left out."""
    example: str = ""
    """The first of the files."""


class FolderManifest(ManifestBase):
    """A folder of your own MIDI files."""

    kind: Literal["folder"]
    root: Text
    """The folder, absolute or relative to the project's."""
    split_by: Literal["hash", "folders"]
    """`hash` of the composition, or the top `folders` train, validation and test."""
    files: Annotated[dict[str, Sha256], Field(min_length=1)]
    """Path below root: sha256."""
    compositions: dict[str, Text]
    """Path below root: composition, where known. Without it every file is a composition of its own."""
    splits: dict[str, Split]
    """Path below root: split, where it is another than `split_by` gives. With `hash`, files of the same work follow."""
    near_duplicates: dict[str, str] = Field(default_factory=dict)
    """Path below root: the first file of the same work, found by their notes. They are one composition, and in one split."""
    left_out: list[LeftOut] = Field(default_factory=list)
    """What else is in the folder: files that are not MIDI, hidden files, links."""


Manifest = SdistManifest | ZipManifest | FolderManifest | RemoteManifest
_ADAPTER: TypeAdapter[Manifest] = TypeAdapter(Annotated[Manifest, Field(discriminator="kind")])


def load_manifest(path: Path) -> Manifest:
    """Read and check a manifest.

    Raises:
        CorpusError: one line that names the file, the key and what is wrong.
    """

    def describe_missing(names: Sequence[str]) -> str:
        return (
            f"no such corpus; there is {', '.join(names) or 'none'}; "
            f"make your own with 'music-rnn add-corpus {path.stem} FOLDER'{suggest_name(path.stem, names)}"
        )

    return load_named_yaml(path, _validate_manifest, CorpusError, describe_missing)


def _validate_manifest(tree: object) -> Manifest:
    return _ADAPTER.validate_python(_rename_old_keys(tree))


def _rename_old_keys(tree: object) -> object:
    """Return a manifest in which `licence`, the key of earlier versions, is `license`."""
    if not isinstance(tree, dict) or "license" in tree:
        return tree
    return {"license" if key == "licence" else key: value for key, value in tree.items()}


def get_accepted_leaks(manifest: Manifest) -> list[str]:
    """Return the compositions that may be in several splits; only an official split can have any."""
    return manifest.accepted_leaks if isinstance(manifest, ZipManifest) else []


def load_accepted_leaks(path: Path) -> list[str]:
    """Return the compositions that a manifest lets be in several splits; none where it cannot be read."""
    try:
        return get_accepted_leaks(load_manifest(path))
    except CorpusError:
        return []


def read_member_list(manifest_path: Path, members: MemberList) -> dict[str, str]:
    """Return member: sha256 from the table beside a manifest.

    Raises:
        CorpusError: the table is missing, or its sha256 is not that of the manifest.
    """
    rows = csv.DictReader(read_table(manifest_path, members).splitlines())
    return {row["member"]: row["sha256"] for row in rows}


def read_table(manifest_path: Path, members: MemberList) -> str:
    """Return the text of the table beside a manifest.

    Raises:
        CorpusError: the table is missing, or its sha256 is not that of the manifest.
    """
    path = manifest_path.with_name(members.file)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise CorpusError(
            f"{path}: cannot be read ({error.strerror}); restore it with git"
        ) from error
    if hashlib.sha256(data).hexdigest() != members.sha256:
        raise CorpusError(f"{path}: not the list that {manifest_path} means; restore it with git")
    return data.decode("utf-8")


def validate_name(name: str) -> str:
    """Return the name of a corpus if it is valid.

    Raises:
        CorpusError: it has other characters than small letters, digits, - and _.
    """
    try:
        return TypeAdapter(Identifier).validate_python(name)
    except ValidationError as error:
        raise CorpusError(f"corpus {name!r}: use small letters, digits, - and _ only") from error
