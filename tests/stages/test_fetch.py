"""Stage fetch, with each kind of corpus, offline: pip and the server are replaced by files made here."""

import csv
import hashlib
import io
import os
import tarfile
import types
import zipfile
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from pipeline.config.schema import IngestConfig
from pipeline.core import paths, processes
from pipeline.core.errors import CorpusError
from pipeline.corpus import add_folder
from pipeline.corpus.bundle import CorpusBundle
from pipeline.corpus.sources import sdist, zip_archive
from pipeline.stages import fetch

SONGS = {"2004/a.midi": b"music a", "2004/b.midi": b"music b", "2006/c.midi": b"music c"}
TABLE = "canonical_composer,canonical_title,split,year,midi_filename,audio_filename,duration\n"


def hash_data(data):
    return hashlib.sha256(data).hexdigest()


def make_params(name):
    return types.SimpleNamespace(corpus=name)


def write_manifest(name, tree):
    paths.CORPORA.mkdir(parents=True, exist_ok=True)
    with paths.get_manifest_path(name).open("w") as file:
        YAML(typ="safe", pure=True).dump(tree | {"title": "t", "license": "l", "source": "s"}, file)


@pytest.fixture(autouse=True)
def project(in_folder, skip_fsync, monkeypatch):
    # Files are read in this process, because workers take a second to start.
    monkeypatch.setattr(processes, "bounded_map", lambda func, items, limits: map(func, items))
    return in_folder


def fetch_pieces(name):
    fetch.run(make_params(name))
    corpus = CorpusBundle(paths.get_corpus_archive(name))
    return {
        piece.member: (piece.composition, piece.split, corpus.read_piece(piece))
        for piece in corpus.pieces
    }


# An archive


def make_archive(path, songs=SONGS, rows=None, folder="m"):
    rows = rows if rows is not None else {name: ("Bach", name, "train") for name in songs}
    table = io.StringIO(newline="")
    table.write(TABLE)
    for name, (composer, title, split) in rows.items():
        csv.writer(table).writerow([composer, title, split, 2004, name, "x.wav", 1.0])
    path.parent.mkdir(exist_ok=True)
    with zipfile.ZipFile(path, "w") as zipped:
        zipped.writestr(f"{folder}/m.csv", table.getvalue())
        zipped.writestr(f"{folder}/README", "read me")
        for name, data in songs.items():
            zipped.writestr(f"{folder}/{name}", data)
    return path


@pytest.fixture
def archived():
    paths.CORPORA.mkdir(parents=True)
    listed = "member,sha256\n" + "".join(
        f"{name},{hash_data(data)}\n" for name, data in SONGS.items()
    )
    (paths.CORPORA / "m.csv").write_text(listed)
    tree = {
        "kind": "archive",
        "url": "https://localhost/m.zip",
        "sha256": "0" * 64,
        "folder": "m",
        "table": "m.csv",
        "members": {"file": "m.csv", "sha256": hash_data(listed.encode())},
        "accepted_leaks": [],
    }
    write_manifest("m", tree)
    return tree


@pytest.fixture
def waiting(archived):
    return paths.get_download_dir() / "m.zip"


def test_an_archive_in_the_folder_is_used(waiting):
    make_archive(waiting)
    pieces = fetch_pieces("m")
    assert {member: data for member, (_, _, data) in pieces.items()} == SONGS
    assert pieces["2004/a.midi"][:2] == ("Bach / 2004/a.midi", "train")


def test_a_missing_archive_is_downloaded(waiting, monkeypatch):
    asked = []
    monkeypatch.setattr(
        zip_archive, "download_file", lambda url, path: (asked.append(url), make_archive(path))
    )
    fetch_pieces("m")
    fetch_pieces("m")
    assert asked == ["https://localhost/m.zip"]


def test_the_result_does_not_depend_on_how_the_archive_was_packed(waiting):
    make_archive(waiting)
    fetch.run(make_params("m"))
    before = paths.get_corpus_archive("m").read_bytes()
    make_archive(waiting, dict(reversed(SONGS.items())))
    fetch.run(make_params("m"))
    assert paths.get_corpus_archive("m").read_bytes() == before


def test_an_archive_with_fewer_files_says_so(waiting, capsys):
    make_archive(waiting, {name: SONGS[name] for name in list(SONGS)[:2]})
    assert len(fetch_pieces("m")) == 2
    messages = capsys.readouterr().err
    assert "2 of 3 listed files; 1 not in this archive" in messages
    assert "m.zip: not the zip as published" in messages


def test_the_archive_as_published_is_taken_in_silence(waiting, archived, capsys):
    make_archive(waiting)
    write_manifest("m", archived | {"sha256": hash_data(waiting.read_bytes())})
    assert len(fetch_pieces("m")) == 3
    assert "not" not in capsys.readouterr().err


