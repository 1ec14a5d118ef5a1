"""A permutation that is computed number by number."""

import tracemalloc
from collections import Counter
from itertools import permutations

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy import stats

from pipeline.dataset.permutation import hash_numbers, permute_numbers

KEYS = st.integers(0, 2**64 - 1)


def permute_all(num_items: int, key: int) -> np.ndarray:
    """Return the places of all numbers."""
    keys = np.full(num_items, key, np.uint64)
    return permute_numbers(np.arange(num_items), num_items, keys)


def permute_for_keys(num_items: int, num_keys: int) -> np.ndarray:
    """Return the places [num_keys, num_items] of all numbers for the keys of successive passes."""
    keys = np.repeat(hash_numbers(42, np.arange(num_keys)), num_items)
    numbers = np.tile(np.arange(num_items), num_keys)
    return permute_numbers(numbers, num_items, keys).reshape(num_keys, num_items)


@settings(deadline=None)
@given(num_items=st.integers(1, 5000), key=KEYS)
@example(num_items=1, key=0)
@example(num_items=2, key=0)
@example(num_items=3, key=1)
@example(num_items=4096, key=2)
@example(num_items=4097, key=3)
def test_every_number_comes_once(num_items, key):
    assert np.array_equal(np.sort(permute_all(num_items, key)), np.arange(num_items))


@given(num_items=st.integers(100, 2000), key=KEYS)
def test_the_key_decides_the_order(num_items, key):
    order = permute_all(num_items, key)
    assert np.array_equal(order, permute_all(num_items, key))
    assert not np.array_equal(order, permute_all(num_items, key ^ 1))
    assert not np.array_equal(order, np.arange(num_items))


@given(num_items=st.integers(1, 2**62), data=st.data())
def test_a_part_is_that_of_the_whole_for_any_number_of_items(num_items, data):
    numbers = data.draw(
        st.lists(st.integers(0, num_items - 1), min_size=1, max_size=20, unique=True)
    )
    keys = hash_numbers(np.full(len(numbers), 7))
    permuted = permute_numbers(np.array(numbers), num_items, keys)
    assert len(set(permuted.tolist())) == len(numbers)
    assert 0 <= permuted.min() <= permuted.max() < num_items
    alone = [int(permute_numbers(np.array([n]), num_items, keys[:1])[0]) for n in numbers]
    assert permuted.tolist() == alone


@pytest.mark.parametrize("num_items", [2, 3, 4])
def test_all_orders_of_a_few_items_are_equally_frequent(num_items):
    orders = Counter(map(tuple, permute_for_keys(num_items, 4800).tolist()))
    counts = [orders[order] for order in permutations(range(num_items))]
    assert stats.chisquare(counts).pvalue > 0.01


def test_every_number_goes_to_every_place_equally_often():
    places = permute_for_keys(30, 6000)
    pvalues = [stats.chisquare(np.bincount(column, minlength=30)).pvalue for column in places.T]
    assert stats.kstest(pvalues, "uniform").pvalue > 0.01


@pytest.mark.parametrize("num_items", [1000, 1024, 2**40])
def test_the_distance_of_successive_places_is_that_of_chance(num_items):
    """Distances of two independent places are uniform modulo the number of items."""
    numbers = np.arange(1000)
    distances = []
    for key in hash_numbers(3, np.arange(20)):
        places = permute_numbers(numbers, num_items, np.full(1000, key))
        distances.append(np.diff(places) % num_items)
    counts, _ = np.histogram(np.concatenate(distances), 50, (1, num_items))
    assert stats.chisquare(counts).pvalue > 0.01


def test_a_pass_of_a_trillion_items_takes_megabytes():
    keys = hash_numbers(0, np.zeros(10_000, np.int64))
    numbers = np.arange(2**40 - 10_000, 2**40)
    tracemalloc.start()
    try:
        permuted = permute_numbers(numbers, 2**40, keys)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(np.unique(permuted)) == 10_000
    assert peak < 4e6


def test_the_order_is_the_same_on_every_machine_and_in_every_version():
    assert permute_all(10, 42).tolist() == [0, 3, 7, 1, 6, 8, 9, 5, 4, 2]
    assert hash_numbers(1, 2).tolist() == [13608149317741381227]


def test_a_hash_depends_on_every_number_and_on_the_order():
    rows = [(1,), (2,), (1, 2), (2, 1), (0, 1, 2), (1, 0, 2), (1, 2, 0)]
    assert len({int(hash_numbers(*row)[0]) for row in rows}) == len(rows)
    several = hash_numbers(5, np.array([1, 2]), np.array([3, 4]))
    assert several.tolist() == [*hash_numbers(5, 1, 3), *hash_numbers(5, 2, 4)]


def test_half_of_the_bits_of_a_hash_change_with_a_bit_of_a_number():
    numbers = np.arange(1000)
    changed = hash_numbers(9, numbers) ^ hash_numbers(9, numbers ^ 1)
    counts = np.bitwise_count(changed)
    assert counts.mean() == pytest.approx(32, abs=0.5)
    assert counts.min() > 10
