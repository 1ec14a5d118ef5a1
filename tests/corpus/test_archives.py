"""Hostile archives: none may write, hang or fill the memory; each fails in one line that names the member."""

import io
import tarfile
import zipfile

import pytest

from pipeline.core.errors import CorpusError
from pipeline.corpus import archives

BAD_NAMES = [
    "../a.mid",
    "a/../../b.mid",
    "/etc/a.mid",
    "C:/a.mid",
    "a\\..\\b.mid",
    "a//b.mid",
    "./a.mid",
    "a\nb.mid",
    "a\x1bb.mid",
    "a‮b.mid",
    "x" * 500,
]


def write_zip(path, *members):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members:
            archive.writestr(name, data)
    return path


@pytest.mark.parametrize("name", BAD_NAMES)
def test_a_name_that_leaves_its_place_is_refused(tmp_path, name):
    assert archives.path_problem(name)
    with pytest.raises(CorpusError, match="do not trust") as caught:
        archives.open_zip(write_zip(tmp_path / "a.zip", (name, b"x")))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "name", ["a.mid", "2004/a b--3.midi", "Ü/é.mid", "日本　曲.mid", "..a/b..mid"]
)
def test_a_name_inside_the_folder_is_accepted(name):
    assert not archives.path_problem(name)


def test_a_link_is_refused(tmp_path):
    info = zipfile.ZipInfo("a.mid")
    info.create_system, info.external_attr = 3, 0o120777 << 16
    with pytest.raises(CorpusError, match="is a link"):
        archives.open_zip(write_zip(tmp_path / "a.zip", (info, "/etc/passwd")))


def test_a_name_that_is_there_twice_is_refused(tmp_path):
    with pytest.warns(UserWarning, match="Duplicate"):
        path = write_zip(tmp_path / "a.zip", ("a.mid", b"one"), ("a.mid", b"two"))
    with pytest.raises(CorpusError, match="there twice"):
        archives.open_zip(path)


def test_too_many_members_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(archives, "MAX_MEMBERS", 3)
    with pytest.raises(CorpusError, match="4 files are more than"):
        archives.open_zip(write_zip(tmp_path / "a.zip", *((f"{name}.mid", b"") for name in "abcd")))


def test_a_bomb_that_says_so_is_refused_unread(tmp_path):
    archive, members = archives.open_zip(
        write_zip(tmp_path / "a.zip", ("a.mid", bytes(33 * 2**20)))
    )
    with archive, pytest.raises(CorpusError, match="more than the 33,554,432 allowed"):
        archives.read_member(archive, members["a.mid"])


@pytest.mark.parametrize("declared", [10, 1000])
def test_a_member_of_another_size_than_declared_is_refused(tmp_path, declared):
    archive, members = archives.open_zip(write_zip(tmp_path / "a.zip", ("a.mid", bytes(500))))
    members["a.mid"].file_size = declared
    with archive, pytest.raises(CorpusError, match=r"a.mid"):
        archives.read_member(archive, members["a.mid"])


def test_every_flipped_bit_of_a_member_is_seen(tmp_path):
    path = write_zip(tmp_path / "a.zip", ("a.mid", bytes(range(256)) * 4))
    whole = path.read_bytes()
    for at in range(35, 300, 7):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 4]) + whole[at + 1 :])
        archive, members = archives.open_zip(path)
        with archive, pytest.raises(CorpusError):
            archives.read_member(archive, members["a.mid"])


@pytest.mark.parametrize("data", [b"", b"no zip at all", b"PK\x03\x04" + bytes(100)])
def test_a_file_that_is_no_zip_is_refused(tmp_path, data):
    (tmp_path / "a.zip").write_bytes(data)
    with pytest.raises(CorpusError, match="no zip that can be read"):
        archives.open_zip(tmp_path / "a.zip")


def test_a_missing_zip_is_refused(tmp_path):
    with pytest.raises(CorpusError, match="no such file"):
        archives.open_zip(tmp_path / "a.zip")


def write_tar(path, *members):
    with tarfile.open(path, "w:gz") as archive:
        for name, kind, data in members:
            info = tarfile.TarInfo(name)
            info.type, info.size, info.linkname = kind, len(data), "/etc/passwd"
            archive.addfile(info, io.BytesIO(data))
    return path


def test_the_named_files_of_a_tar_are_read_and_no_others(tmp_path):
    path = write_tar(
        tmp_path / "a.tar.gz",
        ("p/x/b.mid", tarfile.REGTYPE, b"another folder"),
        ("p/a.mid", tarfile.REGTYPE, b"A"),
        ("../p/b.mid", tarfile.REGTYPE, b"evil"),
        ("p/b.mid", tarfile.REGTYPE, b"B"),
        ("p/c.mid", tarfile.REGTYPE, b"C"),
    )
    assert archives.read_tar_members(path, "p", {"a.mid", "b.mid"}) == {
        "a.mid": b"A",
        "b.mid": b"B",
    }


@pytest.mark.parametrize(
    "kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.DIRTYPE]
)
def test_only_regular_files_of_a_tar_are_read(tmp_path, kind):
    path = write_tar(tmp_path / "a.tar.gz", ("p/a.mid", kind, b""))
    with pytest.raises(CorpusError, match="no regular file"):
        archives.read_tar_members(path, "p", {"a.mid"})


def test_a_tar_with_a_file_twice_is_refused(tmp_path):
    path = write_tar(tmp_path / "a.tar.gz", *[("p/a.mid", tarfile.REGTYPE, b"A")] * 2)
    with pytest.raises(CorpusError, match="there twice"):
        archives.read_tar_members(path, "p", {"a.mid"})


def test_a_tar_bomb_is_stopped(tmp_path, monkeypatch):
    monkeypatch.setattr(archives, "MAX_TAR_BYTES", 10_000)
    path = write_tar(
        tmp_path / "a.tar.gz",
        ("x", tarfile.REGTYPE, bytes(20_000)),
        ("p/a.mid", tarfile.REGTYPE, b"A"),
    )
    with pytest.raises(CorpusError, match="more files or bytes"):
        archives.read_tar_members(path, "p", {"a.mid"})


def test_a_tar_that_lacks_a_file_or_is_cut_or_none(tmp_path):
    path = write_tar(tmp_path / "a.tar.gz", ("p/a.mid", tarfile.REGTYPE, bytes(3000)))
    with pytest.raises(CorpusError, match=r"p/b.mid is not in it"):
        archives.read_tar_members(path, "p", {"a.mid", "b.mid"})
    path.write_bytes(path.read_bytes()[:60])
    with pytest.raises(CorpusError, match="no tar that can be read"):
        archives.read_tar_members(path, "p", {"a.mid"})
    path.write_bytes(b"hello")
    with pytest.raises(CorpusError, match="no tar that can be read"):
        archives.read_tar_members(path, "p", {"a.mid"})
