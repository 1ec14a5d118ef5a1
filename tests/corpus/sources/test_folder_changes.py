"""A folder that changed since its manifest is noticed."""

from pathlib import Path

import pytest
from factories import ROOT, make_band_midi

from pipeline.config.schema import IngestConfig
from pipeline.core import paths
from pipeline.core.errors import CorpusError
from pipeline.corpus import add_folder
from pipeline.corpus.sources import folder_changes
from pipeline.corpus.sources.folder_changes import FolderChanges


def test_new_gone_and_changed_files_are_told_apart() -> None:
    listed = {"a": "1", "b": "2", "c": "3"}
    changes = folder_changes.compare_files(listed, {"a": "1", "c": "4", "d": "5"})
    assert changes == FolderChanges(new=["d"], gone=["b"], changed=["c"])
    assert str(changes) == "1 new (d), 1 gone (b), 1 changed (c)"
    assert str(folder_changes.compare_files(listed, listed)) == ""


def test_many_names_are_cut() -> None:
    changes = FolderChanges(new=[*"abcde"], gone=[], changed=[])
    assert str(changes) == "5 new (a, b, c, …)"


@pytest.fixture
def music(in_folder: Path) -> Path:
    """A folder of two pieces that is the corpus `own`."""
    root = in_folder / "music"
    root.mkdir()
    for pitch in (50, 60):
        (root / f"{pitch}.mid").write_bytes(make_band_midi((0, 0, "", pitch), num_notes=pitch))
    add_folder.add_folder("own", root, IngestConfig(reader="symusic", sustain_pedal=False), 25)
    return root


def describe_changes(name: str = "own") -> str:
    return folder_changes.describe_changes(name, paths.get_manifest_path(name), Path())


def test_what_changed_is_one_line_with_the_remedy(music: Path) -> None:
    assert describe_changes() == ""
    (music / "70.mid").write_bytes(b"new")
    (music / "60.mid").unlink()
    (music / "notes.txt").write_text("not music")
    assert describe_changes() == (
        "corpus own: music changed since data/corpora/own.yaml: 1 new (70.mid), 1 gone (60.mid); "
        "run 'music-rnn add-corpus own'"
    )


def test_a_folder_that_is_not_there_is_said(music: Path) -> None:
    music.rename("elsewhere")
    assert describe_changes() == (
        "corpus own: changes of its folder cannot be seen (music: no such folder)"
    )


def test_a_corpus_of_another_kind_has_no_folder(in_folder: Path) -> None:
    manifest = ROOT / "data/corpora/maestro-sample.yaml"
    assert folder_changes.describe_changes("maestro-sample", manifest, Path()) == ""
    with pytest.raises(CorpusError, match="no such corpus"):
        describe_changes("nothing")
