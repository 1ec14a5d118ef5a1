"""CONTRIBUTING.md names files and names in them: all of them exist."""

import re
from pathlib import Path

import pytest
from factories import ROOT

TEXT = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
FOLDERS = r"(?:pipeline|tests|tools|benchmarks|studies|docs|metrics|data)"
PATHS = sorted(set(re.findall(rf"(?<![\w/.]){FOLDERS}/[\w./*-]*[\w/*]", TEXT)))
TABLE_ROWS = re.findall(r"^\| (`.+?) \| (.+) \|$", TEXT, re.M)
"""The two cells of each row that begins with a file."""


def read_all(path: Path) -> str:
    """Return the text of a file, or of all files of a folder."""
    files = path.rglob("*.*") if path.is_dir() else [path]
    return "\n".join(file.read_text("utf-8") for file in files)


@pytest.mark.parametrize("path", PATHS)
def test_a_path_exists(path: str) -> None:
    assert list(ROOT.glob(path.rstrip("/"))), f"CONTRIBUTING.md names {path}, which does not exist"


@pytest.mark.parametrize(("files", "change"), TABLE_ROWS, ids=[row[0] for row in TABLE_ROWS])
def test_a_name_is_in_its_file(files: str, change: str) -> None:
    paths = [ROOT / name for name in re.findall(r"`([^`]+)`", files + change) if "." in name]
    text = "\n".join(read_all(path) for path in paths if path.exists())
    names = re.findall(r"`(?:\w+\.)?(\w+)`", change)
    missing = [name for name in names if not re.search(rf"\b{name}\b", text)]
    assert not missing, f"CONTRIBUTING.md names {missing}, which {files} does not have"


def test_the_tables_are_read() -> None:
    assert len(PATHS) > 50
    assert len(TABLE_ROWS) > 40
