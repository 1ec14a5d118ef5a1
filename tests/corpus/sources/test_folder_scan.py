"""Which files of a folder are taken, and which are left out and why."""

from pathlib import Path

import pytest

from pipeline.core.errors import CorpusError
from pipeline.corpus.manifest import LeftOut
from pipeline.corpus.sources import folder_scan


def make_folder(root: Path, *names: str) -> Path:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    return root


def test_midi_files_are_taken_and_all_else_is_counted_by_reason(tmp_path: Path) -> None:
    root = make_folder(
        tmp_path,
        *("b.mid", "deep/a.MIDI", "one.zip", "two.ZIP", "x.txt", "README"),
        *(".hidden.mid", ".git/a.mid", "a.tar.gz"),
    )
    (root / "link").symlink_to(root / "deep")
    (root / "link.mid").symlink_to(root / "b.mid")
    scan = folder_scan.scan_folder(root)
    assert scan.members == ["b.mid", "deep/a.MIDI"]
    assert {row.reason: (row.files, row.example) for row in scan.summarize_left_out()} == {
        ".zip file: unzip it first": (2, "one.zip"),
        ".gz file: unzip it first": (1, "a.tar.gz"),
        ".txt file": (1, "x.txt"),
        "file without an ending": (1, "README"),
        "hidden file": (1, ".hidden.mid"),
        "hidden folder": (1, ".git"),
        "link to a folder": (1, "link"),
        "MIDI file that is a link, pipe or device, not a file": (1, "link.mid"),
    }


def test_the_number_of_reasons_is_bounded_and_no_file_is_lost(tmp_path: Path) -> None:
    root = make_folder(tmp_path, "a.mid", *(f"x.e{number}" for number in range(50)))
    rows = folder_scan.scan_folder(root).summarize_left_out()
    assert len(rows) == folder_scan.MAX_REASONS + 1
    assert sum(row.files for row in rows) == 50


def test_names_that_cannot_be_printed_can_be_written_to_a_manifest(tmp_path: Path) -> None:
    scan = folder_scan.FolderScan()
    scan.leave_out("new\nline \udce9.txt", ".txt file")
    assert scan.summarize_left_out() == [
        LeftOut(reason=".txt file", files=1, example="new line \\udce9.txt")
    ]


def test_a_folder_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="nothing: no such folder"):
        folder_scan.scan_folder(tmp_path / "nothing")


def test_a_file_that_went_away_is_named(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match=r"a\.mid: cannot be read"):
        dict(folder_scan.hash_files(tmp_path, ["a.mid"]))
