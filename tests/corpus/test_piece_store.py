"""What ingest keeps of each piece, on the disk."""

import numpy as np
import pytest

from pipeline.core.errors import DiskError
from pipeline.corpus import near_duplicates
from pipeline.corpus.near_duplicates import group_near_duplicates
from pipeline.corpus.piece_store import PieceStore, StoredSketches
from pipeline.corpus.sketches import SKETCH_SIZE
from pipeline.corpus.tables import PieceRow


def make_row(index: int) -> PieceRow:
    return PieceRow(index, f"{index}/ü.mid", "Stück", "train", 2**40 + index, 0.1, "f" * 64)


def make_sketches(num_pieces: int) -> np.ndarray:
    """Make sketches of which every second one is a copy of the one before."""
    sketches = np.random.default_rng(1).integers(0, 2**32, (num_pieces, SKETCH_SIZE), np.uint32)
    sketches[1::2] = sketches[::2]
    return sketches


def store_sketches(sketches: np.ndarray) -> StoredSketches:
    store = PieceStore()
    for index, sketch in enumerate(sketches):
        store.add_taken(make_row(index), index.to_bytes(32), sketch)
    return StoredSketches(store)


def test_rows_come_back_in_order_and_one_by_one() -> None:
    store = PieceStore()
    rows = [make_row(index) for index in range(3)]
    for row in rows:
        store.add_taken(row, bytes([row.index]), np.zeros(SKETCH_SIZE, np.uint32))
    assert list(store.iterate_rows()) == rows
    assert store.get_row(1) == rows[1]
    assert store.find_same_notes(b"\2") == rows[2].member
    assert store.find_same_notes(b"\3") == ""


def test_rejected_files_come_back_sorted_as_python_sorts() -> None:
    store = PieceStore()
    rejected = [
        ("ü.mid", "2"),
        ("b.mid", "9"),
        ("B.mid", "1"),
        ("\U0001f3b5.mid", ""),
        ("\uffee", ""),
    ]
    for member, reason in rejected:
        store.add_rejected(member, reason)
    assert list(store.iterate_rejected()) == sorted(rejected)


def test_stored_sketches_are_read_like_an_array() -> None:
    sketches = make_sketches(10)
    stored = store_sketches(sketches)
    assert len(stored) == 10
    assert (stored[3:8] == sketches[3:8]).all()
    assert (stored[8:20] == sketches[8:]).all()
    indices = np.array([7, 0, 7, 2])
    assert (stored[indices] == sketches[indices]).all()


def test_groups_of_stored_sketches_are_those_of_an_array(monkeypatch: pytest.MonkeyPatch) -> None:
    sketches = make_sketches(60)
    expected = group_near_duplicates(sketches)
    assert expected == [[index, index + 1] for index in range(0, 60, 2)]
    for name, size in (("BUCKET_SIZE", 300), ("CHECKED_PAIRS", 3), ("ROWS_READ", 7)):
        monkeypatch.setattr(near_duplicates, name, size)
        assert group_near_duplicates(store_sketches(sketches)) == expected
    assert group_near_duplicates(StoredSketches(PieceStore())) == []


def test_a_full_temporary_folder_is_one_line_with_a_remedy() -> None:
    store = PieceStore()
    store._database.execute("PRAGMA max_page_count = 20")
    with pytest.raises(DiskError, match=r"temporary folder .* full.*TMPDIR"):
        for number in range(1000):
            store.add_rejected(f"{number}.mid", "x" * 1000)
