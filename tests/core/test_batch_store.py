"""Batches that a stopped run wrote, and which of them the next run uses."""

import numpy as np
import pytest

from pipeline.core import batch_store
from pipeline.core.batch_store import BatchStore
from pipeline.core.errors import DiskError

RESULTS = [np.arange(3).tolist(), "a", None]


def test_a_batch_comes_back_under_its_key_only(tmp_path):
    store = BatchStore(tmp_path, "key")
    store.save("one", batch_store.encode_results(RESULTS))
    assert BatchStore(tmp_path, "key").load("one") == RESULTS
    assert store.load("two") is None


def test_every_flipped_bit_makes_a_batch_unfinished(tmp_path):
    store = BatchStore(tmp_path, "key")
    encoded = batch_store.encode_results(RESULTS)
    for place in range(8 * len(encoded)):
        torn = bytearray(encoded)
        torn[place // 8] ^= 1 << place % 8
        store.save("one", bytes(torn))
        assert store.load("one") is None
    store.save("one", encoded[:20])
    assert store.load("one") is None


def test_other_settings_remove_what_a_stopped_run_left(tmp_path):
    BatchStore(tmp_path, "old").save("one", batch_store.encode_results(RESULTS))
    assert BatchStore(tmp_path, "new").load("one") is None
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_may_not_be_written_is_one_line(tmp_path):
    (tmp_path / "key").write_text("a file where the folder is to be")
    with pytest.raises(DiskError, match="cannot be written"):
        BatchStore(tmp_path, "key").save("one", b"")
