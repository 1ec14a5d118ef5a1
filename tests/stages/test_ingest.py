"""Stage ingest on small corpora made here; workers are real processes."""

import csv
import hashlib
import importlib
import types

import numpy as np
import pytest
from factories import make_band_midi, make_pedal_midi

from pipeline.config.schema import IngestConfig
from pipeline.core import paths, processes
from pipeline.core.errors import CorpusError, DataError
from pipeline.corpus import add_folder, bundle, ingest_summary, read_corpus, tables
from pipeline.corpus.bundle import CorpusPiece
from pipeline.midi import writer
from pipeline.notes.note import NOTE_DTYPE
from pipeline.stages import fetch, ingest


def make_midi(tmp_path, pitch, count=5):
    notes = np.zeros(count, NOTE_DTYPE)
    notes["onset"] = np.arange(count) * 0.5
    notes["duration"], notes["pitch"], notes["velocity"] = 0.25, pitch, 64
    writer.write_notes(notes, tmp_path / "x.mid")
    return (tmp_path / "x.mid").read_bytes()


def add_corpus(name, root):
    add_folder.add_folder(name, root, make_params().ingest, 25)


def make_params(reader="symusic", pedal=False, instruments="all"):
    config = IngestConfig(reader=reader, sustain_pedal=pedal, instruments=instruments)
    return types.SimpleNamespace(corpus="own", ingest=config)


@pytest.fixture
def project(in_folder, skip_fsync):
    return in_folder


def write_corpus(**files):
    """Write a corpus of name=(split, bytes)."""
    pieces = [
        CorpusPiece(f"{name}.mid", name, split, hashlib.sha256(data).hexdigest())
        for name, (split, data) in files.items()
    ]
    data = {f"{name}.mid": content for name, (_, content) in files.items()}
    bundle.write_bundle(
        paths.get_corpus_archive("own"),
        sorted(pieces),
        (data[piece.member] for piece in sorted(pieces)),
    )


def read_rejected():
    with paths.REJECTED.open(newline="") as file:
        return {row["member"]: row["reason"] for row in csv.DictReader(file)}


@pytest.mark.slow
def test_a_folder_with_good_and_bad_files_goes_through(project, capsys):
    root = project / "music"
    root.mkdir()
    for pitch in (60, 61, 62):
        (root / f"good{pitch}.mid").write_bytes(make_midi(project, pitch))
    (root / "cut.mid").write_bytes(make_midi(project, 63)[:-10])
    (root / "text.mid").write_text("not music")
    (root / "empty.mid").write_bytes(b"")
    (root / "more.zip").write_bytes(b"PK")
    add_corpus("own", root)
    fetch.run(make_params())
    ingest.run(make_params())
    reasons = read_rejected()
    assert list(reasons) == ["cut.mid", "empty.mid", "text.mid"]
    assert "1 of 2 tracks are whole" in reasons["cut.mid"]
    assert "the file is empty" in reasons["empty.mid"]
    assert "not with MThd" in reasons["text.mid"]
    assert len(tables.read_pieces(paths.PIECES)) == 3
    shown = " ".join(capsys.readouterr().err.split())
    assert "files left out 1: the file is empty (empty.mid)" in shown
    assert "files left out 1: .zip file: unzip it first (more.zip)" in shown


@pytest.mark.slow
@pytest.mark.parametrize("reader", ["symusic", "pretty_midi"])
def test_tables_hold_every_note_in_the_order_test_validation_train(project, reader):
    names = {"c": "train", "b": "train", "a": "validation", "z": "test"}
    write_corpus(
        **{
            name: (split, make_midi(project, 60 + at, 4 + at))
            for at, (name, split) in enumerate(names.items())
        }
    )
    ingest.run(make_params(reader))
    rows = tables.read_pieces(paths.PIECES)
    assert [(row.index, row.member, row.split, row.num_notes) for row in rows] == [
        (0, "z.mid", "test", 7),
        (1, "a.mid", "validation", 6),
        (2, "b.mid", "train", 5),
        (3, "c.mid", "train", 4),
    ]
    assert rows[0].duration == pytest.approx(3.25)
    assert [notes["pitch"][0] for notes in tables.read_notes(paths.NOTES, range(4))] == [
        63,
        62,
        61,
        60,
    ]
    assert read_rejected() == {} and paths.REJECTED.read_text() == "member,reason\n"


@pytest.mark.slow
@pytest.mark.parametrize("reader", ["symusic", "pretty_midi"])
def test_the_pedal_lengthens_notes_when_params_say_so(project, reader):
    write_corpus(a=("train", make_pedal_midi()))
    durations = []
    for pedal in (False, True):
        ingest.run(make_params(reader, pedal))
        durations += [notes["duration"].tolist() for notes in tables.read_notes(paths.NOTES, [0])]
    assert durations == [[0.5, 0.5], [1.0, 0.5]]


@pytest.mark.slow
def test_the_bytes_are_the_same_every_time(project):
    write_corpus(
        a=("train", make_midi(project, 60)),
        b=("validation", make_midi(project, 61)),
        c=("test", b"bad"),
    )
    results = []
    for _ in range(2):
        ingest.run(make_params())
        written = (*paths.NOTES.iterdir(), paths.PIECES, paths.REJECTED, paths.INGEST_SUMMARY)
        results.append([path.read_bytes() for path in written])
    assert results[0] == results[1]