@pytest.mark.parametrize(
    ("songs", "rows", "message"),
    [
        (SONGS | {"2004/a.midi": b"other"}, None, r"2004/a\.midi: sha256 is .* fetch it again"),
        (SONGS | {"2004/x.midi": b"x"}, None, r"2004/x\.midi is not in the list"),
        (SONGS, {}, r"2004/a\.midi has no row"),
        (
            {},
            {"2004/a.midi": ("Bach", "a", "train")},
            r"2004/a\.midi has a row .* but is not there",
        ),
        (SONGS, {name: ("Bach", name, "dev") for name in SONGS}, "'dev' is no split"),
    ],
)
def test_an_archive_with_other_contents_is_refused(waiting, songs, rows, message):
    make_archive(waiting, songs, rows)
    with pytest.raises(CorpusError, match=message):
        fetch.run(make_params("m"))
    assert not paths.get_corpus_archive("m").exists()


def test_a_composition_in_two_splits_fails_unless_the_manifest_accepts_it(
    waiting, archived, capsys
):
    rows = dict(
        zip(
            SONGS,
            (("Haydn", "XVI:41", split) for split in ("train", "validation", "train")),
            strict=True,
        )
    )
    make_archive(waiting, rows=rows)
    with pytest.raises(CorpusError, match="'Haydn / XVI:41' is in train and validation"):
        fetch.run(make_params("m"))
    write_manifest("m", archived | {"accepted_leaks": ["Haydn / XVI:41"]})
    assert len(fetch_pieces("m")) == 3
    assert "warning: composition 'Haydn / XVI:41' is in several splits" in capsys.readouterr().err


def test_an_archive_without_its_table_is_refused(waiting):
    make_archive(waiting, folder="other")
    with pytest.raises(CorpusError, match=r"no table m.csv"):
        fetch.run(make_params("m"))


def test_an_offered_archive_is_verified_and_taken(project, waiting):
    good = make_archive(project / "mine" / "x.zip")
    assert fetch.import_archive("m", good) == waiting
    assert len(fetch_pieces("m")) == 3


def test_an_offered_archive_that_is_wrong_is_not_taken(project, waiting):
    bad = make_archive(project / "mine" / "x.zip", SONGS | {"2006/c.midi": b"evil"})
    with pytest.raises(CorpusError, match="sha256"):
        fetch.import_archive("m", bad)
    with pytest.raises(CorpusError, match="no such file"):
        fetch.import_archive("m", Path("nothing.zip"))
    assert not waiting.exists()


@pytest.mark.parametrize(("name", "corpus"), [("m", "waiting"), ("p", "packaged")])
def test_what_is_offered_is_a_file_of_bounded_size(project, name, corpus, request, monkeypatch):
    request.getfixturevalue(corpus)
    with (project / "large.zip").open("wb") as file:
        file.truncate(30 * 2**30)  # it takes no space
    with pytest.raises(
        CorpusError, match=r"32,212,254,720 bytes are more than the 4,294,967,296 allowed"
    ):
        fetch.import_archive(name, project / "large.zip")
    os.mkfifo(project / "pipe.zip")
    for place in (project, project / "pipe.zip"):
        with pytest.raises(CorpusError, match="is a folder, pipe or device; give the archive"):
            fetch.import_archive(name, place)
    with (project / "zeros.zip").open("wb") as file:
        file.truncate(2**20)
    read = Path.read_bytes

    def in_blocks(path):
        assert path.name != "zeros.zip"
        return read(path)

    monkeypatch.setattr(Path, "read_bytes", in_blocks)
    with pytest.raises(CorpusError):
        fetch.import_archive(name, project / "zeros.zip")


# A package


def make_tar(path, songs):
    with tarfile.open(path, "w:gz") as tar:
        for name, data in songs.items():
            info = tarfile.TarInfo(f"p-1.0/tests/{name}")
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return path


@pytest.fixture
def packaged(project):
    songs = {"a.mid": b"music a", "b.mid": b"music b"}
    tar = make_tar(project / "p-1.0.tar.gz", songs | {"c.mid": b"not wanted"})
    pieces = [
        {"member": name, "sha256": hash_data(data), "composition": name, "split": "train"}
        for name, data in songs.items()
    ]
    tree = {"kind": "package", "requirement": "p==1.0", "folder": "p-1.0/tests", "pieces": pieces}
    write_manifest("p", tree | {"sha256": hash_data(tar.read_bytes())})
    return tar


def replace_pip(monkeypatch, tar=None, code=0, stderr=""):
    """Replace pip: it leaves `tar` in the folder after -d, or fails."""
    commands = []

    def run(command, **_):
        commands.append(command)
        if tar:
            Path(command[command.index("-d") + 1], tar.name).write_bytes(tar.read_bytes())
        return types.SimpleNamespace(returncode=code, stderr=stderr)

    monkeypatch.setattr(sdist.subprocess, "run", run)
    return commands


