import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.live.lateness import BIN_SECONDS, LatencyHistogram


@given(st.lists(st.floats(0, 0.15), min_size=1), st.floats(0.01, 1))
def test_a_quantile_is_that_of_the_values_a_bin_too_long_at_most(values, share):
    late = LatencyHistogram()
    for value in values:
        late.add(value)
    exact = float(np.quantile(values, share, method="inverted_cdf"))
    assert exact - 1e-9 <= late.quantile(share) <= exact + 1.001 * BIN_SECONDS
    assert late.max_seconds == max(values)


def test_early_is_on_time_and_the_latest_has_no_bound():
    late = LatencyHistogram()
    for value in (-0.5, 3.0):
        late.add(value)
    assert late.quantile(0.5) == pytest.approx(BIN_SECONDS)
    assert late.quantile(1.0) == late.max_seconds == 3.0
    assert str(late) == "2 messages, late by p50 0.01, p99 3000.00, p99.9 3000.00, max 3000.00 ms"


def test_nothing_was_late_where_nothing_was_sent():
    assert LatencyHistogram().quantile(0.999) == 0.0