def test_a_copy_is_kept_once_and_never_in_training_if_it_is_held_out(project, capsys):
    same = make_midi(project, 60)
    repacked = same + b"trailing bytes change the file, not the music"
    write_corpus(
        a=("train", same),
        b=("validation", repacked),
        c=("train", make_midi(project, 61)),
        d=("validation", same),
    )
    ingest.run(make_params())
    assert [(row.member, row.split) for row in tables.read_pieces(paths.PIECES)] == [
        ("b.mid", "validation"),
        ("c.mid", "train"),
    ]
    assert read_rejected() == {"a.mid": "duplicate of b.mid", "d.mid": "duplicate of b.mid"}
    assert list(read_rejected()) == ["a.mid", "d.mid"]
    shown = " ".join(capsys.readouterr().err.split())
    assert "files left out 2: same notes as another file (a.mid)" in shown


BAND = make_band_midi((0, 0, "Piano", 60), (1, 33, "Bass", 20), (9, 0, "Drums", 40))


@pytest.mark.slow
def test_drums_and_merged_instruments_are_said(project, capsys):
    write_corpus(a=("train", BAND))
    ingest.run(make_params())
    shown = " ".join(capsys.readouterr().err.split())
    assert "up to 2 instruments became one part in 1 file" in shown
    assert "notes left out 10 in 1 file: drums" in shown
    summary = ingest_summary.load_summary(paths.INGEST_SUMMARY)
    assert [(row.notes, row.files) for row in summary.notes_left_out] == [(10, 1)]


def test_the_instruments_of_params_are_read(project, capsys):
    write_corpus(a=("train", BAND), b=("test", make_midi(project, 60)))
    ingest.run(make_params(instruments=["program 33"]))
    assert [row.num_notes for row in tables.read_pieces(paths.PIECES)] == [10]
    assert next(tables.read_notes(paths.NOTES, [0]))["pitch"].tolist() == [*range(20, 30)]
    assert read_rejected()["b.mid"].startswith(
        "no note of ingest.instruments; the file has program 0"
    )
    assert "10 in 1 file: not in ingest.instruments" in " ".join(capsys.readouterr().err.split())


def test_a_corpus_without_music_fails_in_one_line_and_writes_nothing(project):
    write_corpus(a=("train", b"bad"), b=("test", b""))
    with pytest.raises(
        CorpusError, match=r"none of 2 files is music; the first: b.mid: the file is empty"
    ):
        ingest.run(make_params())
    assert not paths.NOTES.exists() and not paths.PIECES.exists()


@pytest.mark.slow
def test_a_split_without_a_piece_is_said(project, capsys):
    write_corpus(a=("train", make_midi(project, 60)))
    ingest.run(make_params())
    shown = " ".join(capsys.readouterr().err.split())
    assert "! validation no piece -> add music" in shown and "! test no piece -> add" in shown


def test_no_corpus_says_how_to_get_it(project):
    with pytest.raises(DataError, match="run 'dvc repro fetch'"):
        ingest.run(make_params())


@pytest.mark.slow
def test_a_reader_that_dies_or_hangs_costs_its_file_only(project, monkeypatch):
    write_corpus(
        **{name: ("train", make_midi(project, 60 + at)) for at, name in enumerate("abcde")}
    )
    (project / "killer.py").write_text(
        "import os, time\nfrom pipeline.corpus import read_corpus\n\n\nclass Killer(read_corpus.PieceReader):\n"
        "    def __call__(self, piece):\n        if piece.member == 'b.mid':\n            os.abort()\n"
        "        if piece.member == 'd.mid':\n            time.sleep(600)\n        return super().__call__(piece)\n"
    )
    monkeypatch.syspath_prepend(project)
    monkeypatch.setattr(ingest, "PieceReader", importlib.import_module("killer").Killer)
    monkeypatch.setattr(
        read_corpus,
        "TaskLimits",
        lambda num_workers: processes.TaskLimits(60, 15.0, 2**30, num_workers),
    )
    ingest.run(make_params())
    assert read_rejected() == {
        "b.mid": "reading it killed the reader (SIGABRT)",
        "d.mid": "reading it took more than 15 s",
    }
    assert [row.member for row in tables.read_pieces(paths.PIECES)] == ["a.mid", "c.mid", "e.mid"]


def test_more_files_than_are_read_ahead_come_in_order(project, monkeypatch):
    monkeypatch.setattr(processes, "PREFETCH", 1)
    write_corpus(
        **{f"n{number:02}": ("train", make_midi(project, 30 + number)) for number in range(30)}
    )
    ingest.run(make_params())
    assert [row.member for row in tables.read_pieces(paths.PIECES)] == [
        f"n{number:02}.mid" for number in range(30)
    ]


def test_the_checksum_of_a_corpus_is_verified_once(project, monkeypatch):
    write_corpus(a=("train", make_midi(project, 60)), b=("test", make_midi(project, 61)))
    path = paths.get_corpus_archive("own")
    checks = []
    monkeypatch.setattr(bundle, "_verify_zip", checks.append)
    pieces = bundle.CorpusBundle(path).pieces
    reader = read_corpus.PieceReader(path, make_params().ingest)
    assert [len(reader(piece).notes) for piece in pieces] == [5, 5]
    assert checks == [path]


def test_a_file_that_changes_after_the_corpus_was_verified_is_noticed(project):
    write_corpus(a=("train", make_midi(project, 60)))
    path = paths.get_corpus_archive("own")
    pieces = bundle.CorpusBundle(path).pieces
    write_corpus(a=("train", make_midi(project, 61)))
    with pytest.raises(DataError, match="the corpus is damaged; run 'dvc repro fetch'"):
        read_corpus.PieceReader(path, make_params().ingest)(pieces[0])
