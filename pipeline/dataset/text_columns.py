"""Columns of text [P] in an index: in memory and on disk each text takes about its own length, however long others are.

An array of fixed width would take four bytes for each character of the longest text, P times. On disk a column is the
UTF-8 bytes of all texts, one after the other, and the end of each.

Shapes: P texts, B bytes of all of them.
"""

from array import array
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

TEXT_DTYPE = np.dtypes.StringDType()
"""Of an array of texts in memory; each has its own length."""


def encode_texts(texts: Iterable[str]) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Return the UTF-8 bytes [B] of all texts, and the end [P] of each, in bytes."""
    data, ends = bytearray(), array("q")
    for text in texts:
        data += text.encode("utf-8")
        ends.append(len(data))
    return np.frombuffer(data, np.uint8), np.array(ends, np.int64)


def decode_texts(data: NDArray[np.uint8], ends: NDArray[np.int64]) -> NDArray[np.str_]:
    """Return the texts [P] of `encode_texts`, as an array of `TEXT_DTYPE`.

    Raises:
        ValueError: the bytes are no UTF-8.
    """
    texts: NDArray[Any] = np.empty(len(ends), TEXT_DTYPE)
    all_bytes = data.tobytes()
    start = 0
    for number, end in enumerate(ends):
        texts[number] = all_bytes[start:end].decode("utf-8")
        start = end
    return texts
