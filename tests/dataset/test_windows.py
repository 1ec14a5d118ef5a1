import tempfile
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from unittest import mock

import numpy as np
import pytest
from factories import make_window_dataset
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.core.errors import DataError
from pipeline.dataset import windows
from pipeline.dataset.sharded_notes import ShardedNotes
from pipeline.dataset.windows import WindowDataset
from pipeline.notes.quantize import PITCH

LENGTHS = st.lists(st.integers(1, 30), min_size=1, max_size=8)


def make_corpus(lengths: list[int], length: int, stride: int) -> WindowDataset:
    """Make pieces that can be told apart: all notes of piece k have the pitch k."""
    ends = np.cumsum(lengths)
    codes = np.zeros((ends[-1], 4), np.int16)
    codes[:, PITCH] = np.repeat(np.arange(len(lengths)), lengths)
    codes[:, 0] = np.arange(ends[-1])
    splits = [("train", "validation", "test")[k % 3] for k in range(len(lengths))]
    return make_window_dataset(
        np.split(codes, ends[:-1]),
        splits,
        sequence_length=length,
        stride=stride,
        compositions=[f"composition {k} é" for k in range(len(lengths))],
        max_train_notes=stride,
    )


WINDOWS = {"lengths": LENGTHS, "length": st.integers(1, 10), "stride": st.integers(1, 5)}


@given(**WINDOWS)
def test_windows_are_all_that_lie_in_a_training_piece_with_their_target(lengths, length, stride):
    made = make_corpus(lengths, length, stride)
    ends = np.cumsum(lengths).tolist()
    expected = [
        start
        for number, (begin, end) in enumerate(pairwise([0, *ends]))
        for start in range(begin, end)
        if number % 3 == 0 and (start - begin) % stride == 0 and start + length + 1 <= end
    ]
    assert made.num_windows == len(expected)
    assert made.locate_windows(np.arange(made.num_windows)).tolist() == expected
    notes = made.gather(np.arange(made.num_windows))
    assert notes.shape == (len(expected), length + 1, 4)
    assert notes[..., 0].tolist() == [list(range(n, n + length + 1)) for n in expected]


def test_the_last_note_of_a_window_is_its_target():
    made = make_corpus([9, 1, 1, 7], 3, 2)
    notes = made.gather(np.array([4, 0, 1]))
    assert notes[..., 0].tolist() == [[13, 14, 15, 16], [0, 1, 2, 3], [2, 3, 4, 5]]


def test_numbers_of_notes_beyond_32_bits():
    """Six billion notes of two training pieces and a held-out one between them; none of the notes is read."""
    dataset = WindowDataset(
        notes=ShardedNotes([]),
        piece_ends=np.array([2 * 10**9, 4 * 10**9, 6 * 10**9]),
        splits=np.array(["train", "test", "train"]),
        piece_names=np.array(["a", "b", "c"]),
        compositions=np.array(["a", "b", "c"]),
        sequence_length=25,
        stride=1,
        max_train_notes=0,
    )
    assert dataset.num_windows == 4 * 10**9 - 50
    starts = dataset.locate_windows(np.array([0, 2 * 10**9 - 26, 2 * 10**9 - 25, 4 * 10**9 - 51]))
    assert starts.tolist() == [0, 2 * 10**9 - 26, 4 * 10**9, 6 * 10**9 - 26]


def test_pieces_and_names_are_those_of_the_split():
    made = make_corpus([4, 5, 6, 7], 2, 1)
    assert made.select_piece_names("train") == ["0.mid", "3.mid"]
    assert made.select_compositions("train") == ["composition 0 é", "composition 3 é"]
    assert [(len(codes), set(codes[:, PITCH])) for codes in made.select_pieces("train")] == [
        (4, {0}),
        (7, {3}),
    ]
    assert [len(codes) for codes in made.select_pieces("test")] == [6]
    assert len(made.select_pieces("train")) == 2
    assert made.select_pieces("train")[-1].shape == (7, 4)
    assert [len(codes) for codes in made.pieces[1:3]] == [5, 6]


def test_an_empty_split_is_named():
    with pytest.raises(DataError, match="no piece in the split 'test'"):
        make_corpus([4, 5], 2, 1).select_pieces("test")


@given(seed=st.integers(0, 2**31 - 1), count=st.integers(1, 12))
def test_order_is_a_row_of_permutations(seed, count):
    passes = windows.shuffled_order(seed, count, 0, 4 * count).reshape(4, count)
    assert (np.sort(passes, axis=1) == np.arange(count)).all()


