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

from pipeline.notes.note import NOTE_DTYPE, NUM_PITCHES, Notes

GRID_SECONDS = 0.01
"""Width of a cell of the time grid [s]."""
GRID_SIZE = 1001
"""Cells of the time grid: 0 to 10 s; the last takes everything longer."""
STEP, DURATION, PITCH, VELOCITY = range(4)
SCORED_FEATURES = ("pitch", "step", "duration")
"""The parts of a note that count in bits per note; the order of the columns of every table of bits."""
FEATURE_COLUMNS = {"pitch": PITCH, "step": STEP, "duration": DURATION}
MIN_DURATION = 0.004
"""Seconds played for duration cell 0: a note must sound, and must encode to cell 0 again."""

QuantizedNotes = NDArray[np.int16]
"""Array [N, 4] of int16."""


def _make_time_token_edges() -> NDArray[np.int64]:
    """Return the first cell of each time bin, and the end: one cell each to 0.5 s, then each a tenth wider."""
    edges = list(range(51))
    while edges[-1] < GRID_SIZE:
        edges.append(min(GRID_SIZE, max(edges[-1] + 1, round(edges[-1] * 1.1))))
    return np.array(edges)


TIME_TOKEN_EDGES = _make_time_token_edges()
"""[83] first cell of each time bin, and 1001."""
TIME_TOKEN_WIDTHS = np.diff(TIME_TOKEN_EDGES)
"""[82] cells in each time bin."""
NUM_TIME_TOKENS = len(TIME_TOKEN_WIDTHS)
TIME_TOKEN = np.repeat(np.arange(NUM_TIME_TOKENS), TIME_TOKEN_WIDTHS).astype(np.int32)
"""[1001] bin of each cell."""
VELOCITY_TOKEN_WIDTH = 4
"""Velocities in a velocity bin."""
NUM_VELOCITY_TOKENS = 128 // VELOCITY_TOKEN_WIDTH

SCALAR_FEATURES = [PITCH, STEP, DURATION]
SCALAR_SCALE = np.array([1 / NUM_PITCHES, GRID_SECONDS, GRID_SECONDS], np.float32)
"""What the columns of the scalar input are multiplied by."""


def seconds_to_grid(seconds: NDArray[np.float64]) -> NDArray[np.int16]:
    """Round times [s] to cells of the grid, clipped to 0..1000."""
    return np.clip(np.rint(seconds / GRID_SECONDS), 0, GRID_SIZE - 1).astype(np.int16)


def quantize(notes: Notes) -> QuantizedNotes:
    """Put notes on the time grid.

    Args:
        notes: [N], in time order.

    Returns:
        Codes [N, 4]; the step of the first note is 0.
    """
    codes = np.empty((len(notes), 4), np.int16)
    codes[:, STEP] = seconds_to_grid(np.diff(notes["onset"], prepend=notes["onset"][:1]))
    codes[:, DURATION] = seconds_to_grid(notes["duration"])
    codes[:, PITCH] = notes["pitch"]
    codes[:, VELOCITY] = notes["velocity"]
    return codes


def dequantize(quantized: QuantizedNotes, first_onset: float = 0.0) -> Notes:
    """Turn codes back into notes, row by row and in the same order.

    `encode(decode(codes))` is `codes`, but for the first step, which `start` takes the place of.

    Args:
        quantized: [N, 4].
        first_onset: onset of the first note [s].

    Returns:
        Notes [N]; notes of one chord stay in the order of the codes.
    """
    notes = np.empty(len(quantized), NOTE_DTYPE)
    cells = np.cumsum(quantized[:, STEP], dtype=np.int64) - int(
        quantized[0, STEP] if len(quantized) else 0
    )
    notes["onset"] = first_onset + cells * GRID_SECONDS
    notes["duration"] = np.maximum(quantized[:, DURATION] * GRID_SECONDS, MIN_DURATION)
    notes["pitch"] = quantized[:, PITCH]
    notes["velocity"] = quantized[:, VELOCITY]
    return notes


def scalar_features(notes: QuantizedNotes) -> NDArray[np.float32]:
    """Scale codes to the `scalar` input.

    Args:
        notes: [..., 4].

    Returns:
        Features [..., 3]: pitch / 128, step [s], duration [s], in the order of the tutorial this model descends from.

    Source: https://www.tensorflow.org/tutorials/audio/music_generation, which scales the pitch of the prompt so,
    but not that of the notes it feeds back; here both come through this function.
    """
    return np.asarray(notes[..., SCALAR_FEATURES] * SCALAR_SCALE, np.float32)


def token_ids(notes: QuantizedNotes) -> NDArray[np.int32]:
    """Turn codes [..., 4] into tokens [..., 4]: step bin, duration bin, pitch, velocity bin."""
    out = notes.astype(np.int32)
    out[..., STEP], out[..., DURATION] = (
        TIME_TOKEN[notes[..., STEP]],
        TIME_TOKEN[notes[..., DURATION]],
    )
    out[..., VELOCITY] //= VELOCITY_TOKEN_WIDTH
    return out


TIME_TOKEN_LIST = TIME_TOKEN.tolist()
"""As `BIN_OF`, quicker to ask for one."""


def token_ids_of_note(
    step: int, duration: int, pitch: int, velocity: int
) -> tuple[int, int, int, int]:
    """Turn one code into its token, as `tokens`."""
    return TIME_TOKEN_LIST[step], TIME_TOKEN_LIST[duration], pitch, velocity // VELOCITY_TOKEN_WIDTH
