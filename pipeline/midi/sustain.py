"""The sustain pedal: how long a note sounds, where its key is only held for a part of that.

- Control change 64 is the sustain (damper) pedal: 0 to 63 is up, 64 to 127 down. It is up until the first change.
- A note whose key is let go while the pedal is down sounds until the pedal comes up, the same pitch is struck again or
  the piece ends, whichever is first. The piece ends with the last note off or change of the pedal of any part.
- Of the changes of one instant the last says whether the pedal is down then; each that is up ends what the pedal held.
  So a pedal that comes up and goes down in one tick stops the notes before and holds the one that is let go there.
- A part has its own pedal. MIDI gives a channel one pedal, but neither reader tells channels: a pedal on one track does
  not hold the notes of another. Where a channel changes its program, symusic leaves the pedal of the old program where
  it was, pretty_midi often hands it on; elsewhere they agree.
- Sostenuto (66), soft pedal (67), "reset all controllers" (121) and "all notes off" (123) are passed over.

Ends, not durations, come in and go out, and none is computed, only chosen: what is not extended keeps its last bit.

Source: MIDI 1.0 detailed specification, table of controller numbers. The rule is that of note_seq (Magenta),
`sequences_lib.apply_sustain_control_changes`. Here, unlike there:

- no note is shortened: note_seq cuts a note whose key is still held where the pitch is struck again under the pedal;
- notes of one pitch and onset are all kept, and end together where the pedal holds them: note_seq keeps one;
- changes of one instant keep the order of the file: note_seq reads every up after every down.

Shapes: N notes, P changes of the pedal.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipeline.core.errors import MidiError

SUSTAIN_CC = 64
"""Number of the controller."""
PEDAL_DOWN = 64
"""Least value of a pedal that is down."""
Seconds = NDArray[np.float64]


class TrackNotes(NamedTuple):
    """What one instrument plays, and its pedal."""

    on: Seconds
    """[N] when keys are struck."""
    off: Seconds
    """[N] when they are let go, or when the notes cease to sound."""
    pitch: NDArray[np.integer]
    velocity: NDArray[np.integer]
    pedal_time: Seconds
    """[P] when the pedal moves, in order."""
    pedal_value: NDArray[np.integer]
    """[P] 0..127, where it moves to."""


def apply_sustain(tracks: Sequence[TrackNotes]) -> list[TrackNotes]:
    """Let notes sound while the pedal is down.

    Args:
        tracks: those of one piece.

    Returns:
        The parts that have notes, with ends that are later or the same; all else as it was.

    Raises:
        MidiError: a pedal moves back in time; the reader could not count so many ticks.
    """
    playing = [part for part in tracks if len(part.on)]
    if any((np.diff(part.pedal_time, prepend=0.0) < 0).any() for part in playing):
        raise MidiError(
            "the sustain pedal moves back in time: more ticks than the reader can count"
        )
    end = max(
        (float(times.max(initial=0)) for part in playing for times in (part.off, part.pedal_time)),
        default=0.0,
    )
    return [part._replace(off=_extend_note_offs(part, end)) for part in playing]


def _extend_note_offs(track: TrackNotes, piece_end: float) -> Seconds:
    """Return when the notes of a part cease to sound [N], in a piece that ends at `end` [s]."""
    last = np.searchsorted(track.pedal_time, track.off, side="right") - 1
    down = np.append(track.pedal_value >= PEDAL_DOWN, False)[
        last
    ]  # before the first change, -1, the pedal is up
    ups = np.append(np.flatnonzero(track.pedal_value < PEDAL_DOWN), len(track.pedal_value))
    up = np.append(track.pedal_time, piece_end)[ups[np.searchsorted(ups, last, side="right")]]
    sounds = np.maximum(track.off, np.minimum(up, _find_next_onsets(track.on, track.pitch)))
    return np.where(down, sounds, track.off)


def _find_next_onsets(on: Seconds, pitch: NDArray[np.integer]) -> Seconds:
    """Return when the pitch of each note is next struck after its onset [N]; infinity if never."""
    moments, rank = np.unique(on, return_inverse=True)
    strike = (
        pitch.astype(np.int64) * len(moments) + rank
    )  # one row of all strikes, pitch after pitch
    strikes = np.unique(strike)
    following = np.append(strikes, -1)[np.searchsorted(strikes, strike, side="right")]
    return np.where(following // len(moments) == pitch, moments[following % len(moments)], np.inf)
