"""Notes on the time grid, and the table of their features: the only module that rounds, clips or scales notes.

A quantized note is what every model reads and what every sample is made of. Its columns:

    column 0  step      cells of 10 ms since the onset of the note before, 0..1000; 0 for the first note of a piece
    column 1  duration  cells of 10 ms, 0..1000
    column 2  pitch     0..127
    column 3  velocity  1..127
    column 4  pedal     0 up, 1 held, 2 pressed; see `pipeline.notes.note`

Notes without column 4 are read too: their pedal is up.

A token id is the row of an embedding table. Times have 82 tokens, one for each cell up to half a second and then
wider and wider ones; velocities have 32. Training, scoring and generation use the functions of this module, so they
cannot disagree.

Shapes: N notes.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipeline.notes.note import NOTE_DTYPE, NUM_PITCHES, PEDAL_PRESSED, PEDAL_UP, Notes

GRID_SECONDS = 0.01
"""Width of a cell of the time grid [s]."""
GRID_SIZE = 1001
"""Cells of the time grid: 0 to 10 s; the last holds every longer time."""
MIN_DURATION = 0.004
"""Seconds that a note of duration cell 0 is given: a note must sound, and must be quantized to cell 0 again."""

QuantizedNotes = NDArray[np.int16]
"""Array [N, 5] of int16, or [N, 4] without a pedal."""


def _make_time_token_edges() -> NDArray[np.int64]:
    """Return the first cell of each time token, and the end: one cell each to 0.5 s, then each a tenth wider."""
    edges = list(range(51))
    while edges[-1] < GRID_SIZE:
        wider = max(edges[-1] + 1, round(edges[-1] * 1.1))
        edges.append(min(GRID_SIZE, wider))
    return np.array(edges)


TIME_TOKEN_EDGES = _make_time_token_edges()
"""[83] first cell of each time token, and 1001."""
TIME_TOKEN_WIDTHS = np.diff(TIME_TOKEN_EDGES)
"""[82] number of cells of each time token."""
NUM_TIME_TOKENS = len(TIME_TOKEN_WIDTHS)
TIME_TOKEN = np.repeat(np.arange(NUM_TIME_TOKENS), TIME_TOKEN_WIDTHS).astype(np.int32)
"""[1001] time token of each cell."""
TIME_TOKEN_LIST = TIME_TOKEN.tolist()
"""As `TIME_TOKEN`; a list is faster where one value is read."""
VELOCITY_TOKEN_WIDTH = 4
"""Number of velocities of a velocity token."""
VELOCITY_TOKEN = np.arange(128) // VELOCITY_TOKEN_WIDTH
"""[128] token of each velocity."""
NUM_VELOCITY_TOKENS = 128 // VELOCITY_TOKEN_WIDTH
VELOCITY_TOKEN_SIZES = np.bincount(VELOCITY_TOKEN[1:])
"""[32] velocities of each token; the first has one less, since velocity 0 is no note."""


class Feature(NamedTuple):
    """One number of a note."""

    name: str
    column: int
    """Its column in quantized notes."""
    is_scored: bool
    """Whether it counts in bits per note."""
    scale: float | None
    """Factor from the column to the scalar input; None where it is not part of that input."""
    token: NDArray[np.integer]
    """[V] token id of each of its V values."""
    token_widths: NDArray[np.integer]
    """[K] number of values of each of its K tokens."""

    @property
    def num_tokens(self) -> int:
        """Number of token ids, K."""
        return len(self.token_widths)

    @property
    def is_time(self) -> bool:
        """Whether its values are cells of the time grid."""
        return self.scale == GRID_SECONDS


_EACH_PITCH = np.arange(NUM_PITCHES)
_EACH_PEDAL = np.arange(PEDAL_PRESSED + 1)
_FEATURE_ROWS = (
    Feature("pitch", 2, True, 1 / NUM_PITCHES, _EACH_PITCH, np.ones_like(_EACH_PITCH)),
    Feature("step", 0, True, GRID_SECONDS, TIME_TOKEN, TIME_TOKEN_WIDTHS),
    Feature("duration", 1, True, GRID_SECONDS, TIME_TOKEN, TIME_TOKEN_WIDTHS),
    Feature("velocity", 3, False, None, VELOCITY_TOKEN, VELOCITY_TOKEN_SIZES),
    Feature("pedal", 4, False, None, _EACH_PEDAL, np.ones_like(_EACH_PEDAL)),
)
FEATURES = {feature.name: feature for feature in _FEATURE_ROWS}
"""All features of a note by name. Their order is that of bits in tables and of the scalar input."""
GENERATION_ORDER = ("step", "pitch", "duration", "velocity", "pedal")
"""The order in which autoregressive heads generate the features of a note; each is conditioned on those before it."""

STEP = FEATURES["step"].column
DURATION = FEATURES["duration"].column
PITCH = FEATURES["pitch"].column
VELOCITY = FEATURES["velocity"].column
PEDAL = FEATURES["pedal"].column
SCORED_FEATURES = tuple(feature.name for feature in _FEATURE_ROWS if feature.is_scored)
"""The features that count in bits per note, in the order of the columns of every table of bits."""
_SCALAR_ROWS = [feature for feature in _FEATURE_ROWS if feature.scale is not None]
SCALAR_FEATURES = [feature.column for feature in _SCALAR_ROWS]
"""Columns of the scalar input."""
SCALAR_SCALE = np.array([feature.scale for feature in _SCALAR_ROWS], np.float32)
"""Factors of the columns of the scalar input."""


def list_bits_columns(count: int) -> tuple[str, ...]:
    """Return the names of the first columns of a table of bits: those that count, then velocity, then pedal."""
    return (*SCORED_FEATURES, *(name for name in FEATURES if name not in SCORED_FEATURES))[:count]


def list_generated_features(model_velocity: bool, model_pedal: bool = False) -> tuple[str, ...]:
    """Return the names of the features that autoregressive heads generate, in order."""
    switches = {"velocity": model_velocity, "pedal": model_pedal}
    return tuple(name for name in GENERATION_ORDER if switches.get(name, True))


def list_embedded_features(model_velocity: bool, model_pedal: bool = False) -> list[Feature]:
    """Return the features that have an embedding table, by column."""
    names = list_generated_features(model_velocity, model_pedal)
    return sorted((FEATURES[name] for name in names), key=lambda feature: feature.column)


def seconds_to_grid(seconds: NDArray[np.float64]) -> NDArray[np.int16]:
    """Round times [s] to cells of the grid, clipped to 0..1000."""
    cells = np.rint(seconds / GRID_SECONDS)
    return np.clip(cells, 0, GRID_SIZE - 1).astype(np.int16)


def quantize(notes: Notes) -> QuantizedNotes:
    """Put notes on the time grid.

    Args:
        notes: [N], in time order.

    Returns:
        Quantized notes [N, 5]; the step of the first is 0.
    """
    steps = np.diff(notes["onset"], prepend=notes["onset"][:1])
    quantized = np.empty((len(notes), len(FEATURES)), np.int16)
    quantized[:, STEP] = seconds_to_grid(steps)
    quantized[:, DURATION] = seconds_to_grid(notes["duration"])
    quantized[:, PITCH] = notes["pitch"]
    quantized[:, VELOCITY] = notes["velocity"]
    quantized[:, PEDAL] = notes["pedal"]
    return quantized


def dequantize(quantized: QuantizedNotes, first_onset: float = 0.0) -> Notes:
    """Turn quantized notes into notes, row by row and in the same order.

    `quantize(dequantize(quantized))` is `quantized`, except that the first step becomes 0.

    Args:
        quantized: [N, 5], or [N, 4] where the pedal is up.
        first_onset: onset of the first note [s], instead of its step.

    Returns:
        Notes [N]; notes of one chord keep their order.
    """
    cells = np.cumsum(quantized[:, STEP], dtype=np.int64)
    cells -= cells[:1].sum()  # the first onset; 0 where there are no notes
    notes = np.empty(len(quantized), NOTE_DTYPE)
    notes["onset"] = first_onset + cells * GRID_SECONDS
    notes["duration"] = np.maximum(quantized[:, DURATION] * GRID_SECONDS, MIN_DURATION)
    notes["pitch"] = quantized[:, PITCH]
    notes["velocity"] = quantized[:, VELOCITY]
    notes["pedal"] = add_pedal_column(quantized)[:, PEDAL]
    return notes


def make_note(velocity: int) -> list[int]:
    """Return a note [5] of a velocity, whose other features are 0 until they are drawn."""
    note = [0] * len(FEATURES)
    note[VELOCITY] = velocity
    return note


def add_pedal_column(quantized: QuantizedNotes) -> QuantizedNotes:
    """Return notes [N, 5]; where `quantized` is [N, 4], the pedal is up."""
    if quantized.shape[1] > PEDAL:
        return quantized
    return np.pad(quantized, ((0, 0), (0, len(FEATURES) - quantized.shape[1])))


def scalar_features(notes: QuantizedNotes) -> NDArray[np.float32]:
    """Scale quantized notes to the `scalar` input.

    Args:
        notes: [..., 5] or [..., 4].

    Returns:
        Features [..., 3]: pitch / 128, step [s], duration [s].

    Source: https://www.tensorflow.org/tutorials/audio/music_generation, whose order this is. The tutorial scales the
    pitch of the prompt, but not that of the notes that the model samples; here both are scaled.
    """
    scaled = notes[..., SCALAR_FEATURES] * SCALAR_SCALE
    return scaled.astype(np.float32, copy=False)


def token_ids(notes: QuantizedNotes) -> NDArray[np.int32]:
    """Turn quantized notes [..., 5] or [..., 4] into token ids of the same columns and shape."""
    tokens = notes.astype(np.int32)
    tokens[..., STEP] = TIME_TOKEN[notes[..., STEP]]
    tokens[..., DURATION] = TIME_TOKEN[notes[..., DURATION]]
    tokens[..., VELOCITY] //= VELOCITY_TOKEN_WIDTH
    return tokens


def token_ids_of_note(
    step: int, duration: int, pitch: int, velocity: int, pedal: int = PEDAL_UP
) -> tuple[int, int, int, int, int]:
    """Turn one quantized note into its token ids, as `token_ids` does."""
    velocity_token = velocity // VELOCITY_TOKEN_WIDTH
    return TIME_TOKEN_LIST[step], TIME_TOKEN_LIST[duration], pitch, velocity_token, pedal