def test_a_package_is_downloaded_once_by_pip_with_its_hash(packaged, monkeypatch):
    commands = replace_pip(monkeypatch, packaged)
    assert fetch_pieces("p") == {
        "a.mid": ("a.mid", "train", b"music a"),
        "b.mid": ("b.mid", "train", b"music b"),
    }
    fetch_pieces("p")
    assert len(commands) == 1
    assert {"--require-hashes", "--no-deps", "--no-binary"} <= set(commands[0])
    assert not any("://" in word for word in commands[0])


def test_pip_that_fails_is_one_line_with_the_remedy(packaged, monkeypatch):
    replace_pip(
        monkeypatch,
        code=1,
        stderr="WARNING: x\nERROR: No matching distribution found for p==1.0\nERROR: more",
    )
    with pytest.raises(
        CorpusError, match=r"No matching distribution .* give p-1\.0\.tar\.gz, .* with --archive"
    ) as caught:
        fetch.run(make_params("p"))
    assert "\n" not in str(caught.value)


def test_a_package_with_another_hash_is_refused(packaged, monkeypatch, project):
    replace_pip(
        monkeypatch, make_tar(project / "p-1.0.tar.gz", {"a.mid": b"evil", "b.mid": b"music b"})
    )
    with pytest.raises(CorpusError, match=r"p-1.0.tar.gz: sha256 is"):
        fetch.run(make_params("p"))


def test_a_package_that_was_offered_needs_no_pip(packaged, monkeypatch):
    commands = replace_pip(monkeypatch, code=1)
    fetch.import_archive("p", packaged)
    assert len(fetch_pieces("p")) == 2 and commands == []


# A folder


def add_corpus(name, root):
    """Add a folder as a corpus and return the line that says so."""
    config = IngestConfig(reader="symusic", sustain_pedal=False)
    return str(add_folder.add_folder(name, root, config, 25))


def write_tree(root, **songs):
    for name, data in songs.items():
        path = root / name.replace("__", "/").replace("_mid", ".mid")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return root


def test_a_folder_becomes_a_corpus_with_everything_named_midi(project):
    root = write_tree(project / "music", b_mid=b"b", a_mid=b"not midi at all", x__c_mid=b"")
    for name in ("UPPER.MIDI", "song.kar", "game.RMI"):
        (root / name).write_bytes(name.encode())
    (root / "notes.txt").write_text("not music")
    (root / "._b.mid").write_bytes(b"what macOS leaves")
    assert add_corpus("own", root) == "data/corpora/own.yaml: 6 MIDI files, split by hash"
    pieces = fetch_pieces("own")
    assert sorted(pieces) == ["UPPER.MIDI", "a.mid", "b.mid", "game.RMI", "song.kar", "x/c.mid"]
    assert pieces["a.mid"][2] == b"not midi at all"
    assert {split for _, split, _ in pieces.values()} == {"train", "validation", "test"}


def test_links_pipes_and_bad_names_are_left_out_with_a_message(project, capsys):
    root = write_tree(project / "music", a_mid=b"a", b_mid=b"b")
    (root / "link.mid").symlink_to(root / "a.mid")
    (root / "circle").symlink_to(root)
    os.mkfifo(root / "pipe.mid")
    (root / "bad\nname.mid").write_bytes(b"x")
    (root / os.fsdecode(b"latin\xe9.mid")).write_bytes(b"x")
    add_corpus("own", root)
    assert list(fetch_pieces("own")) == ["a.mid", "b.mid"]
    messages = capsys.readouterr().err
    for name in (
        "'link.mid' is a link",
        "'pipe.mid' is a link, pipe",
        r"'bad\nname.mid' holds",
        r"latin\udce9.mid' holds",
    ):
        assert name in messages


def test_a_folder_that_cannot_be_read_is_named(project, monkeypatch, capsys):
    root = write_tree(project / "music", a_mid=b"a", c_mid=b"c", deep__b_mid=b"b")
    look = os.scandir

    def scandir(path):
        if str(path) == str(root / "deep"):
            raise PermissionError(13, "Permission denied", str(path))
        return look(path)

    monkeypatch.setattr(os, "scandir", scandir)
    add_corpus("own", root)
    assert "music/deep' cannot be read (Permission denied)" in capsys.readouterr().err


