import errno
import hashlib
import io
import os
import resource
import signal
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from pipeline.core import files
from pipeline.core.errors import DiskError


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
    with pytest.raises(error), files.atomic_path(path) as temporary:
        temporary.write_text("half of the n")
        raise error
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_the_old_file_is_seen_until_the_block_ends(tmp_path):
    path = tmp_path / "file"
    path.write_text("old")
    with files.atomic_path(path) as temporary:
        temporary.write_text("new")
        assert path.read_text() == "old"
        assert temporary.parent == path.parent
    assert path.read_text() == "new"


@pytest.mark.parametrize("error", [ValueError, OSError(28, "full")])
def test_after_an_error_the_old_folder_stays_and_no_temporary_one(tmp_path, error):
    files.write_text(tmp_path / "folder" / "a", "old")
    with (
        pytest.raises((ValueError, DiskError)),
        files.atomic_folder(tmp_path / "folder") as temporary,
    ):
        (temporary / "a").write_text("half of the n")
        raise error
    assert (tmp_path / "folder" / "a").read_text() == "old"
    assert list(tmp_path.iterdir()) == [tmp_path / "folder"]


def test_a_folder_is_replaced_whole(tmp_path):
    files.write_text(tmp_path / "folder" / "old", "old")
    with files.atomic_folder(tmp_path / "folder") as temporary:
        (temporary / "new").write_text("new")
        assert (tmp_path / "folder" / "old").exists()
    assert [path.name for path in (tmp_path / "folder").iterdir()] == ["new"]
    assert list(tmp_path.iterdir()) == [tmp_path / "folder"]


def test_bytes_are_on_the_disk_before_the_move(tmp_path, monkeypatch):
    done = []
    replace = Path.replace
    monkeypatch.setattr(
        os, "fsync", lambda handle: done.append(Path(f"/proc/self/fd/{handle}").readlink())
    )
    monkeypatch.setattr(
        Path, "replace", lambda self, to: (done.append("move"), replace(self, to))[1]
    )
    with files.atomic_path(tmp_path / "file") as temporary:
        temporary.write_text("new")
    assert done == [temporary, "move", tmp_path]


@given(
    values=st.dictionaries(
        st.text("abc", min_size=1), st.lists(st.floats(allow_nan=False)), max_size=4
    )
)
def test_equal_arrays_give_equal_bytes_whatever_their_order(values):
    named = {name: np.array(value, float) for name, value in values.items()}
    assert files.encode_npz(named) == files.encode_npz(dict(reversed(named.items())))


@pytest.mark.parametrize("platform", ["linux", "win32"])
def test_an_archive_has_equal_bytes_with_every_python_and_system(monkeypatch, platform):
    monkeypatch.setattr("sys.platform", platform)
    named = {
        "b": np.arange(6, dtype="<f4").reshape(2, 3),
        "a": np.array(["x", "yz"]),
        "c": np.array(5),
    }
    digest = hashlib.sha256(files.encode_npz(named)).hexdigest()
    assert digest == "8c289c8b8c37f7573bcec6bf51f87b22a64830377f82a9f81f3f0d50c230e4af"


@given(
    array=arrays(
        st.sampled_from([np.float32, np.int64, np.uint8]), array_shapes(min_dims=0, min_side=0)
    )
)
def test_numpy_reads_an_archive(array):
    read = np.load(io.BytesIO(files.encode_npz({"a": array})))
    np.testing.assert_array_equal(read["a"], array, strict=True)


def test_an_archive_holds_no_clock(monkeypatch):
    named = {"a": np.arange(3)}
    before = files.encode_npz(named)
    monkeypatch.setattr("time.time", lambda: 2e9)
    assert files.encode_npz(named) == before


