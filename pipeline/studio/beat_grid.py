"""The beats of the studio. They are a grid in music time, so they follow each change of the tempo.

At tempo 1 there are 120 beats a minute. Times are in cells of the time grid unless seconds are named.
"""

from pipeline.live.clock_follower import (
    BEATS_PER_BAR,
    START_WINDOW,
    FreeTime,
    Quantize,
)
from pipeline.live.controls import Controls
from pipeline.live.midi_clock import REFERENCE_TEMPO
from pipeline.notes.quantize import GRID_SECONDS

BEAT_CELLS = round(60.0 / REFERENCE_TEMPO / GRID_SECONDS)
"""Cells of a beat."""
BAR_CELLS = BEATS_PER_BAR * BEAT_CELLS
"""Cells of a bar."""
QUANTIZE_CELLS: dict[Quantize, int] = {"off": 1, "beat": BEAT_CELLS, "bar": BAR_CELLS}
"""Responses begin at multiples of these cells."""


def round_up(cell: int, multiple: int) -> int:
    """Return the first multiple at a cell or after it."""
    return -(-cell // multiple) * multiple


class BeatGrid(FreeTime):
    """Says where responses begin; the model rests at no time and has the tempo of the controls."""

    def __init__(self, controls: Controls) -> None:
        """Start with responses at once.

        Args:
            controls: have the tempo.
        """
        self.controls = controls
        self.quantize: Quantize = "off"
        """Set by another thread."""

    def align_start(self, cell: int) -> int | None:
        """Return the cell of the next beat or bar; None as long as it is more than START_WINDOW ahead."""
        start = round_up(cell, QUANTIZE_CELLS[self.quantize])
        window = START_WINDOW * self.controls.tempo / GRID_SECONDS
        return start if start - cell <= window else None
