"""Files at a URL; test_read_corpus.py runs an object store on this machine."""

import zipfile

import pytest

from pipeline.core.errors import CorpusError
from pipeline.corpus import archives
from pipeline.corpus.remote_files import RemoteFiles


@pytest.fixture(params=["folder", "zip"])
def remote(request, tmp_path):
    contents = {"a.mid": b"music a", "b/c d.mid": b"music b", "empty.mid": b""}
    if request.param == "zip":
        with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
            for name, data in contents.items():
                archive.writestr(name, data)
        return RemoteFiles(f"file://{tmp_path / 'x.zip'}")
    for name, data in contents.items():
        path = tmp_path / "music" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    (tmp_path / "secret").write_text("of somebody")
    return RemoteFiles(f"file://{tmp_path / 'music'}/")


def test_files_are_read_one_by_one(remote):
    assert remote.list_members() == ["a.mid", "b/c d.mid", "empty.mid"]
    contents = [remote.read_member(member) for member in remote.list_members()]
    assert contents == [b"music a", b"music b", b""]


def test_a_missing_file_is_named(remote):
    with pytest.raises(CorpusError, match=r"z\.mid: no such file"):
        remote.read_member("z.mid")


@pytest.mark.parametrize("name", ["../secret", "/etc/passwd", "b/../a.mid", "a\n.mid", ""])
def test_a_name_that_leads_out_of_the_folder_is_refused(remote, name):
    with pytest.raises(CorpusError, match="rename the file"):
        remote.read_member(name)


def test_a_file_that_is_too_large_is_refused(remote, monkeypatch):
    monkeypatch.setattr(archives, "MAX_MEMBER_BYTES", 3)
    monkeypatch.setattr(archives.read_member, "__defaults__", (3,))
    with pytest.raises(CorpusError, match="7 bytes are more than the 3 allowed"):
        remote.read_member("a.mid")


def test_a_zip_is_read_in_part(tmp_path, monkeypatch):
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        for number in range(8):
            archive.writestr(f"{number}.mid", bytes(2**20))
    remote = RemoteFiles(f"memory://{tmp_path.name}/x.zip")
    file_system, path = remote._folder
    file_system.pipe_file(path, (tmp_path / "x.zip").read_bytes())
    opened = []
    real = file_system.open
    monkeypatch.setattr(
        file_system, "open", lambda *args, **options: opened.append(options) or real(*args)
    )
    assert len(remote.read_member("3.mid")) == 2**20
    assert opened == [{"block_size": 2**18, "cache_type": "readahead"}]


def test_a_zip_with_a_link_or_a_bad_name_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.writestr("../a.mid", b"music")
    with pytest.raises(CorpusError, match=r"x\.zip: the member '../a\.mid' has a part"):
        RemoteFiles(f"file://{tmp_path / 'x.zip'}").read_member("a.mid")


def test_what_is_no_zip_is_one_line(tmp_path):
    (tmp_path / "x.zip").write_text("no zip")
    with pytest.raises(CorpusError, match="no zip that can be read"):
        RemoteFiles(f"file://{tmp_path / 'x.zip'}").read_member("a.mid")


def test_an_unknown_protocol_is_one_line():
    with pytest.raises(CorpusError, match="nowhere://a: cannot be read"):
        RemoteFiles("nowhere://a").read_member("a.mid")


def test_the_package_of_a_store_is_named(monkeypatch):
    def refuse(url):
        raise ImportError("Install gcsfs to access Google Storage")

    monkeypatch.setattr("fsspec.core.url_to_fs", refuse)
    with pytest.raises(CorpusError, match=r"pip install 'music-rnn\[gs\]'"):
        RemoteFiles("gs://bucket/music").read_member("a.mid")
