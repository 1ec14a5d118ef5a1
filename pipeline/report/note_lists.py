"""Notes as the scripts of pages read them, in `web/noteList.js`: small whole numbers."""

import numpy as np

from pipeline.notes.note import Notes

TICKS_PER_SECOND = 100
"""A second in the units of a page."""


def pack_notes(notes: Notes) -> list[int]:
    """Return notes as one list, four numbers each: step and duration in hundredths of a second, pitch, velocity."""
    onset, duration = (
        np.rint(notes[name] * TICKS_PER_SECOND).astype(int) for name in ("onset", "duration")
    )
    columns = np.diff(onset, prepend=0), np.maximum(duration, 1), notes["pitch"], notes["velocity"]
    return np.stack(columns, axis=1).astype(int).ravel().tolist()
