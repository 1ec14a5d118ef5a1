"""A corpus whose files stay where they are, from its manifest to the bytes."""

import hashlib
import types

import pytest
from ruamel.yaml import YAML

from pipeline.core import paths
from pipeline.core.errors import CorpusError, DataError
from pipeline.corpus.bundle import CorpusBundle
from pipeline.maintenance import verify
from pipeline.stages import fetch

CONTENTS = {"a.mid": b"music a", "b/c.mid": b"music b"}
PARAMS = types.SimpleNamespace(corpus="far")


@pytest.fixture(autouse=True)
def music(in_folder, skip_fsync):
    for name, data in CONTENTS.items():
        path = in_folder / "music" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return in_folder / "music"


def make_rows(splits=("train", "test"), composition="same"):
    return [
        f"{member},{composition} {split},{split},{hashlib.sha256(data).hexdigest()}"
        for (member, data), split in zip(CONTENTS.items(), splits, strict=True)
    ]


def write_manifest(music, rows, header="member,composition,split,sha256", **changes):
    paths.CORPORA.mkdir(parents=True)
    table = "\n".join([header, *rows, ""]).encode()
    (paths.CORPORA / "far.csv").write_bytes(table)
    index = {"file": "far.csv", "sha256": hashlib.sha256(table).hexdigest()}
    tree = {"kind": "remote", "url": f"file://{music}", "index": index}
    tree |= {"title": "t", "license": "l", "source": "s"} | changes
    with paths.get_manifest_path("far").open("w") as file:
        YAML(typ="safe", pure=True).dump(tree, file)


def test_only_the_table_is_fetched_and_the_files_are_read_where_they_are(music):
    write_manifest(music, reversed(make_rows()))
    fetch.run(PARAMS)
    path = paths.get_corpus_archive("far")
    corpus = CorpusBundle(path)
    assert [(piece.member, piece.split) for piece in corpus.pieces] == [
        ("a.mid", "train"),
        ("b/c.mid", "test"),
    ]
    assert corpus.url == f"file://{music}"
    assert b"music a" not in path.read_bytes()
    pieces, read_piece = fetch.open_corpus("far")
    assert [read_piece(piece) for piece in pieces] == list(CONTENTS.values())
    (music / "a.mid").unlink()
    assert [check.problem for check in verify.verify_project() if check.path == path] == [""]


@pytest.mark.parametrize("change", ["write", "unlink"])
def test_a_file_that_changed_or_is_gone_is_named(music, change):
    write_manifest(music, make_rows())
    pieces, read_piece = fetch.open_corpus("far")
    if change == "write":
        (music / "a.mid").write_bytes(b"other music")
    else:
        (music / "a.mid").unlink()
    with pytest.raises(DataError, match=r"a\.mid: .*; restore it, or correct the table"):
        read_piece(pieces[0])


@pytest.mark.parametrize(
    ("rows", "problem"),
    [
        (["../a.mid,c,train," + "0" * 64], "has a part"),
        (["a.mid,c,train," + "0" * 64] * 2, "is there twice"),
        (["a.mid,c,other," + "0" * 64], "has the split 'other'"),
        ([*make_rows(composition="x")[:1], "b.mid,x train,test," + "0" * 64], "x train"),
    ],
)
def test_a_table_that_no_corpus_may_have_is_refused(music, rows, problem):
    write_manifest(music, rows)
    with pytest.raises(CorpusError, match=problem):
        fetch.run(PARAMS)


def test_another_table_is_refused(music):
    write_manifest(music, make_rows(), header="member,title,split,sha256")
    with pytest.raises(CorpusError, match="columns are to be member, composition"):
        fetch.run(PARAMS)
    (paths.CORPORA / "far.csv").write_text("changed")
    with pytest.raises(CorpusError, match="not the list that"):
        fetch.run(PARAMS)
    (paths.CORPORA / "far.csv").unlink()
    with pytest.raises(CorpusError, match="cannot be read"):
        fetch.run(PARAMS)


@pytest.mark.parametrize("url", ["s3://user:password@bucket/a", "/music", "s3://a b", "s3://a\n"])
def test_a_url_with_a_password_or_of_no_protocol_is_refused_and_not_shown(music, url):
    write_manifest(music, make_rows(), url=url)
    with pytest.raises(CorpusError, match="url") as error:
        fetch.run(PARAMS)
    assert "password" not in str(error.value)


def test_an_archive_cannot_be_given(music):
    write_manifest(music, make_rows())
    with pytest.raises(CorpusError, match="run 'music-rnn fetch far' without an archive"):
        fetch.import_archive("far", music / "a.mid")
