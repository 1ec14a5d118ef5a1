"""What tests of sample metrics share: quantized notes [T, 4] given by column, or any."""

from collections.abc import Sequence

import numpy as np
from hypothesis import strategies as st

from pipeline.notes.quantize import DURATION, PITCH, STEP, VELOCITY, QuantizedNotes

COLUMNS = {"step": STEP, "duration": DURATION, "pitch": PITCH, "velocity": VELOCITY}
NOTE = st.tuples(
    st.integers(0, 30),
    st.integers(0, 60),
    st.sampled_from([0, 59, 60, 72, 127]),
    st.integers(1, 127),
)
CODES = st.lists(NOTE, min_size=1, max_size=40).map(lambda rows: np.array(rows, np.int16))


def make_codes(**columns: Sequence[int]) -> QuantizedNotes:
    """Make codes of some columns; what is not given is 10 cells, middle C, velocity 64."""
    length = len(next(iter(columns.values())))
    codes = np.tile(np.array([10, 10, 60, 64], np.int16), (length, 1))
    for name, values in columns.items():
        codes[:, COLUMNS[name]] = values
    return codes
