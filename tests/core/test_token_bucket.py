"""What a token bucket allows at which time."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.token_bucket import TokenBucket


@given(st.lists(st.floats(0, 2), max_size=60), st.floats(0.5, 100), st.integers(1, 20))
def test_a_bucket_allows_its_burst_and_its_rate_and_no_more(
    waits: list[float], rate: float, burst: int
) -> None:
    now = 0.0
    bucket = TokenBucket(rate, burst, lambda: now)
    taken = 0
    for seconds in waits:
        now += seconds
        taken += bucket.take()
    assert taken <= burst + now * rate + 1e-6
    assert taken >= min(len(waits), burst)


def test_a_reservation_is_as_long_as_the_rate_says() -> None:
    bucket = TokenBucket(10.0, 2, lambda: 0.0)
    assert [bucket.reserve() for _ in range(4)] == pytest.approx([0, 0, 0.1, 0.2])
