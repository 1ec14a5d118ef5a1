"""CONTRIBUTING.md names files and names in them: all of them exist."""

import re
from pathlib import Path

import pytest
from factories import ROOT
from hypothesis import settings

TEXT = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
FOLDERS = r"(?:pipeline|tests|tools|benchmarks|studies|docs|metrics|data)"
PATHS = sorted(set(re.findall(rf"(?<![\w/.]){FOLDERS}/[\w./*-]*[\w/*]", TEXT)))
TABLE_ROWS = re.findall(r"^\| (`.+?) \| (.+) \|$", TEXT, re.M)
"""The two cells of each row that begins with a file."""


def read_all(path: Path) -> str:
    """Return the text of a file, or of all files of a folder."""
    files = path.rglob("*.*") if path.is_dir() else [path]
    return "\n".join(file.read_text("utf-8") for file in files)


def test_all_paths_exist() -> None:
    missing = [path for path in PATHS if not list(ROOT.glob(path.rstrip("/")))]
    assert not missing, f"CONTRIBUTING.md names {missing}, which do not exist"


def find_missing_names(files: str, change: str) -> list[str]:
    """Return the names in a row of a table that none of its files has."""
    paths = [ROOT / name for name in re.findall(r"`([^`]+)`", files + change) if "." in name]
    text = "\n".join(read_all(path) for path in paths if path.exists())
    names = re.findall(r"`(?:\w+\.)?(\w+)`", change)
    return [name for name in names if not re.search(rf"\b{name}\b", text)]


def test_all_names_are_in_their_files() -> None:
    missing = [
        f"{name} of {files}"
        for files, change in TABLE_ROWS
        for name in find_missing_names(files, change)
    ]
    assert not missing, f"CONTRIBUTING.md names {missing}, which these files lack"


def test_the_tables_are_read() -> None:
    assert len(PATHS) > 50
    assert len(TABLE_ROWS) > 40


def test_the_quick_run_tries_fewer_examples(request: pytest.FixtureRequest) -> None:
    expected = 10 if "not slow" in request.config.getoption("markexpr") else 100
    assert settings().max_examples == expected