def test_describing_again_is_stable_sees_changes_and_keeps_what_a_person_added(project):
    root = write_tree(project / "music", a_mid=b"a", b_mid=b"b")
    add_corpus("own", root)
    path = paths.get_manifest_path("own")
    text = path.read_text()
    add_corpus("own", root)
    assert path.read_text() == text
    path.write_text(
        text.replace("compositions: {}", "compositions: {a.mid: Sonata, b.mid: Fugue}")
        .replace("splits: {}", "splits: {a.mid: test}")
        .replace("title: own", "title: Evenings")
    )
    write_tree(root, c_mid=b"c")
    (root / "b.mid").unlink()
    add_corpus("own", root)
    again = YAML(typ="safe", pure=True).load(path)
    assert list(again["files"]) == ["a.mid", "c.mid"] and again["title"] == "Evenings"
    assert again["compositions"] == {"a.mid": "Sonata"} and again["splits"] == {"a.mid": "test"}
    assert fetch_pieces("own")["a.mid"] == ("Sonata", "test", b"a")


def test_folders_named_like_splits_are_the_splits(project):
    root = write_tree(
        project / "music", train__a_mid=b"a", validation__b_mid=b"b", test__c_mid=b"c"
    )
    assert add_corpus("own", root).endswith("split by folders")
    pieces = fetch_pieces("own")
    assert {member: split for member, (_, split, _) in pieces.items()} == {
        "test/c.mid": "test",
        "train/a.mid": "train",
        "validation/b.mid": "validation",
    }


def test_a_named_composition_in_two_split_folders_fails(project):
    root = write_tree(project / "music", train__a_mid=b"a", validation__b_mid=b"b")
    add_corpus("own", root)
    path = paths.get_manifest_path("own")
    path.write_text(
        path.read_text().replace(
            "positions: {}", "positions: {train/a.mid: X, validation/b.mid: X}"
        )
    )
    with pytest.raises(CorpusError, match="composition 'X' is in train and validation"):
        fetch.run(make_params("own"))


def test_pieces_of_one_composition_stay_together(project):
    root = write_tree(
        project / "music", **{f"n{number}_mid": bytes([number]) for number in range(12)}
    )
    add_corpus("own", root)
    path = paths.get_manifest_path("own")
    names = ", ".join(f"n{number}.mid: Takes" for number in range(6))
    path.write_text(path.read_text().replace("compositions: {}", f"compositions: {{{names}}}"))
    pieces = fetch_pieces("own")
    assert len({split for composition, split, _ in pieces.values() if composition == "Takes"}) == 1


@pytest.mark.parametrize("change", ["changed", "gone", "pipe"])
def test_a_file_that_changed_since_says_to_describe_again(project, change):
    root = write_tree(project / "music", a_mid=b"a", b_mid=b"b")
    add_corpus("own", root)
    (root / "b.mid").unlink()
    if change == "changed":
        (root / "b.mid").write_bytes(b"new")
    if change == "pipe":
        os.mkfifo(root / "b.mid")
    with pytest.raises(CorpusError, match=r"b\.mid.*run 'music-rnn add-corpus own .*music' again"):
        fetch.run(make_params("own"))


def test_the_root_is_kept_relative_inside_the_project_only(project, tmp_path_factory):
    add_corpus("own", write_tree(project / "music", a_mid=b"a", b_mid=b"b"))
    assert "root: music\n" in paths.get_manifest_path("own").read_text()
    elsewhere = write_tree(tmp_path_factory.mktemp("elsewhere"), a_mid=b"a", b_mid=b"b")
    add_corpus("far", elsewhere)
    assert f"root: {elsewhere}\n" in paths.get_manifest_path("far").read_text()
    assert len(fetch_pieces("far")) == 2


def test_what_cannot_be_a_corpus_is_one_line(project, packaged):
    (project / "empty").mkdir()
    for name, root, message in (
        ("own", project / "empty", "no file in it ends in .mid, .midi, .kar, .rmi"),
        ("own", project / "nothing", "no such folder"),
        ("../own", project, "small letters"),
        ("p", write_tree(project / "music", a_mid=b"a", b_mid=b"b"), "another kind"),
        (
            "own",
            write_tree(project / "one", a_mid=b"a"),
            "a.mid is its only MIDI file; a corpus needs 2",
        ),
    ):
        with pytest.raises(CorpusError, match=message):
            add_corpus(name, root)
    add_corpus("own", project / "music")
    with pytest.raises(CorpusError, match="is a folder; run 'music-rnn add-corpus own music'"):
        fetch.import_archive("own", packaged)


def test_a_manifest_cannot_name_files_outside_its_folder(project):
    write_tree(project / "music", a_mid=b"a", b_mid=b"b")
    (project / "secret.mid").write_bytes(b"a")
    add_corpus("own", project / "music")
    path = paths.get_manifest_path("own")
    path.write_text(path.read_text().replace("a.mid:", "../secret.mid:"))
    with pytest.raises(CorpusError, match="has a part"):
        fetch.run(make_params("own"))
