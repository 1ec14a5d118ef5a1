"""MIDI file to notes.

Two readers give the same notes, bit for bit, on ordinary piano files: `symusic`, which is fast and whose ticks are
turned into seconds here with the arithmetic of pretty_midi in float64, and `pretty_midi`, the reference. The rules:

- Channel 10 is drums: its notes have no pitch and are dropped. All other tracks and channels are one piece.
- A note without length, or one that never ends, is dropped: neither can be played.
- A note off ends every note of its pitch, as in pretty_midi: on 0, on 1, off 2, off 3 is 0-2 and 1-2. symusic pairs the
  oldest on with the next off, 0-2 and 1-3, so that after one lost off every later note of that pitch sounds into the
  next. `_match_note_offs` corrects that, except for the last note of such a pitch, which symusic drops. In MAESTRO v3,
  train and validation, it is one note of 6,298,754 in one file of 1,099.
- Tempo is one for all tracks. symusic follows changes on any track, pretty_midi only those on the first (standard).
- pretty_midi refuses more than 10,000,000 ticks; symusic reads them.
- `validate.validate_midi` comes first: both readers get the same bytes, without damage that can be skipped, and
  `MidiMusic.fixes` says what was skipped. What the pedal does to durations is in `sustain`.

Shapes: N notes, C tempo changes.
"""

import io
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from pipeline.core.console import log_message
from pipeline.core.errors import MidiError
from pipeline.midi.channels import share_pedal
from pipeline.midi.chunks import find_chunks
from pipeline.midi.events import find_last_tick
from pipeline.midi.instruments import Instrument, count_notes
from pipeline.midi.repair import Fix, check_lost_notes
from pipeline.midi.sustain import (
    SUSTAIN_CC,
    TrackNotes,
    apply_sustain,
    compute_pedal_states,
    merge_pedals,
)
from pipeline.midi.validate import read_file, validate_midi
from pipeline.midi.writer import MAX_TICKS
from pipeline.notes.note import MAX_ONSET, NOTE_COLUMNS, NOTE_DTYPE, Notes, validate_notes

if TYPE_CHECKING:
    from pretty_midi import Instrument as PrettyMidiInstrument

Reader = Literal["symusic", "pretty_midi"]
TICK_BITS = 40
"""Bits of a tick where pitch and tick are put into one number."""
SORT_COLUMNS = ("onset", "pitch", "duration", "velocity")
"""The order of the notes of a file."""
MAX_LOGGED_FIXES = 5
"""Of one file."""
TempoMap = Callable[[NDArray[np.int64]], NDArray[np.float64]]


@dataclass(frozen=True)
class MidiMusic:
    """What a MIDI file holds."""

    notes: Notes
    """[N], valid, in order of onset, pitch, duration and velocity."""
    fixes: tuple[Fix, ...]
    """Damage in the file that was skipped."""
    num_drum_notes: int
    """Notes of channel 10, which are dropped."""
    instruments: list[Instrument] | None
    """What `list_instruments` lists; None where other bytes or another reader were used."""


def read_notes(data: bytes, reader: Reader, sustain_pedal: bool = False) -> Notes:
    """Read the notes of a MIDI file, as `read_midi`, without what was skipped in it."""
    return read_midi(data, reader, sustain_pedal).notes


def read_file_notes(path: Path, sustain_pedal: bool = False) -> Notes:
    """Read the notes of a file that a user gives, with symusic, and log what damage was skipped.

    Raises:
        MidiError: as `read_midi`.
        OSError: the file does not exist, or may not be read.
    """
    music = read_midi(read_file(path), "symusic", sustain_pedal)
    for fix in music.fixes[:MAX_LOGGED_FIXES]:
        log_message(f"{path}: damage skipped at {fix}")
    if len(music.fixes) > MAX_LOGGED_FIXES:
        log_message(f"{path}: {len(music.fixes) - MAX_LOGGED_FIXES:,} more kinds of damage skipped")
    return music.notes


