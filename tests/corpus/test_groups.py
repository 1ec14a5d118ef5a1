"""Groups are those that pairs connect, whatever their order."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pipeline.corpus.groups import join_pairs


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=12))
def test_groups_are_those_that_pairs_connect(pairs: list[tuple[int, int]]) -> None:
    connected = np.eye(10, dtype=bool)
    for first, second in pairs:
        connected[first, second] = connected[second, first] = True
    for middle in range(10):
        connected |= np.outer(connected[:, middle], connected[middle])
    expected = {tuple(np.flatnonzero(row).tolist()) for row in connected}
    for part in (pairs, [(second, first) for first, second in reversed(pairs)]):
        groups = join_pairs(10, part)
        assert groups == sorted([*members] for members in expected if len(members) > 1)
