import hashlib
import zipfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.core.errors import CorpusError, DataError
from pipeline.corpus import bundle
from pipeline.corpus.bundle import CorpusBundle, CorpusPiece

pytestmark = pytest.mark.usefixtures("skip_fsync")

PART = st.text(
    st.characters(codec="utf-8", exclude_categories=("C", "Z"), exclude_characters="/\\:"),
    min_size=1,
    max_size=9,
)
MEMBER = st.lists(PART.filter(lambda part: part not in (".", "..")), min_size=1, max_size=3).map(
    "/".join
)
CONTENT = st.tuples(
    st.text(st.characters(codec="utf-8", exclude_categories=("C", "Zl", "Zp"))),
    st.binary(max_size=50),
)


def make_piece(member, data, composition="c", split="train"):
    return CorpusPiece(member, composition, split, hashlib.sha256(data).hexdigest())


def write_files(path, files):
    pieces = sorted(
        make_piece(member, data, composition) for member, (composition, data) in files.items()
    )
    bundle.write_bundle(path, pieces, (files[each.member][1] for each in pieces))
    return pieces


@given(files=st.dictionaries(MEMBER, CONTENT, max_size=6))
@settings(deadline=None, max_examples=60)
def test_a_corpus_comes_back_and_its_bytes_depend_on_its_content_only(tmp_path_factory, files):
    one, two = (tmp_path_factory.getbasetemp() / name for name in ("one.zip", "two.zip"))
    pieces = write_files(one, files)
    write_files(two, dict(reversed(files.items())))
    back = CorpusBundle(one)
    assert back.pieces == pieces
    assert {each.member: back.read_piece(each) for each in back.pieces} == {
        name: data for name, (_, data) in files.items()
    }
    assert one.read_bytes() == two.read_bytes()


def test_the_bytes_of_a_corpus_are_the_same_on_every_machine(tmp_path):
    write_files(tmp_path / "a.zip", {"b.mid": ("B", b"bbb"), "a.mid": ("A, or not", b"aaa")})
    digest = hashlib.sha256((tmp_path / "a.zip").read_bytes()).hexdigest()
    assert digest == "fcb2e5adb327423d0d0a1178013a65493b71e7225b0aabca5501ea54c0f0ffed"


def test_the_form_of_a_corpus(tmp_path):
    write_files(tmp_path / "a.zip", {"x/b.mid": ("B", b"bbb"), "a.mid": ("A", b"aaa")})
    with zipfile.ZipFile(tmp_path / "a.zip") as archive:
        assert archive.namelist() == ["pieces.csv", "midi/a.mid", "midi/x/b.mid"]
        assert archive.read("midi/a.mid") == b"aaa"
        assert archive.read("pieces.csv").splitlines()[0] == b"member,composition,split,sha256"
        assert {info.date_time for info in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}


@pytest.mark.parametrize("member", ["../a.mid", "/a.mid", "a\nb.mid", ""])
def test_a_bad_name_is_not_written(tmp_path, member):
    with pytest.raises(CorpusError, match="rename the file"):
        bundle.write_bundle(tmp_path / "a.zip", [make_piece(member, b"")], [b""])
    assert list(tmp_path.iterdir()) == []


def test_a_composition_is_one_line(tmp_path):
    with pytest.raises(CorpusError, match=r"'a\\nb' of 'a.mid'"):
        bundle.write_bundle(tmp_path / "a.zip", [make_piece("a.mid", b"", "a\nb")], [b""])


def test_a_name_cannot_be_there_twice(tmp_path):
    with pytest.raises(CorpusError, match="there twice"):
        bundle.write_bundle(tmp_path / "a.zip", [make_piece("a.mid", b"")] * 2, [b"", b""])


def test_an_error_of_the_contents_leaves_the_old_corpus(tmp_path):
    write_files(tmp_path / "a.zip", {"a.mid": ("A", b"a")})
    before = (tmp_path / "a.zip").read_bytes()

    def contents():
        yield b"a"
        raise CorpusError("b is gone")

    with pytest.raises(CorpusError, match="b is gone"):
        bundle.write_bundle(
            tmp_path / "a.zip", [make_piece("a.mid", b"a"), make_piece("b.mid", b"b")], contents()
        )
    assert (tmp_path / "a.zip").read_bytes() == before
    assert [each.name for each in tmp_path.iterdir()] == ["a.zip"]


def test_other_bytes_than_the_table_says_are_seen(tmp_path):
    bundle.write_bundle(tmp_path / "a.zip", [make_piece("a.mid", b"a")], [b"A"])
    back = CorpusBundle(tmp_path / "a.zip")
    with pytest.raises(DataError, match=r"a\.mid: sha256 .* run 'dvc repro fetch'"):
        back.read_piece(back.pieces[0])


def test_every_flipped_bit_is_seen_on_opening(tmp_path):
    path = tmp_path / "a.zip"
    write_files(path, {"a.mid": ("A", b"a" * 40), "b.mid": ("B", b"b")})
    whole = path.read_bytes()
    for place in range(len(whole)):
        torn = bytearray(whole)
        torn[place] ^= 1 << place % 8
        path.write_bytes(torn)
        with pytest.raises(DataError, match="run 'dvc repro fetch'") as caught:
            CorpusBundle(path)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "members", [{}, {"pieces.csv": "a,b\n1,2\n"}, {"pieces.csv": "", "midi/a.mid": "x"}]
)
def test_another_zip_is_no_corpus(tmp_path, members):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    with pytest.raises(DataError, match="run 'dvc repro fetch'"):
        CorpusBundle(tmp_path / "a.zip")


def test_a_missing_or_cut_corpus_is_one_line(tmp_path):
    with pytest.raises(DataError, match=r"no such file.*run 'dvc repro fetch'"):
        CorpusBundle(tmp_path / "a.zip")
    write_files(tmp_path / "a.zip", {"a.mid": ("A", b"a")})
    (tmp_path / "a.zip").write_bytes((tmp_path / "a.zip").read_bytes()[:-30])
    with pytest.raises(DataError, match="run 'dvc repro fetch'"):
        CorpusBundle(tmp_path / "a.zip")
