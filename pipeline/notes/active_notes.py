"""Which keys still sound: for each pitch, the cells left of its latest note at the onset of the next.

A note does not count itself. A model that is told this need not remember every note-on of a chord to know what harmony
it stands in.

Shapes: B pieces side by side, T notes, 128 pitches.
"""

import numpy as np
from numpy.typing import NDArray

from pipeline.notes.note import PITCHES
from pipeline.notes.quantize import CELLS, DURATION, PITCH, STEP, Codes

FADE = 20.0
"""Cells in which the second feature falls to 1/e."""
FEATURES = 2 * PITCHES

Left = NDArray[np.int16]
"""[B, 128] cells left of each pitch at the onset of the note last heard, that note included."""


def start(batch: int) -> Left:
    """Return silence."""
    return np.zeros((batch, PITCHES), np.int16)


def after(left: Left, step: NDArray[np.int16]) -> Left:
    """Return what is left [B, 128] when steps [B] of cells have passed."""
    return np.asarray(np.maximum(left - step[:, None], 0), np.int16)


def read(codes: Codes, left: Left) -> tuple[Left, Left]:
    """Hear T notes.

    Args:
        codes: [B, T, 4].
        left: [B, 128] as of the note before.

    Returns:
        What is left at the onset of each note, without that note [B, T, 128], and after the last, with it [B, 128].
    """
    batch, length = codes.shape[:2]
    out = np.empty((batch, length, PITCHES), np.int16)
    rows = np.arange(batch)
    for t in range(length):
        left = after(left, codes[:, t, STEP])
        out[:, t] = left
        left[rows, codes[:, t, PITCH]] = codes[:, t, DURATION]
    return out, left


def features(left: NDArray[np.integer]) -> NDArray[np.float32]:
    """Return features [..., 256] of what is left [..., 128]: whether a key sounds, and how nearly it ends."""
    sounds = (left > 0).astype(np.float32)
    return np.concatenate([sounds, np.exp(left.astype(np.float32) / np.float32(-FADE)) * sounds], axis=-1)


SHARES = features(np.arange(CELLS)[:, None])
"""[1001, 2] features of one key, by the cells that are left of it."""


class Keys:
    """What sounding keys add to a vector: a kernel over their features, of which few are not zero.

    As `features(left) @ kernel`, but only the rows of keys that sound are summed.
    """

    def __init__(self, kernel: NDArray[np.float32]) -> None:
        """Take a kernel [256, W]."""
        self.rows = np.ascontiguousarray(kernel.reshape(2, PITCHES, -1).swapaxes(0, 1))

    def add(self, left: NDArray[np.integer]) -> NDArray[np.float32]:
        """Return the sum [W] for what is left [128]."""
        keys = left.nonzero()[0]
        rows = self.rows.take(keys, 0)
        return np.asarray(SHARES.take(left.take(keys), 0).ravel().dot(rows.reshape(-1, rows.shape[-1])))
