"""Notes to codes and back: the only place that bins, clips or scales.

A code is a note on the time grid, what every model reads and what every sample is made of:

    column 0  step      cells of 10 ms since the onset before, 0..1000; 0 for the first note of a piece
    column 1  duration  cells of 10 ms held, 0..1000
    column 2  pitch     0..127
    column 3  velocity  1..127

A token is what an embedding is looked up by: times in 82 bins, exact up to half a second and then ever wider, and
velocities in 32. Training, scoring and playing all come through here, so they cannot disagree.

Shapes: N notes.
"""

import numpy as np
from numpy.typing import NDArray

from pipeline.notes.note import NOTE, PITCHES, Notes

CELL = 0.01
"""Width of a cell of the time grid [s]."""
CELLS = 1001
"""Cells of the time grid: 0 to 10 s; the last takes everything longer."""
STEP, DURATION, PITCH, VELOCITY = range(4)
HEADS = ("pitch", "step", "duration")
"""The parts of a note that count in bits per note; the order of the columns of every table of bits."""
COLUMN = {"pitch": PITCH, "step": STEP, "duration": DURATION}
SHORTEST = 0.004
"""Seconds played for duration cell 0: a note must sound, and must encode to cell 0 again."""

Codes = NDArray[np.int16]
"""Array [N, 4] of int16."""


def _edges() -> NDArray[np.int64]:
    """Return the first cell of each time bin, and the end: one cell each to 0.5 s, then each a tenth wider."""
    edges = list(range(51))
    while edges[-1] < CELLS:
        edges.append(min(CELLS, max(edges[-1] + 1, round(edges[-1] * 1.1))))
    return np.array(edges)


BIN_EDGES = _edges()
"""[83] first cell of each time bin, and 1001."""
BIN_WIDTHS = np.diff(BIN_EDGES)
"""[82] cells in each time bin."""
BINS = len(BIN_WIDTHS)
BIN_OF = np.repeat(np.arange(BINS), BIN_WIDTHS).astype(np.int32)
"""[1001] bin of each cell."""
VELOCITY_WIDTH = 4
"""Velocities in a velocity bin."""
VELOCITY_BINS = 128 // VELOCITY_WIDTH

SCALAR_ORDER = [PITCH, STEP, DURATION]
SCALE = np.array([1 / PITCHES, CELL, CELL], np.float32)
"""What the columns of the scalar input are multiplied by."""


def to_cells(seconds: NDArray[np.float64]) -> NDArray[np.int16]:
    """Round times [s] to cells of the grid, clipped to 0..1000."""
    return np.clip(np.rint(seconds / CELL), 0, CELLS - 1).astype(np.int16)


def encode(notes: Notes) -> Codes:
    """Put notes on the time grid.

    Args:
        notes: [N], in time order.

    Returns:
        Codes [N, 4]; the step of the first note is 0.
    """
    codes = np.empty((len(notes), 4), np.int16)
    codes[:, STEP] = to_cells(np.diff(notes["onset"], prepend=notes["onset"][:1]))
    codes[:, DURATION] = to_cells(notes["duration"])
    codes[:, PITCH] = notes["pitch"]
    codes[:, VELOCITY] = notes["velocity"]
    return codes


def decode(codes: Codes, start: float = 0.0) -> Notes:
    """Turn codes back into notes, row by row and in the same order.

    `encode(decode(codes))` is `codes`, but for the first step, which `start` takes the place of.

    Args:
        codes: [N, 4].
        start: onset of the first note [s].

    Returns:
        Notes [N]; notes of one chord stay in the order of the codes.
    """
    notes = np.empty(len(codes), NOTE)
    cells = np.cumsum(codes[:, STEP], dtype=np.int64) - int(codes[0, STEP] if len(codes) else 0)
    notes["onset"] = start + cells * CELL
    notes["duration"] = np.maximum(codes[:, DURATION] * CELL, SHORTEST)
    notes["pitch"] = codes[:, PITCH]
    notes["velocity"] = codes[:, VELOCITY]
    return notes


def scalar(codes: Codes) -> NDArray[np.float32]:
    """Scale codes to the `scalar` input.

    Args:
        codes: [..., 4].

    Returns:
        Features [..., 3]: pitch / 128, step [s], duration [s], in the order of the tutorial this model descends from.

    Source: https://www.tensorflow.org/tutorials/audio/music_generation, which scales the pitch of the prompt so,
    but not that of the notes it feeds back; here both come through this function.
    """
    return np.asarray(codes[..., SCALAR_ORDER] * SCALE, np.float32)


def tokens(codes: Codes) -> NDArray[np.int32]:
    """Turn codes [..., 4] into tokens [..., 4]: step bin, duration bin, pitch, velocity bin."""
    out = codes.astype(np.int32)
    out[..., STEP], out[..., DURATION] = BIN_OF[codes[..., STEP]], BIN_OF[codes[..., DURATION]]
    out[..., VELOCITY] //= VELOCITY_WIDTH
    return out


BIN_OF_CELL = BIN_OF.tolist()
"""As `BIN_OF`, quicker to ask for one."""


def token(step: int, duration: int, pitch: int, velocity: int) -> tuple[int, int, int, int]:
    """Turn one code into its token, as `tokens`."""
    return BIN_OF_CELL[step], BIN_OF_CELL[duration], pitch, velocity // VELOCITY_WIDTH