def test_passes_are_shuffled_anew_and_by_the_seed():
    first, second = windows.shuffled_order(1, 50, 0, 100).reshape(2, 50)
    assert not np.array_equal(first, second)
    assert not np.array_equal(first, np.arange(50))
    assert not np.array_equal(first, windows.shuffled_order(2, 50, 0, 50))


@given(
    seed=st.integers(0, 2**31 - 1),
    count=st.integers(1, 12),
    stopped=st.integers(0, 60),
    more=st.integers(1, 60),
)
def test_a_resumed_run_reads_the_windows_it_would_have_read(seed, count, stopped, more):
    whole = windows.shuffled_order(seed, count, 0, stopped + more)
    assert np.array_equal(windows.shuffled_order(seed, count, stopped, more), whole[stopped:])


def test_a_corpus_without_windows_says_why():
    with pytest.raises(DataError, match=r"shorter than windows\.length"):
        windows.shuffled_order(0, 0, 0, 5)


@given(batch_size=st.integers(1, 40), count=st.integers(1, 200), first=st.integers(0, 99))
def test_batches_join_to_the_order(batch_size, count, first):
    with mock.patch.object(windows, "MAX_DRAWN_NUMBERS", 64):
        drawn = list(windows.draw_batches(3, 50, first, count, batch_size))
    assert {len(numbers) for numbers in drawn[:-1]} <= {batch_size}
    assert np.array_equal(np.concatenate(drawn), windows.shuffled_order(3, 50, first, count))


@given(lengths=LENGTHS, notes=st.integers(1, 200))
def test_beginnings_are_equal_shares_and_no_more_than_asked(lengths, notes):
    pieces = make_corpus(lengths, 1, 1).pieces
    cut = windows.truncate_pieces(pieces, notes)
    assert sum(map(len, cut)) <= max(notes, 2 * len(pieces))
    long = {len(codes) for codes, whole in zip(cut, pieces, strict=True) if len(codes) < len(whole)}
    assert len(long) <= 1
    assert all(
        np.array_equal(codes, whole[: len(codes)]) for codes, whole in zip(cut, pieces, strict=True)
    )


def test_no_limit_cuts_nothing():
    pieces = make_corpus([5, 60], 1, 1).pieces
    assert [len(piece) for piece in windows.truncate_pieces(pieces, 0)] == [5, 60]
    assert [len(piece) for piece in windows.sample_beginnings(pieces, 0)] == [5, 60]


@given(lengths=LENGTHS, notes=st.integers(2, 40))
def test_a_sample_of_many_pieces_has_no_more_notes_than_asked(lengths, notes):
    pieces = make_corpus(lengths, 1, 1).pieces
    sample = windows.sample_beginnings(pieces, notes)
    assert 0 < sum(map(len, sample)) <= notes
    if 2 * len(pieces) <= notes:
        assert list(map(len, sample)) == list(map(len, windows.truncate_pieces(pieces, notes)))


def read_files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@settings(max_examples=25)
@given(**WINDOWS, shard_notes=st.integers(1, 60))
def test_windows_come_back_from_disk_in_equal_bytes(lengths, length, stride, shard_notes):
    made = make_corpus(lengths, length, stride)
    with tempfile.TemporaryDirectory() as folder:
        first, second = Path(folder) / "a" / "index.npz", Path(folder) / "b" / "index.npz"
        windows.save_windows(made, first, shard_notes)
        loaded = windows.load_windows(first)
        windows.save_windows(loaded, second, shard_notes)
        assert read_files(first.parent) == read_files(second.parent)
        assert all(map(np.array_equal, loaded.pieces, made.pieces))
    for name in windows.INDEX_NAMES:
        assert np.array_equal(getattr(loaded, name), getattr(made, name)), name
    assert isinstance(loaded.sequence_length, int)


def test_one_long_name_makes_no_other_longer_on_disk(tmp_path):
    dataset, sizes = make_corpus([2] * 500, 1, 1), []
    for length in (1, 1000):
        names = [*dataset.piece_names[:-1].tolist(), "x" * length]
        windows.save_windows(
            replace(dataset, piece_names=np.array(names), compositions=np.array(names)),
            tmp_path / "index.npz",
        )
        sizes.append((tmp_path / "index.npz").stat().st_size)
    assert sizes[1] - sizes[0] < 2100


