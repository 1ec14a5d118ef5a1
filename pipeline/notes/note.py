"""Notes: their columns, ranges and order.

Notes are a NumPy structured array, one row for each note, in order of time:

    onset     float64  seconds from the start of the piece, >= 0
    duration  float64  seconds held, > 0
    pitch     uint8    MIDI 0..127, 60 is middle C
    velocity  uint8    MIDI 1..127
    pedal     uint8    sustain pedal: 0 up, 1 held, 2 pressed

The pedal is up or down at the onset of the note. Where it is down, it is `pressed` if it came down after the onset of the
note before, at the latest with the note, and else `held`.

Shapes: N notes.
"""

import numpy as np
from numpy.typing import NDArray

from pipeline.core.errors import MidiError

NOTE_DTYPE = np.dtype(
    [("onset", "<f8"), ("duration", "<f8"), ("pitch", "u1"), ("velocity", "u1"), ("pedal", "u1")]
)
NOTE_COLUMNS = ("onset", "duration", "pitch", "velocity", "pedal")
PEDAL_UP, PEDAL_HELD, PEDAL_PRESSED = 0, 1, 2
NUM_PITCHES = 128
MAX_ONSET = 24 * 3600.0
"""Longest time of an onset or a duration [s], a day; longer times come from damaged files."""

Notes = NDArray[np.void]
"""Structured array [N] of dtype `NOTE_DTYPE`."""


def make_notes(
    onset: object, duration: object, pitch: object, velocity: object, pedal: object = PEDAL_UP
) -> Notes:
    """Make notes of five columns, sorted by onset and pitch.

    Args:
        onset: [N] seconds.
        duration: [N] seconds.
        pitch: [N] 0..127.
        velocity: [N] 1..127.
        pedal: [N] 0 up, 1 held, 2 pressed; or one of them for all.

    Returns:
        Notes [N].
    """
    columns = [np.asarray(column) for column in (onset, duration, pitch, velocity)]
    notes = np.empty(len(columns[0]), NOTE_DTYPE)
    for name, column in zip(NOTE_COLUMNS, columns, strict=False):
        notes[name] = column
    notes["pedal"] = pedal
    return notes[np.lexsort((notes["pitch"], notes["onset"]))]


def validate_notes(notes: Notes) -> Notes:
    """Return the notes unchanged if every value is in its range and the rows are in time order.

    Raises:
        MidiError: names the first bad row and what is wrong with it.
    """
    if len(notes) == 0:
        raise MidiError("no notes")
    if _is_valid(notes):
        return notes
    checks = (
        ("onset is not a finite time", ~np.isfinite(notes["onset"])),
        ("onset is before the start", notes["onset"] < 0),
        ("onset is later than a day", notes["onset"] > MAX_ONSET),
        ("duration is not a finite time", ~np.isfinite(notes["duration"])),
        ("duration is not positive", notes["duration"] <= 0),
        ("duration is longer than a day", notes["duration"] > MAX_ONSET),
        ("pitch is over 127", notes["pitch"] > 127),
        ("velocity is outside 1..127", (notes["velocity"] < 1) | (notes["velocity"] > 127)),
        ("pedal is over 2", notes["pedal"] > PEDAL_PRESSED),
        (
            "onset is before the onset of the note above",
            np.diff(notes["onset"], prepend=-np.inf) < 0,
        ),
    )
    for problem, is_bad in checks:
        if is_bad.any():
            row = int(np.argmax(is_bad))
            values = zip(NOTE_COLUMNS, notes[row].tolist(), strict=True)
            shown = ", ".join(f"{name} {value:g}" for name, value in values)
            raise MidiError(f"note {row}: {problem} ({shown})")
    return notes


def _is_valid(notes: Notes) -> bool:
    """Whether `validate_notes` finds nothing wrong; takes a third of its time. A comparison with NaN is false."""
    onset, duration, pitch, velocity, pedal = (notes[name] for name in NOTE_COLUMNS)
    return bool(
        onset[0] >= 0
        and onset[-1] <= MAX_ONSET
        and (onset[1:] >= onset[:-1]).all()
        and duration.min() > 0
        and duration.max() <= MAX_ONSET
        and pitch.max() <= 127
        and velocity.min() >= 1
        and velocity.max() <= 127
        and pedal.max() <= PEDAL_PRESSED
    )
