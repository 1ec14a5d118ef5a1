"""Columns of text of their own length."""

import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.dataset.text_columns import TEXT_DTYPE, decode_texts, encode_texts


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=30)))
def test_texts_come_back(texts: list[str]) -> None:
    data, ends = encode_texts(texts)
    decoded = decode_texts(data, ends)
    assert decoded.tolist() == texts
    assert decoded.dtype == TEXT_DTYPE
    assert encode_texts(decoded)[0].tobytes() == "".join(texts).encode("utf-8")


def test_one_long_text_makes_no_other_longer() -> None:
    texts = [f"{number}.mid" for number in range(2000)] + ["x" * 5000]
    data, ends = encode_texts(texts)
    assert len(data) == sum(map(len, texts))
    tracemalloc.start()
    try:
        decoded = decode_texts(data, ends)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert decoded[-1] == texts[-1]
    assert peak < 40 * len(texts) + 8 * len(data)


def test_bytes_that_are_no_text_are_refused() -> None:
    with pytest.raises(ValueError, match="utf-8"):
        decode_texts(np.array([0xFF], np.uint8), np.array([1]))
