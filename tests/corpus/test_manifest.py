from pathlib import Path

import pytest

from pipeline.core.errors import CorpusError
from pipeline.corpus import manifest
from pipeline.corpus.manifest import SdistManifest, ZipManifest

CORPORA = Path(__file__).parent.parent.parent / "data" / "corpora"
FOLDER = """kind: folder
title: a
license: b
source: c
root: d
split_by: hash
files:
  a.mid: {sha}
compositions: {{}}
splits: {{}}
""".format(sha="'" + "0" * 64 + "'")


def test_the_sample_is_ten_performances_in_the_official_splits():
    sample = manifest.load_manifest(CORPORA / "maestro-sample.yaml")
    assert isinstance(sample, SdistManifest)
    assert [piece.split for piece in sample.pieces].count("train") == 8
    assert {piece.member: piece.split for piece in sample.pieces if piece.split != "train"} == {
        "Maestro_8.mid": "validation",
        "Maestro_1.mid": "test",
    }


def test_the_sample_is_part_of_maestro():
    sample, whole = (
        manifest.load_manifest(CORPORA / f"{name}.yaml")
        for name in ("maestro-sample", "maestro-v3")
    )
    assert isinstance(sample, SdistManifest) and isinstance(whole, ZipManifest)
    known = manifest.read_member_list(CORPORA / "maestro-v3.yaml", whole.members)
    assert len(known) == 1276
    assert {piece.sha256 for piece in sample.pieces} <= set(known.values())


def test_every_manifest_in_the_project_is_sound():
    for path in CORPORA.glob("*.yaml"):
        manifest.load_manifest(path)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("title: a\n", "", "title: Field required"),
        ("title: a", "titel: a", "title: Field required"),
        ("kind: folder", "kind: floder", "floder"),
        ("split_by: hash", "split_by: dice", "split_by: .* not 'dice'"),
        ("0000'", "000'", "files.a.mid: String should match"),
        ("splits: {}", "splits: {a.mid: dev}", "splits.a.mid: .* not 'dev'"),
        ("splits: {}", "splits: {}\nmore: 1", "more: Extra inputs"),
        ("root: d", "root: 7", "root: Input should be a valid string, not 7"),
        ("kind: folder", "kind: [", "cannot be read"),
    ],
)
def test_a_fault_is_one_line_that_names_file_and_key(tmp_path, old, new, message):
    path = tmp_path / "a.yaml"
    path.write_text(FOLDER.replace(old, new))
    with pytest.raises(CorpusError, match=message) as caught:
        manifest.load_manifest(path)
    assert "a.yaml" in str(caught.value) and "\n" not in str(caught.value)


def test_a_password_in_an_address_is_refused_and_not_said(tmp_path):
    text = (
        (CORPORA / "maestro-v3.yaml")
        .read_text()
        .replace("url: https://", "url: https://user:secret@")
    )
    (tmp_path / "a.yaml").write_text(text)
    with pytest.raises(CorpusError, match="url: String should match") as caught:
        manifest.load_manifest(tmp_path / "a.yaml")
    assert "secret" not in str(caught.value)


def test_manifest_with_the_old_key_licence_is_read(tmp_path):
    path = tmp_path / "a.yaml"
    path.write_text(FOLDER.replace("license: b", "licence: b"))
    assert manifest.load_manifest(path).license == "b"
    path.write_text(FOLDER.replace("license: b", "license: b\nlicence: c"))
    with pytest.raises(CorpusError, match="licence: Extra inputs"):
        manifest.load_manifest(path)


@pytest.mark.parametrize("text", ["", "- 1", "7", "kind: 1"])
def test_no_manifest_at_all(tmp_path, text):
    (tmp_path / "a.yaml").write_text(text)
    with pytest.raises(CorpusError, match=r"a.yaml"):
        manifest.load_manifest(tmp_path / "a.yaml")


def test_a_corpus_that_is_not_there_says_which_are_and_how_to_make_it(tmp_path):
    (tmp_path / "b.yaml").write_text(FOLDER)
    with pytest.raises(
        CorpusError, match="there is b; make your own with 'music-rnn add-corpus a FOLDER'"
    ):
        manifest.load_manifest(tmp_path / "a.yaml")


def test_a_changed_list_is_seen(tmp_path):
    members = manifest.MemberList(file="m.csv", sha256="0" * 64)
    with pytest.raises(CorpusError, match="restore it with git"):
        manifest.read_member_list(tmp_path / "a.yaml", members)
    (tmp_path / "m.csv").write_text("member,sha256\n")
    with pytest.raises(CorpusError, match="not the list"):
        manifest.read_member_list(tmp_path / "a.yaml", members)


@pytest.mark.parametrize("name", ["", "../a", "A", "a b", "a" * 65])
def test_a_name_of_a_corpus_cannot_leave_its_place(name):
    with pytest.raises(CorpusError, match="small letters"):
        manifest.validate_name(name)
