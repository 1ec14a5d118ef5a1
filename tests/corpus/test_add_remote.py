"""A URL becomes a corpus that can be fetched."""

import types
import zipfile

import pytest
from typer.testing import CliRunner

from pipeline.cli import app
from pipeline.core import paths
from pipeline.core.errors import CorpusError
from pipeline.corpus import add_remote
from pipeline.stages import fetch

CONTENTS = {"a.mid": b"music a", "b/c.MIDI": b"music b", "d.mid": b"music d"}


@pytest.fixture(params=["folder", "zip"])
def url(request, tmp_path, monkeypatch, skip_fsync):
    (tmp_path / "project").mkdir()
    monkeypatch.chdir(tmp_path / "project")
    monkeypatch.delenv("DVC_ROOT", raising=False)
    contents = CONTENTS | {"readme.txt": b"no music"}
    if request.param == "zip":
        with zipfile.ZipFile(tmp_path / "music.zip", "w") as archive:
            for name, data in contents.items():
                archive.writestr(name, data)
        return f"file://{tmp_path / 'music.zip'}"
    for name, data in contents.items():
        path = tmp_path / "music" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return f"file://{tmp_path / 'music'}"


def test_the_files_of_a_url_are_a_corpus(url):
    result = CliRunner().invoke(app, ["add-corpus", "far", url])
    assert result.exit_code == 0 and result.stdout == f"{paths.get_manifest_path('far')}\n"
    pieces, read_piece = fetch.open_corpus("far")
    assert {piece.member: read_piece(piece) for piece in pieces} == CONTENTS
    assert {piece.split for piece in pieces} == {"train", "validation", "test"}
    fetch.run(types.SimpleNamespace(corpus="far"))


def test_a_corpus_of_the_name_is_not_written_over(url):
    before = add_remote.add_remote("far", url).read_bytes()
    with pytest.raises(CorpusError, match="is there already; delete it, or use another name"):
        add_remote.add_remote("far", url)
    assert paths.get_manifest_path("far").read_bytes() == before


def test_a_place_without_music_or_with_a_password_is_one_line(url, tmp_path):
    (tmp_path / "none").mkdir()
    with pytest.raises(CorpusError, match=r"no file in it ends in \.mid"):
        add_remote.add_remote("none", f"file://{tmp_path / 'none'}")
    with pytest.raises(CorpusError, match="without a password") as error:
        add_remote.add_remote("none", "ssh://user:secret@host/midi")
    assert "secret" not in str(error.value)
    assert not paths.CORPORA.exists()