def read_midi(data: bytes, reader: Reader, sustain_pedal: bool = False) -> MidiMusic:
    """Read the notes of a MIDI file.

    Args:
        data: the bytes of a MIDI file of format 0 or 1.
        reader: `symusic` or `pretty_midi`.
        sustain_pedal: whether notes sound while the sustain pedal is down, and do not say where it is; if not, they
            end at their note off, and `pedal` says where it is.

    Raises:
        MidiError: the file has no notes or is not a sound MIDI file; the reason in one line.
    """
    clean = validate_midi(data)
    try:
        is_shared = sustain_pedal and clean.has_split_channels
        whole = share_pedal(clean.data) if is_shared else clean.data
        read_tracks = _read_symusic if reader == "symusic" else _read_pretty_midi
        tracks, instruments = read_tracks(whole)
    except (MidiError, MemoryError):
        raise
    except Exception as error:  # both raise many unrelated types, none of which a caller can act on
        message = " ".join(str(error).split())[:200]
        raise MidiError(f"{reader}: {type(error).__name__}: {message}") from error
    num_drum_notes = sum(part.num_notes for part in instruments if part.is_drum)
    if num_drum_notes and not any(len(track.on) for track in tracks):
        raise MidiError(f"only drums (channel 10): {num_drum_notes:,} notes, none with a pitch")
    notes = _merge_tracks(apply_sustain(tracks) if sustain_pedal else tracks)
    if not sustain_pedal:
        notes["pedal"] = compute_pedal_states(notes["onset"], *merge_pedals(tracks))
    check_lost_notes(clean.fixes, len(notes))
    is_listed = reader == "symusic" and whole is clean.data
    return MidiMusic(notes, clean.fixes, num_drum_notes, instruments if is_listed else None)


def _merge_tracks(tracks: Sequence[TrackNotes]) -> Notes:
    """Return the notes of all tracks that have a length, in order of onset, pitch, duration and velocity."""
    if not tracks:
        raise MidiError("no notes")
    on, off, pitch, velocity = (
        np.concatenate([track[column] for track in tracks]) for column in range(4)
    )
    notes = np.empty(len(on), NOTE_DTYPE)
    columns = (on, off - on, pitch, velocity, np.zeros(len(on), np.uint8))
    for name, column in zip(NOTE_COLUMNS, columns, strict=True):
        notes[name] = column
    has_length = off != on
    if not has_length.all():
        notes = notes[has_length]
    if not _is_in_order(notes):
        notes = notes[np.lexsort([notes[name] for name in reversed(SORT_COLUMNS)])]
    _check_times(notes)
    return validate_notes(notes)


def _is_in_order(notes: Notes) -> bool:
    """Whether notes are in order of onset and pitch and none is like the one before: symusic sorts those of a track."""
    step = np.diff(notes["onset"])
    is_higher = notes["pitch"][1:] > notes["pitch"][:-1]
    return bool(((step > 0) | ((step == 0) & is_higher)).all())


def _check_times(notes: Notes) -> None:
    """Refuse times that come from a damaged delta time.

    Raises:
        MidiError: a note begins after more than a day, or lasts longer.
    """
    for column, verb in (("onset", "begins after"), ("duration", "lasts")):
        is_late = notes[column] > MAX_ONSET
        if is_late.any():
            row = int(np.argmax(is_late))
            place = f"note {row + 1:,} of {len(notes):,} (pitch {notes['pitch'][row]})"
            hours = notes[column][row] / 3600
            raise MidiError(
                f"{place} {verb} {hours:,.1f} hours, more than {MAX_ONSET / 3600:.0f}; a delta time is damaged"
            )


def _read_symusic(data: bytes) -> tuple[list[TrackNotes], list[Instrument]]:
    """Read with symusic, in ticks, and turn ticks into seconds; return the tracks and the instruments."""
    from symusic import Score

    score = Score.from_midi(data, ttype="tick")
    tempos = score.tempos.numpy()
    to_seconds = _build_tempo_map(score.ticks_per_quarter, tempos["time"], tempos["mspq"])
    pitched = [track for track in score.tracks if not track.is_drum]
    tracks = []
    for track in pitched:
        on, off, pitch, velocity = _match_note_offs(track.notes.numpy())
        notes = to_seconds(on), to_seconds(off), pitch, velocity
        controls = track.controls.numpy()
        is_pedal = controls["number"] == SUSTAIN_CC
        pedal_ticks, pedal_value = controls["time"][is_pedal], controls["value"][is_pedal]
        tracks.append(TrackNotes(*notes, to_seconds(pedal_ticks), pedal_value))
    return tracks, count_notes(score.tracks)


