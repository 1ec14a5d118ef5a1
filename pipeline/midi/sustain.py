"""The sustain pedal: how long a note sounds after its note off.

- Control change 64 is the sustain (damper) pedal: 0 to 63 is up, 64 to 127 down. It is up until the first change.
- A note whose note off comes while the pedal is down sounds until the pedal comes up, the next onset of its pitch or
  the end of the piece, whichever is first. The piece ends with the last note off or pedal change of any track.
- Of several changes at one time, the last decides whether the pedal is down then; each that is up ends all notes that
  the pedal held. So a pedal that comes up and goes down in one tick stops the notes before and holds the one that gets
  its note off in that tick.
- A track here is the notes and the pedal of one channel; where a channel has several tracks or programs,
  `channels.share_pedal` gives each of them the whole pedal of the channel.
- Sostenuto (66), soft pedal (67), "reset all controllers" (121) and "all notes off" (123) are ignored.

The functions take and return ends, not durations, and choose among given times: an end that is not extended keeps
every bit.

Source: MIDI 1.0 detailed specification, table of controller numbers. The rule is that of note_seq (Magenta),
`sequences_lib.apply_sustain_control_changes`. Here, unlike there:

- no note is shortened: note_seq ends a note before its note off at the next onset of its pitch while the pedal is down;
- notes of one pitch and onset are all kept, and end together where the pedal holds them: note_seq keeps one;
- changes of one instant keep the order of the file: note_seq reads every up after every down.

Shapes: N notes, P pedal changes.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipeline.core.errors import MidiError
from pipeline.notes.note import PEDAL_HELD, PEDAL_PRESSED, PEDAL_UP, Notes

SUSTAIN_CC = 64
"""Number of the controller."""
PEDAL_DOWN = 64
"""Least value of a pedal that is down."""
Seconds = NDArray[np.float64]


class TrackNotes(NamedTuple):
    """The notes of one track, and its pedal."""

    on: Seconds
    """[N] onsets."""
    off: Seconds
    """[N] note offs, or the ends of the sound."""
    pitch: NDArray[np.integer]
    velocity: NDArray[np.integer]
    pedal_time: Seconds
    """[P] times of pedal changes, in order."""
    pedal_value: NDArray[np.integer]
    """[P] 0..127, the new values."""


def apply_sustain(tracks: Sequence[TrackNotes]) -> list[TrackNotes]:
    """Extend notes while the pedal is down.

    Args:
        tracks: those of one piece.

    Returns:
        The tracks that have notes, with ends that are later or the same; all else is unchanged.

    Raises:
        MidiError: pedal changes are not in order; the reader had an overflow of ticks.
    """
    with_notes = [track for track in tracks if len(track.on)]
    if any((np.diff(track.pedal_time, prepend=0.0) < 0).any() for track in with_notes):
        raise MidiError(
            "the sustain pedal moves back in time: more ticks than the reader can count"
        )
    all_times = [times for track in with_notes for times in (track.off, track.pedal_time)]
    piece_end = max((float(times.max(initial=0)) for times in all_times), default=0.0)
    return [track._replace(off=_extend_note_offs(track, piece_end)) for track in with_notes]


def compute_pedal_states(
    onset: Seconds, pedal_time: Seconds, pedal_value: NDArray[np.integer]
) -> NDArray[np.uint8]:
    """Return the feature `pedal` of notes.

    Args:
        onset: [N] seconds, in order of time.
        pedal_time: [P] when the pedal changes [s], in order of time.
        pedal_value: [P] 0..127.

    Returns:
        States [N] at the onsets, as `pipeline.notes.note` explains them.
    """
    is_down = pedal_value >= PEDAL_DOWN
    if not is_down.any():
        return np.full(len(onset), PEDAL_UP, np.uint8)
    # Most changes only move a pedal that stays up or stays down. The others press it and release it in turn.
    is_turn = np.diff(is_down, prepend=False)
    # For each turn the first note that it precedes, since there are fewer turns than notes.
    first_note = np.searchsorted(onset, pedal_time[is_turn], side="left")
    num_turns = np.bincount(first_note, minlength=len(onset) + 1)[:-1].cumsum()
    num_presses = (num_turns + 1) // 2
    is_pressed = np.diff(num_presses, prepend=0) > 0
    states = np.where(is_pressed, PEDAL_PRESSED, PEDAL_HELD)
    is_down_at_onset = (num_turns & 1).astype(bool)
    return np.where(is_down_at_onset, states, PEDAL_UP).astype(np.uint8)


def list_pedal_changes(
    times: NDArray[Any], states: NDArray[np.uint8], end: float
) -> list[tuple[float, int]]:
    """Return the changes of a pedal that is where notes have it.

    Args:
        times: [N] onsets, in order; in any unit.
        states: [N] `pedal` of the notes; of several notes at one time the last decides.
        end: time from which on the pedal is up, after all onsets.

    Returns:
        Times of `times`, or `end`, and new values, 0 or 127, in order.
    """
    changes: dict[float, list[int]] = {}
    is_down = False
    for time, state in zip(times.tolist(), states.tolist(), strict=True):
        must_lift = is_down and state != PEDAL_HELD
        if must_lift:
            changes[time] = [0]
        if state != PEDAL_UP and (must_lift or not is_down):
            changes.setdefault(time, []).append(127)
        is_down = state != PEDAL_UP
    if is_down:
        changes[end] = [0]
    return [(time, value) for time, values in changes.items() for value in values]


def extend_notes(notes: Notes) -> Notes:
    """Return notes [N] that last as long as they sound under the pedal that they tell, and tell that it is up."""
    if not notes["pedal"].any():
        return notes
    off = notes["onset"] + notes["duration"]
    changes = list_pedal_changes(notes["onset"], notes["pedal"], float(off.max()))
    pedal_time, pedal_value = np.array(changes).T
    keys = notes["pitch"], notes["velocity"]
    track = TrackNotes(notes["onset"], off, *keys, pedal_time, pedal_value.astype(int))
    (sounding,) = apply_sustain([track])
    extended = notes.copy()
    is_longer = sounding.off > off
    extended["duration"][is_longer] = (sounding.off - notes["onset"])[is_longer]
    extended["pedal"] = PEDAL_UP
    return extended


def merge_pedals(tracks: Sequence[TrackNotes]) -> tuple[Seconds, NDArray[np.integer]]:
    """Return times [P] and values [P] of the pedal changes of all tracks with notes, in order of time.

    All tracks are played as one piano, which has one pedal. Changes of one instant are in order of their tracks, and
    these in order of their pedals: readers list the tracks of a file in different orders.
    """
    with_notes = [track for track in tracks if len(track.on)]
    if len(with_notes) == 1:
        return with_notes[0].pedal_time, with_notes[0].pedal_value
    with_notes.sort(key=lambda track: (track.pedal_time.tolist(), track.pedal_value.tolist()))
    times = np.concatenate([np.empty(0), *(track.pedal_time for track in with_notes)])
    values = np.concatenate([np.empty(0, int), *(track.pedal_value for track in with_notes)])
    order = np.argsort(times, kind="stable")
    return times[order], values[order]


def _extend_note_offs(track: TrackNotes, piece_end: float) -> Seconds:
    """Return when the notes of a track end [N], in a piece that ends at `piece_end` [s]."""
    num_changes = len(track.pedal_value)
    is_down = track.pedal_value >= PEDAL_DOWN
    # The pedal change before each note off; -1 where there is none. That index reads the last element, which says
    # that the pedal is up.
    last_change = np.searchsorted(track.pedal_time, track.off, side="right") - 1
    is_held = np.append(is_down, False)[last_change]
    # The next change to up after each note off; past the last one, the piece ends.
    up_changes = np.append(np.flatnonzero(~is_down), num_changes)
    next_up = up_changes[np.searchsorted(up_changes, last_change, side="right")]
    pedal_up = np.append(track.pedal_time, piece_end)[next_up]
    limit = np.minimum(pedal_up, _find_next_onsets(track.on, track.pitch))
    return np.where(is_held, np.maximum(track.off, limit), track.off)


def _find_next_onsets(on: Seconds, pitch: NDArray[np.integer]) -> Seconds:
    """Return the next onset of the pitch of each note [N]; infinity where there is none."""
    times, time_index = np.unique(on, return_inverse=True)
    # One number for pitch and time, so that all onsets are in one sorted array, by pitch and then by time.
    onset_keys = pitch.astype(np.int64) * len(times) + time_index
    sorted_keys = np.append(np.unique(onset_keys), -1)
    next_keys = sorted_keys[np.searchsorted(sorted_keys[:-1], onset_keys, side="right")]
    next_pitch, next_index = np.divmod(next_keys, len(times))
    return np.where(next_pitch == pitch, times[next_index], np.inf)
