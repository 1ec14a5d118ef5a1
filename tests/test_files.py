import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline import files


def test_a_new_file_takes_the_place_of_the_old_in_a_folder_that_is_made(tmp_path):
    path = tmp_path / "deep" / "er" / "file"
    files.write_text(path, "old\r\n")
    files.write_text(path, "né\n")
    assert path.read_bytes() == b"n\xc3\xa9\n"
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_after_an_error_the_old_file_stays_and_no_temporary_one(tmp_path, error):
    path = tmp_path / "file"
    path.write_text("old")
    with pytest.raises(error), files.replacing(path) as temporary:
        temporary.write_text("half of the n")
        raise error
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_the_old_file_is_seen_until_the_block_ends(tmp_path):
    path = tmp_path / "file"
    path.write_text("old")
    with files.replacing(path) as temporary:
        temporary.write_text("new")
        assert path.read_text() == "old"
        assert temporary.parent == path.parent
    assert path.read_text() == "new"


def test_bytes_are_on_the_disk_before_the_move(tmp_path, monkeypatch):
    done = []
    replace = Path.replace
    monkeypatch.setattr(os, "fsync", lambda handle: done.append(Path(f"/proc/self/fd/{handle}").readlink()))
    monkeypatch.setattr(Path, "replace", lambda self, to: (done.append("move"), replace(self, to))[1])
    with files.replacing(tmp_path / "file") as temporary:
        temporary.write_text("new")
    assert done == [temporary, "move", tmp_path]


@given(values=st.dictionaries(st.text("abc", min_size=1), st.lists(st.floats(allow_nan=False)), max_size=4))
def test_equal_arrays_give_equal_bytes_whatever_their_order(values):
    named = {name: np.array(value, float) for name, value in values.items()}
    assert files.npz(named) == files.npz(dict(reversed(named.items())))


def test_an_archive_holds_no_clock(monkeypatch):
    named = {"a": np.arange(3)}
    before = files.npz(named)
    monkeypatch.setattr("time.time", lambda: 2e9)
    assert files.npz(named) == before