def test_shards_of_an_older_corpus_are_removed(tmp_path):
    path = tmp_path / "index.npz"
    windows.save_windows(make_corpus([9, 7, 8], 3, 2), path, shard_notes=8)
    assert sorted(read_files(tmp_path)) == [
        "index.npz",
        "notes-00000.npy",
        "notes-00001.npy",
        "notes-00002.npy",
    ]
    windows.save_windows(make_corpus([9, 7, 8], 3, 2), path)
    assert sorted(read_files(tmp_path)) == ["index.npz", "notes-00000.npy"]


def test_a_run_that_was_killed_leaves_no_windows(tmp_path):
    def stop():
        yield np.zeros((9, 4), np.int16)
        raise KeyboardInterrupt

    path, dataset = tmp_path / "index.npz", make_corpus([9, 7], 3, 2)
    windows.save_windows(dataset, path)
    with pytest.raises(KeyboardInterrupt):
        windows.write_windows(dataset, stop(), path)
    with pytest.raises(DataError, match="no windows here"):
        windows.load_windows(path)


def test_a_piece_of_another_length_than_in_the_index_is_refused(tmp_path):
    dataset = make_corpus([9, 7], 3, 2)
    pieces = [np.zeros((9, 4), np.int16), np.zeros((6, 4), np.int16)]
    problem = "a piece has 6 notes, and 7 in the table of pieces; run 'dvc repro -f -s ingest'$"
    with pytest.raises(DataError, match=problem):
        windows.write_windows(dataset, pieces, tmp_path / "index.npz")


FILES = ["index.npz", "notes-00001.npy"]


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("kept", [0, 1, 3, 100, 0.5, 0.99])
def test_a_torn_file_is_a_data_error(tmp_path, name, kept):
    windows.save_windows(make_corpus([9, 7], 3, 2), tmp_path / "index.npz", shard_notes=8)
    data = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(data[: kept if isinstance(kept, int) else int(len(data) * kept)])
    with pytest.raises(DataError, match="no windows here"):
        windows.load_windows(tmp_path / "index.npz")


@pytest.mark.parametrize("name", FILES)
def test_every_flipped_bit_is_seen(tmp_path, name):
    windows.save_windows(make_corpus([3, 4], 1, 1), tmp_path / "index.npz", shard_notes=3)
    whole = (tmp_path / name).read_bytes()
    for place in range(0, 8 * len(whole), 13):
        torn = bytearray(whole)
        torn[place // 8] ^= 1 << place % 8
        (tmp_path / name).write_bytes(torn)
        with pytest.raises(DataError, match="no windows here"):
            windows.load_windows(tmp_path / "index.npz")


def test_shards_of_a_large_corpus_are_verified_on_request(tmp_path, monkeypatch):
    path, shard = tmp_path / "index.npz", tmp_path / "notes-00000.npy"
    windows.save_windows(make_corpus([9, 7], 3, 2), path)
    whole = shard.read_bytes()
    monkeypatch.setattr(windows, "MAX_VERIFIED_NOTES", 15)
    shard.write_bytes(whole[:-1] + b"X")
    assert len(windows.load_windows(path).notes) == 16
    with pytest.raises(DataError, match=r"notes-00000\.npy: changed since it was written"):
        windows.load_windows(path, verify_all=True)
    shard.write_bytes(whole + b"X")
    with pytest.raises(DataError, match=r"notes-00000\.npy: torn, or changed since it was written"):
        windows.load_windows(path)


def test_the_sha256_of_the_index_depends_on_every_note(tmp_path):
    path, dataset = tmp_path / "index.npz", make_corpus([9, 7], 3, 2)
    windows.save_windows(dataset, path)
    index = path.read_bytes()
    dataset.notes.shards[0][-1, 3] += 1
    windows.save_windows(dataset, path)
    assert path.read_bytes() != index


def test_a_missing_file_or_another_npz_is_a_data_error(tmp_path):
    with pytest.raises(DataError, match="dvc repro windows"):
        windows.load_windows(tmp_path / "index.npz")
    np.savez(tmp_path / "other.npz", codes=np.zeros(3))
    with pytest.raises(DataError, match="no windows here"):
        windows.load_windows(tmp_path / "other.npz")
    windows.save_windows(make_corpus([9, 7], 3, 2), tmp_path / "index.npz")
    (tmp_path / "notes-00000.npy").unlink()
    with pytest.raises(DataError, match=r"No such file .*notes-00000\.npy"):
        windows.load_windows(tmp_path / "index.npz")
