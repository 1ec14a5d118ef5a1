"""The rows of each worker; what needs several processes is in `test_parallel_step.py`."""

import numpy as np

from pipeline.training.workers import ALONE, Workers


def test_every_row_of_a_batch_has_one_worker() -> None:
    rows = [Workers(rank, 3).select_rows(8).tolist() for rank in range(3)]
    assert rows == [[0, 1, 2], [3, 4, 5], [6, 7]]


def test_one_worker_reads_all_rows_and_sums_nothing() -> None:
    array = np.arange(3)
    assert ALONE.is_chief
    assert ALONE.select_rows(4).tolist() == [0, 1, 2, 3]
    assert ALONE.sum_arrays(array) is array
    assert ALONE.copy_text("text") == "text"
