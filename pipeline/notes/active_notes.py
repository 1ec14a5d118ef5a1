"""Which notes sound: for each pitch, the cells that remain of its latest note at the onset of the next.

A note does not count itself. With this input, a model need not remember every note of a chord to know the harmony.

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
"""[B, 128] cells that remain of each pitch at the onset of the last note, that note included."""


def no_active_notes(batch_size: int) -> ActiveNotes:
    """Return the state before the first note: nothing sounds."""
    return np.zeros((batch_size, NUM_PITCHES), np.int16)


def advance(active: ActiveNotes, step: NDArray[np.int16]) -> ActiveNotes:
    """Return the cells that remain [B, 128] after steps [B] of cells."""
    remaining: ActiveNotes = np.maximum(active - step[:, None], 0)
    return remaining


def active_before_each(
    notes: QuantizedNotes, active: ActiveNotes
) -> tuple[ActiveNotes, ActiveNotes]:
    """Return which notes sound at the onset of each of T notes.

    Args:
        notes: [B, T, 5].
        active: [B, 128] after the note before the first.

    Returns:
        The cells that remain at the onset of each note, without that note [B, T, 128], and after the last note, with
        it [B, 128].
    """
    batch_size, num_notes = notes.shape[:2]
    before_each = np.empty((batch_size, num_notes, NUM_PITCHES), np.int16)
    rows = np.arange(batch_size)
    for t in range(num_notes):
        active = advance(active, notes[:, t, STEP])
        before_each[:, t] = active
        active[rows, notes[:, t, PITCH]] = notes[:, t, DURATION]
    return before_each, active


def active_features(active: NDArray[np.integer]) -> NDArray[np.float32]:
    """Return features [..., 256] of the cells that remain [..., 128]: whether it sounds, and how near its end is."""
    sounds = (active > 0).astype(np.float32)
    decay = np.exp(active.astype(np.float32) / np.float32(-DECAY_CELLS))
    return np.concatenate([sounds, decay * sounds], axis=-1)


DECAY_TABLE = active_features(np.arange(GRID_SIZE)[:, None])
"""[1001, 2] features of one pitch, by the cells that remain of it."""


class SparseActiveProduct:
    """The product of the features of active notes, most of which are zero, and a kernel.

    It equals `active_features(active) @ kernel`, but only the rows of pitches that sound are summed.
    """

    def __init__(self, kernel: NDArray[np.float32]) -> None:
        """Rearrange a kernel [256, W] to [128, 2, W]: the two rows of a pitch side by side."""
        by_feature = kernel.reshape(2, NUM_PITCHES, -1)
        self.kernel = np.ascontiguousarray(by_feature.swapaxes(0, 1))

    def apply(self, active: NDArray[np.integer]) -> NDArray[np.float32]:
        """Return the product [W] for the cells that remain [128]."""
        pitches = active.nonzero()[0]
        features = DECAY_TABLE.take(active.take(pitches), 0).ravel()
        rows = self.kernel.take(pitches, 0)
        product: NDArray[np.float32] = features.dot(rows.reshape(-1, rows.shape[-1]))
        return product
