"""Which keys still sound: for each pitch, the cells left of its latest note at the onset of the next.

A note does not count itself. A model that is told this need not remember every note-on of a chord to know what harmony
it stands in.

Shapes: B pieces side by side, T notes, 128 pitches.
"""

import numpy as np
from numpy.typing import NDArray

from pipeline.notes.note import NUM_PITCHES
from pipeline.notes.quantize import DURATION, GRID_SIZE, PITCH, STEP, QuantizedNotes

DECAY_CELLS = 20.0
"""Cells in which the second feature falls to 1/e."""
NUM_FEATURES = 2 * NUM_PITCHES

ActiveNotes = NDArray[np.int16]
"""[B, 128] cells left of each pitch at the onset of the note last heard, that note included."""


def no_active_notes(batch_size: int) -> ActiveNotes:
    """Return silence."""
    return np.zeros((batch_size, NUM_PITCHES), np.int16)


def advance(active: ActiveNotes, step: NDArray[np.int16]) -> ActiveNotes:
    """Return what is left [B, 128] when steps [B] of cells have passed."""
    return np.asarray(np.maximum(active - step[:, None], 0), np.int16)


def active_before_each(
    notes: QuantizedNotes, active: ActiveNotes
) -> tuple[ActiveNotes, ActiveNotes]:
    """Hear T notes.

    Args:
        notes: [B, T, 4].
        active: [B, 128] as of the note before.

    Returns:
        What is left at the onset of each note, without that note [B, T, 128], and after the last, with it [B, 128].
    """
    batch, length = notes.shape[:2]
    out = np.empty((batch, length, NUM_PITCHES), np.int16)
    rows = np.arange(batch)
    for t in range(length):
        active = advance(active, notes[:, t, STEP])
        out[:, t] = active
        active[rows, notes[:, t, PITCH]] = notes[:, t, DURATION]
    return out, active


def active_features(active: NDArray[np.integer]) -> NDArray[np.float32]:
    """Return features [..., 256] of what is left [..., 128]: whether a key sounds, and how nearly it ends."""
    sounds = (active > 0).astype(np.float32)
    return np.concatenate(
        [sounds, np.exp(active.astype(np.float32) / np.float32(-DECAY_CELLS)) * sounds], axis=-1
    )


DECAY_TABLE = active_features(np.arange(GRID_SIZE)[:, None])
"""[1001, 2] features of one key, by the cells that are left of it."""


class SparseActiveProduct:
    """What sounding keys add to a vector: a kernel over their features, of which few are not zero.

    As `features(left) @ kernel`, but only the rows of keys that sound are summed.
    """

    def __init__(self, kernel: NDArray[np.float32]) -> None:
        """Take a kernel [256, W]."""
        self.kernel = np.ascontiguousarray(kernel.reshape(2, NUM_PITCHES, -1).swapaxes(0, 1))

    def apply(self, active: NDArray[np.integer]) -> NDArray[np.float32]:
        """Return the sum [W] for what is left [128]."""
        keys = active.nonzero()[0]
        rows = self.kernel.take(keys, 0)
        return np.asarray(
            DECAY_TABLE.take(active.take(keys), 0).ravel().dot(rows.reshape(-1, rows.shape[-1]))
        )
