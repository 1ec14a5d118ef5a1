"""Messages when a folder becomes a corpus, before any stage runs."""

from pathlib import Path

import numpy as np
import pytest
import toy_project as toy
from factories import ROOT, make_band_midi, make_music
from ruamel.yaml import YAML

from pipeline.config.schema import IngestConfig
from pipeline.core import paths, processes
from pipeline.core.errors import CorpusError
from pipeline.corpus import add_folder
from pipeline.corpus.add_folder import AddedFolder
from pipeline.midi import writer
from pipeline.stages import fetch


@pytest.fixture
def root(in_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder for music; files are read in this process, because workers take a second to start."""
    monkeypatch.setattr(processes, "bounded_map", lambda func, items, limits: map(func, items))
    folder = in_folder / "music"
    folder.mkdir()
    return folder


def write_song(
    path: Path, seed: int, count: int = 300, semitones: int = 0, tempo: float = 1.0
) -> None:
    notes = make_music(seed, count)
    notes["pitch"] += np.uint8(semitones)
    notes["onset"] /= tempo
    path.parent.mkdir(parents=True, exist_ok=True)
    writer.write_notes(notes, path)


def add_music(root: Path | None, **changes: object) -> AddedFolder:
    tree = {"reader": "symusic", "sustain_pedal": False, **changes}
    return add_folder.add_folder("own", root, IngestConfig.model_validate(tree), 25)


def get_lines(added: AddedFolder) -> dict[str, str]:
    return {line.topic: f"{line.message} -> {line.hint}" for line in added.lines}


def get_splits() -> dict[str, str]:
    pieces, _ = fetch.open_corpus("own")
    return {piece.member: piece.split for piece in pieces}


def test_a_good_folder_has_nothing_amiss(root: Path) -> None:
    for seed in range(10):
        write_song(root / f"{seed}.mid", seed)
    added = add_music(root)
    assert str(added) == "data/corpora/own.yaml: 10 MIDI files, split by hash"
    assert not [line for line in added.lines if line.hint]


def test_one_file_is_refused_with_the_remedy_and_nothing_is_written(root: Path) -> None:
    write_song(root / "0.mid", 0)
    (root / "more.zip").write_bytes(b"PK")
    with pytest.raises(
        CorpusError,
        match=r"0\.mid is its only .* needs 2 pieces .* add music; there is 1 × \.zip file: unzip",
    ):
        add_music(root)
    assert not paths.get_manifest_path("own").exists()


def test_one_work_in_two_keys_is_said(root: Path) -> None:
    write_song(root / "a.mid", 0)
    write_song(root / "b.mid", 0, semitones=3)
    lines = get_lines(add_music(root))
    assert lines["works"] == (
        "1 can be told apart; a corpus needs 2 at least, one to train on and one to score -> add other music"
    )


def test_short_pieces_and_uneven_splits_are_said(root: Path) -> None:
    for seed in range(6):
        write_song(root / f"train/{seed}.mid", seed)
    write_song(root / "validation/jingle.mid", 9, count=5)
    lines = get_lines(add_music(root))
    assert lines["validation"].startswith("5 notes in 1 piece (0.3 %) -> too little")
    assert "validation/jingle.mid (5, validation)" in lines["short pieces"]
    assert lines["test"].startswith("no piece -> add music")


def test_what_is_left_out_is_said_and_travels_with_the_corpus(root: Path) -> None:
    for seed in range(3):
        write_song(root / f"{seed}.mid", seed)
    (root / "bad.mid").write_bytes(b"text")
    (root / "more.zip").write_bytes(b"PK")
    (root / "band.mid").write_bytes(make_band_midi((0, 0, "", 60), (9, 0, "", 40)))
    shown = [line.message for line in add_music(root).lines]
    assert "1: .zip file: unzip it first (more.zip)" in shown
    assert "10 in 1 file: drums (channel 10), which have no pitch" in shown
    assert any("MThd (bad.mid)" in line for line in shown)
    assert "up to" not in " ".join(shown)


def test_the_instruments_of_params_are_those_counted(root: Path) -> None:
    for pitch in (40, 50, 60):
        band = make_band_midi((0, 0, "", pitch), (1, 33, "", 20), num_notes=pitch)
        (root / f"{pitch}.mid").write_bytes(band)
    assert get_lines(add_music(root))["taken"].startswith("300 notes")
    assert get_lines(add_music(root, instruments="piano"))["taken"].startswith("150 notes")


def test_files_of_one_work_have_one_split(root: Path) -> None:
    for seed in range(8):
        write_song(root / f"{seed} in C.mid", seed)
        write_song(root / f"{seed} in E.mid", seed, semitones=4)
        write_song(root / f"{seed} slow.mid", seed, tempo=0.8)
    lines = get_lines(add_music(root))
    assert lines["same works"].startswith("24 files are 8 works")
    assert lines["leaks"] == "none -> "
    splits = get_splits()
    for seed in range(8):
        assert len({splits[f"{seed} {form}.mid"] for form in ("in C", "in E", "slow")}) == 1
    assert set(splits.values()) == {"train", "validation", "test"}


def test_one_work_in_two_split_folders_is_said(root: Path) -> None:
    for seed in range(4):
        write_song(root / f"train/{seed}.mid", seed)
    write_song(root / "validation/copy.mid", 2, semitones=5)
    lines = get_lines(add_music(root))
    assert lines["leaks"].startswith(
        "train/2.mid (train) is the same work as validation/copy.mid (validation) -> give all files"
    )


def test_a_name_that_a_person_gave_is_that_of_all_files_of_the_work(root: Path) -> None:
    for seed in range(4):
        write_song(root / f"{seed}.mid", seed)
    write_song(root / "again.mid", 1, semitones=2)
    add_music(root)
    path = paths.get_manifest_path("own")
    text = path.read_text("utf-8")
    path.write_text(text.replace("compositions: {}", "compositions: {again.mid: Waltz}"))
    add_music(None)
    pieces, _ = fetch.open_corpus("own")
    assert sorted(piece.member for piece in pieces if piece.composition == "Waltz") == [
        "1.mid",
        "again.mid",
    ]


def change_manifest(**lines: str) -> None:
    """Fill keys of the manifest that are empty, as a person would."""
    path = paths.get_manifest_path("own")
    text = path.read_text("utf-8")
    for key, value in lines.items():
        assert f"{key}: {{}}" in text
        text = text.replace(f"{key}: {{}}", f"{key}: {value}")
    path.write_text(text, "utf-8")


def test_near_duplicates_with_two_names_of_compositions_have_one_split(root: Path) -> None:
    for seed in range(12):
        write_song(root / f"{seed}.mid", seed)
        write_song(root / f"{seed} again.mid", seed, semitones=2)
    add_music(root)
    names = [f"{seed}.mid: Opus {seed}, {seed} again.mid: Work {seed}" for seed in range(12)]
    change_manifest(compositions=f"{{{', '.join(names)}}}")
    add_music(None)
    splits = get_splits()
    assert all(splits[f"{seed}.mid"] == splits[f"{seed} again.mid"] for seed in range(12))
    assert set(splits.values()) == {"train", "validation", "test"}


def test_near_duplicates_follow_the_split_that_a_person_gives_one_of_them(root: Path) -> None:
    for seed in range(4):
        write_song(root / f"{seed}.mid", seed)
        write_song(root / f"{seed} again.mid", seed, semitones=2)
    add_music(root)
    choices = "{0.mid: test, 1.mid: validation, 2.mid: train, 3.mid: test, 3 again.mid: train}"
    change_manifest(splits=choices)
    lines = get_lines(add_music(None))
    splits = get_splits()
    assert [splits[f"{seed} again.mid"] for seed in range(3)] == ["test", "validation", "train"]
    assert lines["leaks"].startswith("3 again.mid (train) is the same work as 3.mid (test)")


def test_adding_again_needs_no_folder_and_says_what_changed(root: Path) -> None:
    for seed in range(4):
        write_song(root / f"{seed}.mid", seed)
    add_music(root)
    assert str(add_music(None)).endswith("split by hash; no change")
    (root / "0.mid").unlink()
    write_song(root / "1.mid", 7)
    write_song(root / "8.mid", 8)
    assert str(add_music(None)).endswith("; 1 new (8.mid), 1 gone (0.mid), 1 changed (1.mid)")
    listed = YAML(typ="safe").load(paths.get_manifest_path("own"))["files"]
    assert sorted(listed) == ["1.mid", "2.mid", "3.mid", "8.mid"]


def test_adding_again_what_was_never_added_names_the_command(root: Path) -> None:
    with pytest.raises(CorpusError, match="name its folder: music-rnn add-corpus own FOLDER"):
        add_music(None)


def test_a_hostile_file_is_read_in_a_worker(in_folder: Path) -> None:
    for seed in range(2):
        write_song(in_folder / f"music/{seed}.mid", seed)
    (in_folder / "music/hostile.mid").write_bytes(b"MThd\x00\x00\x00\x06" + b"\xff" * 6)
    added = add_music(in_folder / "music")
    assert len(added.manifest.files) == 3
    assert any("hostile.mid" in line.message for line in added.lines)


def test_the_command_says_in_one_line_that_one_piece_is_no_corpus(in_folder: Path) -> None:
    (in_folder / "params.yaml").write_bytes((ROOT / "params.yaml").read_bytes())
    write_song(in_folder / "one/0.mid", 0)
    result = toy.music_rnn(in_folder, "add-corpus", "own", "one", check=False)
    assert result.returncode == 1
    assert result.stderr == (
        "error: one: 0.mid is its only MIDI file; a corpus needs 2 pieces at least, "
        "one to train on and one to score: add music\n"
    )
