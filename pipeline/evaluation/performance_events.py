"""Bits per note as nats per event of the Performance encoding, the figure that models of MIDI events are published with.

Its events are note-on, note-off, a shift of time by 10 ms to 1 s, and a change of velocity, which has 32 bins.

Source: Simon and Oore, "Performance RNN: Generating Music with Expressive Timing and Dynamics", 2017,
https://magenta.tensorflow.org/performance-rnn; events are counted as `performance_lib` of note-seq makes them.

Shapes: N notes.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import log

import numpy as np
from numpy.typing import NDArray

from pipeline.notes import quantize
from pipeline.notes.note import Notes
from pipeline.notes.quantize import VELOCITY, VELOCITY_TOKEN, VELOCITY_TOKEN_SIZES, QuantizedNotes

STEPS_PER_SECOND = 100
"""Steps of time of the encoding in a second."""
MAX_SHIFT_STEPS = 100
"""Steps of the longest event that shifts time."""
VELOCITY_BIN_WIDTH = 4
"""Velocities of a bin; velocity 1 is the first of the first bin."""
COMPARABILITY = (
    "nats per event of the Performance encoding (Simon and Oore, 2017), for comparison with published models of "
    "events; not exact, since here each step between notes is rounded to 10 ms, a note ends by its duration instead of "
    "a note-off event, and there is no pedal"
)
NO_VELOCITY = "this model does not model velocity, so it has no figure in nats per event"


def describe_figure(nats_per_event: float | None) -> str:
    """Return a figure with what it is, in one line, or why there is none."""
    return NO_VELOCITY if nats_per_event is None else f"{nats_per_event:.3f} {COMPARABILITY}"


@dataclass(frozen=True)
class EventStats:
    """What converts bits per note to nats per event, for some music."""

    num_notes: int
    num_events: int
    num_scored_notes: int
    """All notes but the first of each piece."""
    velocity_bits: float
    """Bits of the velocities of the scored notes within the tokens of velocity, summed; the encoding has bins alone."""

    @property
    def events_per_note(self) -> float:
        """Mean count of events of a note."""
        return self.num_events / self.num_notes

    def compute_nats_per_event(self, bits: Mapping[str, float]) -> float | None:
        """Convert mean bits of a note.

        Args:
            bits: `bits_per_note` and, if the model has it, `velocity`.

        Returns:
            Mean nats of an event, or None for a model without velocity.
        """
        if "velocity" not in bits:
            return None
        velocity_bits = bits["velocity"] - self.velocity_bits / self.num_scored_notes
        nats_per_note = (bits["bits_per_note"] + velocity_bits) * log(2)
        return nats_per_note / self.events_per_note


def collect_event_stats(pieces: Iterable[QuantizedNotes]) -> EventStats:
    """Count the notes and events of pieces [N, 5]; those of one note are left out, since nothing of them is scored."""
    rows = [_describe_piece(piece) for piece in pieces if len(piece) > 1]
    return sum_event_stats(rows)


def sum_event_stats(parts: Iterable[EventStats]) -> EventStats:
    """Add up the counts of several parts of the music."""
    rows = list(parts)
    return EventStats(
        num_notes=sum(part.num_notes for part in rows),
        num_events=sum(part.num_events for part in rows),
        num_scored_notes=sum(part.num_scored_notes for part in rows),
        velocity_bits=sum(part.velocity_bits for part in rows),
    )


def _describe_piece(piece: QuantizedNotes) -> EventStats:
    """Count the notes and events of a piece [N, 5]."""
    tokens = VELOCITY_TOKEN[piece[1:, VELOCITY]]
    return EventStats(
        num_notes=len(piece),
        num_events=count_events(quantize.dequantize(piece)),
        num_scored_notes=len(piece) - 1,
        velocity_bits=round(float(np.log2(VELOCITY_TOKEN_SIZES[tokens]).sum()), 4),
    )


def count_events(notes: Notes) -> int:
    """Return the number of events that encode notes [N] from the onset of the first one on.

    Times are rounded to 10 ms, but a note lasts 10 ms at least. A shift of more than 1 s takes several events. A change
    of velocity takes an event only where the bin is not that of the note before; the first note takes one.
    """
    if not len(notes):
        return 0
    starts = _round_to_steps(notes["onset"])
    ends = _round_to_steps(notes["onset"] + notes["duration"])
    ends = np.maximum(ends, starts + 1)
    gaps = np.diff(np.unique(np.concatenate([starts, ends])))
    num_shifts = int(np.ceil(gaps / MAX_SHIFT_STEPS).sum())
    bins = (notes["velocity"].astype(np.int64) - 1) // VELOCITY_BIN_WIDTH
    num_velocities = 1 + int(np.count_nonzero(np.diff(bins)))
    return 2 * len(notes) + num_shifts + num_velocities


def _round_to_steps(times: NDArray[np.float64]) -> NDArray[np.int64]:
    """Round times [s] to steps of the encoding, halves up."""
    return np.floor(times * STEPS_PER_SECOND + 0.5).astype(np.int64)
