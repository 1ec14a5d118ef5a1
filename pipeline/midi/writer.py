"""Notes to MIDI file.

Shapes: N notes.
"""

import io
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from pipeline.core import files
from pipeline.core.errors import MidiError
from pipeline.midi.sustain import SUSTAIN_CC, list_pedal_changes
from pipeline.notes.note import Notes, validate_notes

if TYPE_CHECKING:
    from pretty_midi import PrettyMIDI

TICK_SECONDS = 0.001
"""Length of a tick in the files [s]: a grid of 10 ms and the shortest note of 4 ms are whole ticks."""
MAX_TICKS = 9_999_999
"""Ticks of the longest piece that pretty_midi reads."""
MAX_SHIFT = 4
"""Ticks that a step between two onsets may change by; on the grid of 10 ms it stays in its cell."""


def write_notes(notes: Notes, path: Path) -> None:
    """Write notes as a MIDI file of one piano, whole or not at all; equal notes give equal bytes.

    Onsets and durations are rounded to milliseconds. Notes of one pitch cannot overlap in a file: a note ends, at the
    latest, where the next note of its pitch begins, and notes of one pitch and onset end together. Readers sort the
    notes of one onset by pitch, so a note in another order begins a millisecond later, and ends when it would: the notes are
    read back in the order of `notes`, and their onsets have the same steps on the grid.

    The sustain pedal is CC 64, at the onset of the note that says so: 0 where it comes up, 127 where it goes down, both where
    it is pressed and was down. It comes up with the end of the last note. A pedal that no note has down is not written.

    Args:
        notes: [N], valid.
        path: the file to write.

    Raises:
        MidiError: a note is not valid, or ends after 9,999.999 s, where readers stop.
    """
    buffer = io.BytesIO()
    _to_pretty_midi(validate_notes(notes)).write(buffer)
    files.write_bytes(path, buffer.getvalue())


def _to_pretty_midi(notes: Notes) -> "PrettyMIDI":
    """Return a file of one piano, with notes on whole ticks."""
    from pretty_midi import ControlChange, Instrument, Note, PrettyMIDI

    start = np.rint(notes["onset"] / TICK_SECONDS).astype(np.int64)
    end = np.rint((notes["onset"] + notes["duration"]) / TICK_SECONDS).astype(np.int64)
    end = _resolve_overlaps(start, end, notes["pitch"])
    start = _keep_order(start, notes)
    end = _resolve_overlaps(start, end, notes["pitch"])
    if end.max() > MAX_TICKS:
        raise MidiError(
            f"a note ends at {end.max() * TICK_SECONDS:,.0f} s; a file holds {MAX_TICKS * TICK_SECONDS:,.3f} s"
        )
    midi = PrettyMIDI(resolution=round(1 / TICK_SECONDS), initial_tempo=60.0)
    piano = Instrument(program=0)
    for pitch, velocity, on, off in zip(notes["pitch"], notes["velocity"], start, end, strict=True):
        piano.notes.append(Note(int(velocity), int(pitch), on * TICK_SECONDS, off * TICK_SECONDS))
    piano.control_changes.extend(
        ControlChange(SUSTAIN_CC, value, tick * TICK_SECONDS)
        for tick, value in list_pedal_changes(start, notes["pedal"], end.max())
    )
    midi.instruments.append(piano)
    return midi


def _keep_order(start: NDArray[np.int64], notes: Notes) -> NDArray[np.int64]:
    """Return the ticks [N] at which notes begin, so that a reader sorts them as they are."""
    shifted = start.copy()
    order = list(zip(notes["pitch"].tolist(), notes["velocity"].tolist(), strict=True))
    steps = np.diff(start).tolist()
    for row, step in enumerate(steps, 1):
        previous = shifted[row - 1]
        earliest = previous if order[row] >= order[row - 1] else previous + 1
        shifted[row] = max(start[row], earliest, previous + step - MAX_SHIFT)
    return shifted


def _resolve_overlaps(
    start: NDArray[np.int64], end: NDArray[np.int64], pitch: NDArray[np.uint8]
) -> NDArray[np.int64]:
    """Return the ticks [N] at which notes end, so that no note sounds when the next of its pitch begins."""
    ends = np.maximum(end, start + 1)
    for one_pitch in np.unique(pitch):
        rows = np.flatnonzero(pitch == one_pitch)
        onsets, onset_index = np.unique(start[rows], return_inverse=True)
        latest_end = np.zeros(len(onsets), np.int64)
        np.maximum.at(latest_end, onset_index, ends[rows])
        latest_end[:-1] = np.minimum(latest_end[:-1], onsets[1:])
        ends[rows] = latest_end[onset_index]
    return ends