def _match_note_offs(track: dict[str, NDArray[np.integer]]) -> NDArray[np.int64]:
    """End each note of a track at the first note off of its pitch.

    Args:
        track: time and duration [ticks], pitch and velocity, each [N], as symusic pairs them.

    Returns:
        On and off [ticks], pitch and velocity [4, N], without the notes that have no length.

    Raises:
        MidiError: the ticks overflowed.
    """
    on, duration, pitch, velocity = (
        track[name].astype(np.int64) for name in ("time", "duration", "pitch", "velocity")
    )
    if (on < 0).any() or (duration < 0).any():
        raise MidiError("more ticks than 31 bits can count")
    notes = np.stack([on, on + duration, pitch, velocity])
    has_length = duration > 0
    if not has_length.all():
        notes = notes[:, has_length]
    on, off, pitch, velocity = notes
    if not _has_overlap(notes):
        return notes
    # All note offs in one sorted array, by pitch and then by tick. The first after a note on is of the same pitch,
    # because the array holds the note's own off.
    sorted_offs = np.sort(pitch << TICK_BITS | off)
    first_off = np.searchsorted(sorted_offs, pitch << TICK_BITS | on, side="right")
    off = sorted_offs[first_off] & (1 << TICK_BITS) - 1
    return np.stack([on, off, pitch, velocity])


def _has_overlap(notes: NDArray[np.int64]) -> bool:
    """Whether a note of a track [4, N] begins before one of its pitch that is listed earlier has ended."""
    by_pitch = np.argsort(notes[2].astype(np.uint8), kind="stable")
    on, off, pitch = (row[by_pitch] for row in notes[:3])
    return bool(((off[:-1] > on[1:]) & (pitch[:-1] == pitch[1:])).any())


def _build_tempo_map(
    resolution: int, ticks: NDArray[np.integer], tempos: NDArray[np.integer]
) -> TempoMap:
    """Return the function from ticks to seconds of a piece.

    Source: `_load_tempo_changes` and `_update_tick_to_time` of pretty_midi 0.2.11.

    Args:
        resolution: ticks of a quarter note.
        ticks: [C] when the tempo changes, in order.
        tempos: [C] microseconds of a quarter note.

    Returns:
        A function from ticks [N] to seconds [N], equal to pretty_midi's to the last bit, as tests hold.
    """
    ticks_of_change, times, tick_lengths = [0], [0.0], [60.0 / (120.0 * resolution)]
    for tick, tempo in zip(ticks.tolist(), tempos.tolist(), strict=True):
        if tempo == 0:
            raise MidiError("a tempo of 0 microseconds for a quarter note")
        tick_length = 60.0 / ((6e7 / tempo) * resolution)
        if tick_length != tick_lengths[-1]:
            times.append(times[-1] + tick_lengths[-1] * (tick - ticks_of_change[-1]))
            ticks_of_change.append(tick)
            tick_lengths.append(tick_length)
    start_tick, start_time = np.array(ticks_of_change), np.array(times)
    seconds_per_tick = np.array(tick_lengths)

    def to_seconds(positions: NDArray[np.int64]) -> NDArray[np.float64]:
        if len(times) == 1:  # as in most files; takes a third of the time
            one_tempo: NDArray[np.float64] = seconds_per_tick[0] * positions
            return one_tempo
        section = np.searchsorted(start_tick, positions, side="right") - 1
        ticks_since = positions - start_tick[section]
        seconds: NDArray[np.float64] = start_time[section] + seconds_per_tick[section] * ticks_since
        return seconds

    return to_seconds


def _read_pretty_midi(data: bytes) -> tuple[list[TrackNotes], list[Instrument]]:
    """Read with pretty_midi; return the tracks and the instruments."""
    from pretty_midi import PrettyMIDI

    for number, span in enumerate(find_chunks(data).spans, 1):
        last = find_last_tick(data, *span)
        if last > MAX_TICKS:
            raise MidiError(
                f"track {number}: ends at tick {last:,}; pretty_midi reads {MAX_TICKS:,} ticks, so use symusic"
            )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # tempo changes on later tracks; see above
        instruments = PrettyMIDI(io.BytesIO(data)).instruments
    pitched = [_to_track_notes(each) for each in instruments if not each.is_drum]
    return pitched, count_notes(instruments)


def _to_track_notes(instrument: "PrettyMidiInstrument") -> TrackNotes:
    """Take the notes and the pedal of an instrument of pretty_midi."""
    notes = [(note.start, note.end, note.pitch, note.velocity) for note in instrument.notes]
    pedal = [
        (control.time, control.value)
        for control in instrument.control_changes
        if control.number == SUSTAIN_CC
    ]
    on, off, pitch, velocity = np.array(notes, float).reshape(-1, 4).T
    pedal_time, pedal_value = np.array(pedal, float).reshape(-1, 2).T
    return TrackNotes(on, off, pitch.astype(int), velocity.astype(int), pedal_time, pedal_value)
