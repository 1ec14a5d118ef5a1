from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.evaluation.count_tables import CountTable, count_codes

CODES = st.lists(st.integers(0, 20), max_size=40).map(lambda values: np.array(values, np.int64))


def make_counter(table: CountTable) -> Counter[int]:
    return Counter(dict(zip(table.codes.tolist(), table.counts.tolist(), strict=True)))


@given(CODES)
def test_codes_are_counted(codes: np.ndarray) -> None:
    table = count_codes(codes)
    assert make_counter(table) == Counter(codes.tolist())
    assert table.codes.tolist() == sorted(set(codes.tolist()))


@given(st.lists(CODES, min_size=1, max_size=5))
def test_the_sum_of_tables_is_the_table_of_all_codes(parts: list[np.ndarray]) -> None:
    total = count_codes(np.empty(0, np.int64))
    for part in parts:
        total = total.add(count_codes(part))
    expected = count_codes(np.concatenate(parts))
    assert total.codes.tolist() == expected.codes.tolist()
    assert total.counts.tolist() == expected.counts.tolist()


@given(CODES, st.integers(1, 25))
def test_pruned_tables_keep_the_greatest_counts(codes: np.ndarray, max_entries: int) -> None:
    table = count_codes(codes)
    pruned = table.prune(max_entries)
    assert len(pruned.codes) <= max_entries
    dropped = make_counter(table) - make_counter(pruned)
    assert max(dropped.values(), default=0) < min(pruned.counts.tolist(), default=10**9)
    # No more counts are dropped than necessary: with the greatest of them the table would be too large.
    num_greatest = (
        sum(count == max(dropped.values()) for count in dropped.values()) if dropped else 0
    )
    assert not dropped or len(pruned.codes) + num_greatest > max_entries


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 2)), max_size=30))
def test_counts_are_looked_up_by_context(pairs: list[tuple[int, int]]) -> None:
    table = count_codes(np.array([key * 3 + token for key, token in pairs], np.int64))
    keys = np.array([4, 0, 7, 0])
    expected = [[pairs.count((int(key), token)) for token in range(3)] for key in keys]
    assert table.look_up(keys, 3).tolist() == expected


def test_counts_are_64_bits_wide() -> None:
    table = CountTable(np.array([3]), np.array([2**40]))
    assert table.add(table).counts.tolist() == [2**41]
    assert table.look_up(np.array([1]), 2)[0, 1] == pytest.approx(2**40)
