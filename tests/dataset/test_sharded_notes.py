"""Notes in several files are as one array."""

import mmap

import numpy as np
import psutil
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.dataset import sharded_notes
from pipeline.dataset.sharded_notes import ShardedNotes

LENGTHS = st.lists(st.integers(0, 30), min_size=1, max_size=12).filter(any)


def make_pieces(lengths: list[int]) -> list[np.ndarray]:
    """Make pieces of which note n of all has the number n in each column."""
    notes = np.repeat(np.arange(sum(lengths), dtype=np.int16)[:, None], 4, axis=1)
    return np.split(notes, np.cumsum(lengths)[:-1])


def write_pieces(folder, lengths: list[int], shard_notes: int) -> ShardedNotes:
    written = sharded_notes.write_shards(
        folder, make_pieces(lengths), np.array(lengths), shard_notes
    )
    return sharded_notes.map_shards(folder, written)


@settings(max_examples=15)
@given(lengths=LENGTHS, shard_notes=st.integers(1, 80), data=st.data())
def test_shards_are_as_one_array(tmp_path_factory, lengths, shard_notes, data):
    notes = write_pieces(tmp_path_factory.mktemp("shards"), lengths, shard_notes)
    assert len(notes) == sum(lengths)
    ends = np.cumsum(lengths)
    for start, end in zip(ends - lengths, ends, strict=True):
        assert notes.view(int(start), int(end))[:, 0].tolist() == list(range(start, end))
    index = st.integers(0, sum(lengths) - 1)
    indices = np.array(data.draw(st.lists(st.lists(index, min_size=3, max_size=3), max_size=5)))
    indices = indices.reshape(-1, 3).astype(np.int64)
    gathered = notes.gather(indices)
    assert gathered.shape == (*indices.shape, 4)
    assert (gathered == indices[..., None]).all()


def test_a_shard_ends_with_a_piece(tmp_path):
    notes = write_pieces(tmp_path, [6, 3, 4, 25, 1, 2], 10)
    # A piece is in the shard in which it starts; 25 notes fill two.
    assert [len(shard) for shard in notes.shards] == [13, 25, 3]
    assert np.load(tmp_path / "notes-00001.npy").shape == (25, 4)


def test_notes_are_views_of_a_mapped_file_that_nobody_can_change(tmp_path):
    notes = write_pieces(tmp_path, [6, 3], 10)
    view = notes.view(6, 9)
    assert np.shares_memory(view, notes.shards[0])
    with pytest.raises(ValueError, match="read-only"):
        view[0, 0] = 1


def test_pages_are_released_after_so_many_bytes_and_views_stay_valid(tmp_path, monkeypatch):
    released: list[mmap.mmap] = []
    release = sharded_notes._release_pages

    def record(mapped: mmap.mmap) -> None:
        released.append(mapped)
        release(mapped)

    monkeypatch.setattr(sharded_notes, "_release_pages", record)
    monkeypatch.setattr(sharded_notes, "RELEASE_BYTES", 8 * 20)
    notes = write_pieces(tmp_path, [10, 10, 10], 10)
    views = [notes.view(start, start + 10) for start in (0, 10)]
    assert not released
    views.append(notes.view(20, 30))
    assert len(released) == 3
    assert [view[0, 0] for view in views] == [0, 10, 20]
    notes.gather(np.array([[0, 1]]))
    assert len(released) == 6


def test_reading_all_notes_takes_no_memory_of_their_size(tmp_path, monkeypatch):
    monkeypatch.setattr(sharded_notes, "RELEASE_BYTES", 2**20)
    lengths = np.full(32, 2**17)
    pieces = (np.full((length, 4), 1, np.int16) for length in lengths)
    written = sharded_notes.write_shards(tmp_path, pieces, lengths, 2**20)
    notes = sharded_notes.map_shards(tmp_path, written)
    process = psutil.Process()
    before = process.memory_info().rss
    for end in np.cumsum(lengths):
        assert notes.view(end - lengths[0], end).min() == 1
        assert process.memory_info().rss - before < 2**24
    assert len(notes) * 8 == 2**25


@pytest.mark.parametrize("damage", ["type", "order", "length"])
def test_an_array_of_another_kind_is_refused(tmp_path, damage):
    notes = np.zeros((9, 4), np.int32 if damage == "type" else np.int16)
    notes = np.asfortranarray(notes) if damage == "order" else notes
    np.save(sharded_notes.get_shard_path(tmp_path, 0), notes)
    with pytest.raises(
        ValueError, match=r"^notes-00000\.npy: torn, or changed since it was written$"
    ):
        sharded_notes.map_shards(tmp_path, [8 if damage == "length" else 9])
