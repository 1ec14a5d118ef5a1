"""MIDI file to notes.

Two readers give the same notes, bit for bit, on ordinary piano files: `symusic`, fast, whose ticks are turned into
seconds here with the arithmetic of pretty_midi in float64, and `pretty_midi`, the reference. What was decided:

- Channel 10 is drums: its notes have no pitch and are dropped. All other tracks and channels are one piece.
- A note without length, or one that never ends, is dropped: neither can be played.
- A key struck again before its note off: an off ends every note of its key, as in pretty_midi, so on 0, on 1, off 2,
  off 3 is 0-2 and 1-2. symusic pairs the oldest on with the next off, 0-2 and 1-3: after one lost off, every later note
  of that key would sound into the next. That is mended here (`_release`), but for the last note of such a key, which
  symusic keeps to itself. In MAESTRO v3, train and validation, it is one note of 6,298,754 in one file of 1,099.
- Tempo is one for all tracks. symusic follows changes on any track, pretty_midi only those on the first (standard).
- pretty_midi refuses a bad key signature, and more than 10,000,000 ticks; symusic reads both.
- `chunks.checked` refuses files before either parses them; what the pedal does to durations is in `pedal`.

Shapes: N notes, C tempo changes.
"""

import io
import warnings
from collections.abc import Callable
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from pipeline.core.errors import MidiError
from pipeline.midi.sustain import SUSTAIN_CC, TrackNotes, apply_sustain
from pipeline.midi.validate import validate_midi
from pipeline.notes.note import Notes, make_notes, validate_notes

Reader = Literal["symusic", "pretty_midi"]
TempoMap = Callable[[NDArray[np.int64]], NDArray[np.float64]]


def read_notes(data: bytes, reader: Reader, sustain_pedal: bool = False) -> Notes:
    """Read the notes of a MIDI file.

    Args:
        data: the bytes of a MIDI file of format 0 or 1.
        reader: `symusic` or `pretty_midi`.
        sustain_pedal: whether notes sound on while the sustain pedal is down; without, they end with their key.

    Returns:
        Notes [N], valid, in order of onset, pitch, duration and velocity.

    Raises:
        MidiError: the file has no notes or is not a sound MIDI file; the reason in one line.
    """
    clean = validate_midi(data)
    try:
        parts = _read_symusic(clean) if reader == "symusic" else _read_pretty_midi(clean)
    except (MidiError, MemoryError):
        raise
    except Exception as error:  # both raise many unrelated types, none of which a caller can act on
        raise MidiError(
            f"{reader}: {type(error).__name__}: {' '.join(str(error).split())[:200]}"
        ) from error
    rows = [part[:4] for part in (apply_sustain(parts) if sustain_pedal else parts)]
    start, end, pitch, velocity = (
        np.concatenate([np.empty(0, int), *(row[at] for row in rows)]) for at in range(4)
    )
    columns = [column[end != start] for column in (start, end - start, pitch, velocity)]
    order = np.lexsort((columns[3], columns[1]))
    return validate_notes(make_notes(*(column[order] for column in columns)))


def _read_symusic(data: bytes) -> list[TrackNotes]:
    """Read with symusic, in ticks, and put them on the clock."""
    from symusic import Score

    score = Score.from_midi(data, ttype="tick")
    tempos = score.tempos.numpy()
    clock = _build_tempo_map(score.ticks_per_quarter, tempos["time"], tempos["mspq"])
    parts = []
    for track in (track for track in score.tracks if not track.is_drum):
        on, off, pitch, velocity = _match_note_offs(track.notes.numpy())
        moves = track.controls.numpy()
        change, value = (moves[name][moves["number"] == SUSTAIN_CC] for name in ("time", "value"))
        parts.append(TrackNotes(clock(on), clock(off), pitch, velocity, clock(change), value))
    return parts


def _match_note_offs(track: dict[str, NDArray[np.integer]]) -> NDArray[np.int64]:
    """End each note of a track at the first note off of its key.

    Args:
        track: time and duration [ticks], pitch and velocity, each [N], as symusic pairs them.

    Returns:
        On and off [ticks], pitch and velocity [4, N], without the notes that have no length.

    Raises:
        MidiError: the ticks ran over.
    """
    on, duration, pitch, velocity = (
        track[name].astype(np.int64) for name in ("time", "duration", "pitch", "velocity")
    )
    if (on < 0).any() or (duration < 0).any():
        raise MidiError("more ticks than 31 bits can count")
    on, off, pitch, velocity = np.stack([on, on + duration, pitch, velocity])[:, duration > 0]
    # One row of all offs, key after key: the first that lies after an on is of its key, for its own lies there too.
    offs = np.sort(pitch << 40 | off)
    off = offs[np.searchsorted(offs, pitch << 40 | on, side="right")] & (1 << 40) - 1
    return np.stack([on, off, pitch, velocity])


def _build_tempo_map(
    resolution: int, ticks: NDArray[np.integer], tempos: NDArray[np.integer]
) -> TempoMap:
    """Lay out the tempo changes of a piece. Source: `_load_tempo_changes`, `_update_tick_to_time`, pretty_midi 0.2.11.

    Args:
        resolution: ticks of a quarter note.
        ticks: [C] when the tempo changes, in order.
        tempos: [C] microseconds of a quarter note.

    Returns:
        A function from ticks [N] to seconds [N], equal to pretty_midi's to the last bit, as tests hold.
    """
    begins, times, scales = [0], [0.0], [60.0 / (120.0 * resolution)]
    for tick, tempo in zip(ticks.tolist(), tempos.tolist(), strict=True):
        if tempo == 0:
            raise MidiError("a tempo of 0: time stands still")
        scale = 60.0 / ((6e7 / tempo) * resolution)
        if scale != scales[-1]:
            times.append(times[-1] + scales[-1] * (tick - begins[-1]))
            begins.append(tick)
            scales.append(scale)
    begin, time, scale_of = np.array(begins), np.array(times), np.array(scales)

    def to_seconds(positions: NDArray[np.int64]) -> NDArray[np.float64]:
        stretch = np.searchsorted(begin, positions, side="right") - 1
        return np.asarray(
            time[stretch] + scale_of[stretch] * (positions - begin[stretch]), np.float64
        )

    return to_seconds


def _read_pretty_midi(data: bytes) -> list[TrackNotes]:
    """Read with pretty_midi."""
    from pretty_midi import PrettyMIDI

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # tempo changes on later tracks; see above
        tracks = PrettyMIDI(io.BytesIO(data)).instruments
    parts = []
    for track in (track for track in tracks if not track.is_drum):
        notes = np.array(
            [(note.start, note.end, note.pitch, note.velocity) for note in track.notes]
        ).T
        moves = [
            (move.time, move.value) for move in track.control_changes if move.number == SUSTAIN_CC
        ]
        parts.append(
            TrackNotes(*notes[:2], *notes[2:].astype(int), *np.array(moves).reshape(-1, 2).T)
        )
    return parts
