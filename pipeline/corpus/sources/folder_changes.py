"""What changed in a folder since its manifest was written."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pipeline.core.errors import CorpusError
from pipeline.corpus.manifest import FolderManifest, load_manifest
from pipeline.corpus.sources.folder_scan import hash_files, scan_folder

MAX_NAMES = 3
"""Names in one sentence."""


@dataclass(frozen=True)
class FolderChanges:
    """Files that are not as a manifest lists them."""

    new: list[str]
    gone: list[str]
    changed: list[str]

    def __str__(self) -> str:
        """Return what is new, gone and changed; an empty text where nothing is."""
        parts = {"new": self.new, "gone": self.gone, "changed": self.changed}
        return ", ".join(
            f"{len(names):,} {word} ({_join_names(names)})"
            for word, names in parts.items()
            if names
        )


def _join_names(names: list[str]) -> str:
    more = ", …" if len(names) > MAX_NAMES else ""
    return ", ".join(names[:MAX_NAMES]) + more


def compare_files(listed: Mapping[str, str], hashes: Mapping[str, str]) -> FolderChanges:
    """Compare the files that a manifest lists with those of a folder; both map a path to its sha256."""
    return FolderChanges(
        new=sorted(hashes.keys() - listed.keys()),
        gone=sorted(listed.keys() - hashes.keys()),
        changed=sorted(
            member for member, sha256 in hashes.items() if listed.get(member, sha256) != sha256
        ),
    )


def describe_changes(name: str, manifest_path: Path, project_root: Path) -> str:
    """Say what changed in the folder of a corpus since its manifest, in one line with the remedy.

    Returns:
        An empty text where nothing changed, and for a corpus of another kind.

    Raises:
        CorpusError: the manifest cannot be read.
    """
    manifest = load_manifest(manifest_path)
    if not isinstance(manifest, FolderManifest):
        return ""
    root = project_root / manifest.root
    try:
        hashes = dict(hash_files(root, scan_folder(root).members))
    except CorpusError as error:
        return f"corpus {name}: changes of its folder cannot be seen ({error})"
    changes = str(compare_files(manifest.files, hashes))
    if not changes:
        return ""
    return f"corpus {name}: {root} changed since {manifest_path}: {changes}; run 'music-rnn add-corpus {name}'"