@pytest.fixture
def no_space():
    """A disk on which files may have 1,000 bytes: the system refuses more, as a full disk does."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)
    signal.signal(signal.SIGXFSZ, ignored)


def test_a_full_disk_is_one_line_and_the_old_file_stays(tmp_path, no_space):
    path = tmp_path / "file"
    files.write_bytes(path, b"old")
    with pytest.raises(
        DiskError, match=r"file: cannot be written \(File too large\).*free space on that disk"
    ) as caught:
        files.write_bytes(path, bytes(2000))
    assert "\n" not in str(caught.value)
    assert path.read_bytes() == b"old" and list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("place", ["fsync", "replace"])
@pytest.mark.parametrize(
    ("number", "remedy"),
    [
        (errno.ENOSPC, "No space left on device.*free space"),
        (errno.EDQUOT, "free space"),
        (errno.EROFS, "Read-only file system.*make that place writable"),
        (errno.EACCES, "Permission denied.*make that place writable"),
    ],
)
def test_whatever_the_system_refuses_is_one_line_with_the_remedy(
    tmp_path, monkeypatch, place, number, remedy
):
    path = tmp_path / "file"
    files.write_bytes(path, b"old")

    def refuse(*_):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(*((os, "fsync") if place == "fsync" else (Path, "replace")), refuse)
    with pytest.raises(DiskError, match=f"file: cannot be written .*{remedy}"):
        files.write_bytes(path, b"new")
    assert path.read_bytes() == b"old" and list(tmp_path.iterdir()) == [path]


def test_a_folder_that_cannot_be_made_is_one_line(tmp_path):
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(DiskError, match=r"file/deep/a: cannot be written \(Not a directory\)"):
        files.write_bytes(tmp_path / "file" / "deep" / "a", b"")


@given(
    members=st.dictionaries(st.text("abc", min_size=1), st.binary(max_size=30), max_size=4),
    data=st.data(),
)
def test_a_sealed_zip_shows_every_flipped_bit_and_is_a_zip_still(tmp_path_factory, members, data):
    path = tmp_path_factory.getbasetemp() / "sealed.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    assert not files.has_valid_checksum(io.BytesIO(path.read_bytes()))
    files.append_zip_checksum(path)
    with path.open("rb") as file:
        assert files.has_valid_checksum(file) and file.tell() == 0
    with zipfile.ZipFile(path) as archive:
        assert {name: archive.read(name) for name in archive.namelist()} == members
    torn = bytearray(path.read_bytes())
    place = data.draw(st.integers(0, 8 * len(torn) - 1))
    torn[place // 8] ^= 1 << place % 8
    assert not files.has_valid_checksum(io.BytesIO(torn))
    assert not files.has_valid_checksum(io.BytesIO(path.read_bytes()[:-1]))
    assert not files.has_valid_checksum(io.BytesIO(b""))


@pytest.mark.parametrize("name", ["", ".", "..", "/", "folder", "pipe", "to-null"])
def test_only_a_file_is_replaced(in_folder, name):
    """Not a device either: root, as in a container, would replace /dev/null for all programs."""
    Path("folder").mkdir()
    os.mkfifo("pipe")
    Path("to-null").symlink_to("/dev/null")
    before = [Path(place).lstat().st_mode for place in ("folder", "pipe", "to-null")]
    with pytest.raises(DiskError, match="cannot be written: this is"):
        files.write_text(Path(name), "new")
    assert [Path(place).lstat().st_mode for place in ("folder", "pipe", "to-null")] == before
    assert sorted(path.name for path in in_folder.iterdir()) == ["folder", "pipe", "to-null"]


def test_a_file_keeps_its_mode_and_a_link_leaves_what_it_led_to(tmp_path):
    """An object of DVC's cache, which DVC protects, may be behind a link of either kind."""
    (tmp_path / "object").write_text("old")
    (tmp_path / "object").chmod(0o444)
    (tmp_path / "link").symlink_to(tmp_path / "object")
    (tmp_path / "hard").hardlink_to(tmp_path / "object")
    (tmp_path / "own").write_text("old")
    (tmp_path / "own").chmod(0o600)
    for name in ("link", "hard", "own"):
        files.write_text(tmp_path / name, "new")
        assert (tmp_path / name).read_text() == "new"
        assert (tmp_path / name).stat().st_mode & 0o200
    assert (tmp_path / "object").read_text() == "old" and not (tmp_path / "link").is_symlink()
    assert (tmp_path / "own").stat().st_mode & 0o777 == 0o600


def test_a_disk_that_knows_no_modes_is_written(tmp_path, monkeypatch):
    (tmp_path / "a").write_text("old")
    (tmp_path / "a").chmod(0o600)

    def chmod(*_):
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(Path, "chmod", chmod)
    files.write_text(tmp_path / "a", "new")
    assert (tmp_path / "a").read_text() == "new"


def test_a_write_protected_file_stays(tmp_path):
    """Also for root, whom the mode does not stop."""
    (tmp_path / "a").write_text("old")
    (tmp_path / "a").chmod(0o444)
    with pytest.raises(DiskError, match="write-protected"):
        files.write_text(tmp_path / "a", "new")
    assert (tmp_path / "a").read_text() == "old"
