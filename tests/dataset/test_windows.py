import tempfile
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from factories import make_window_dataset
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.core.errors import DataError
from pipeline.dataset import windows
from pipeline.dataset.windows import WindowDataset
from pipeline.notes.quantize import PITCH

LENGTHS = st.lists(st.integers(1, 30), min_size=1, max_size=8)


def corpus(lengths: list[int], length: int, stride: int) -> WindowDataset:
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


@given(lengths=LENGTHS, length=st.integers(1, 10), stride=st.integers(1, 5))
def test_starts_are_all_that_lie_in_a_piece_with_their_target(lengths, length, stride):
    ends = np.cumsum(lengths).tolist()
    expected = [
        start
        for begin, end in pairwise([0, *ends])
        for start in range(begin, end)
        if (start - begin) % stride == 0 and start + length + 1 <= end
    ]
    assert windows.window_starts(ends, length, stride).tolist() == expected


@given(lengths=LENGTHS, length=st.integers(1, 10), stride=st.integers(1, 5))
def test_no_window_crosses_a_piece(lengths, length, stride):
    made = corpus(lengths, length, stride)
    notes, targets = made.gather(np.arange(len(made.window_starts)))
    assert notes.shape == (len(made.window_starts), length, 4)
    assert (notes[:, :, PITCH] == targets[:, None, PITCH]).all()


def test_a_target_is_the_note_after_its_window():
    made = corpus([9, 7], 3, 2)
    notes, targets = made.gather(np.array([4, 0, 1]))
    assert notes[:, :, 0].tolist() == [[11, 12, 13], [0, 1, 2], [2, 3, 4]]
    assert targets[:, 0].tolist() == [14, 3, 5]


def test_pieces_and_names_are_those_of_the_split():
    made = corpus([4, 5, 6, 7], 2, 1)
    assert made.select_piece_names("train") == ["0.mid", "3.mid"]
    assert made.select_compositions("train") == ["composition 0 é", "composition 3 é"]
    assert [(len(codes), set(codes[:, PITCH])) for codes in made.select_pieces("train")] == [
        (4, {0}),
        (7, {3}),
    ]
    assert [len(codes) for codes in made.select_pieces("test")] == [6]


def test_an_empty_split_is_named():
    with pytest.raises(DataError, match="no piece in the split 'test'"):
        corpus([4, 5], 2, 1).select_pieces("test")


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


@given(lengths=LENGTHS, notes=st.integers(1, 200))
def test_beginnings_are_equal_shares_and_no_more_than_asked(lengths, notes):
    pieces = [np.full((length, 4), length, np.int16) for length in lengths]
    cut = windows.truncate_pieces(pieces, notes)
    assert sum(map(len, cut)) <= max(notes, 2 * len(pieces))
    long = {len(codes) for codes, whole in zip(cut, pieces, strict=True) if len(codes) < len(whole)}
    assert len(long) <= 1
    assert all(
        np.array_equal(codes, whole[: len(codes)]) for codes, whole in zip(cut, pieces, strict=True)
    )


@settings(max_examples=25)
@given(lengths=LENGTHS, length=st.integers(1, 10), stride=st.integers(1, 5))
def test_windows_come_back_from_disk_in_equal_bytes(lengths, length, stride):
    made = corpus(lengths, length, stride)
    with tempfile.TemporaryDirectory() as folder:
        path, again = Path(folder) / "a.npz", Path(folder) / "b.npz"
        windows.save_windows(made, path)
        loaded = windows.load_windows(path)
        windows.save_windows(loaded, again)
        assert path.read_bytes() == again.read_bytes()
    for name in windows.ARRAY_NAMES:
        assert np.array_equal(getattr(loaded, name), getattr(made, name)), name
    assert isinstance(loaded.sequence_length, int)


@pytest.mark.parametrize("kept", [0, 1, 3, 100, 0.5, 0.99])
def test_a_torn_file_is_a_data_error(tmp_path, kept):
    path = tmp_path / "windows.npz"
    windows.save_windows(corpus([9, 7], 3, 2), path)
    data = path.read_bytes()
    path.write_bytes(data[: kept if isinstance(kept, int) else int(len(data) * kept)])
    with pytest.raises(DataError, match="no windows here"):
        windows.load_windows(path)


def test_every_flipped_bit_is_seen(tmp_path):
    path = tmp_path / "windows.npz"
    windows.save_windows(corpus([3, 4], 1, 1), path)
    whole = path.read_bytes()
    for place in range(0, 8 * len(whole), 13):
        torn = bytearray(whole)
        torn[place // 8] ^= 1 << place % 8
        path.write_bytes(torn)
        with pytest.raises(DataError, match="changed since it was written"):
            windows.load_windows(path)


def test_a_missing_file_or_another_npz_is_a_data_error(tmp_path):
    with pytest.raises(DataError, match="dvc repro windows"):
        windows.load_windows(tmp_path / "windows.npz")
    np.savez(tmp_path / "other.npz", codes=np.zeros(3))
    with pytest.raises(DataError, match="no windows here"):
        windows.load_windows(tmp_path / "other.npz")
