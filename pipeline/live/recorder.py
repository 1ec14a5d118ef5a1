"""Record the notes of a session, of the model and of the person, as MIDI files that can be a corpus.

    music-rnn play --record ~/sessions/monday.mid
    music-rnn add-corpus sessions ~/sessions

Onsets of the model are deadlines, not times of sending, so a busy machine does not change a recording. A file has one
track for the model and one for the person, both piano, with ticks of a millisecond. A session of more than two hours
becomes several files: longer ones are no pieces that a model can learn from.

Shapes: N notes.
"""

import struct
import threading
from array import array
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipeline.core import files
from pipeline.live.active_keys import NOTE_OFF, NOTE_ON
from pipeline.notes.note import Notes, make_notes

MODEL, HUMAN = 0, 1
"""Performer of a note."""
TRACK_NAMES = {MODEL: b"model", HUMAN: b"human"}
TICKS_PER_SECOND = 1000
"""Ticks of a second and, at 60 quarter notes a minute, of a quarter note."""
MIN_DURATION = 0.001
"""Shortest duration that is written [s]: a reader drops notes of duration 0."""
MAX_FILE_SECONDS = 7200.0
"""Seconds of music in a file at most."""
QUARTER_NOTE_MICROSECONDS = (1_000_000).to_bytes(3, "big")
"""Microseconds of a quarter note."""


class NoteRow(NamedTuple):
    """A note as it was recorded: performer MODEL or HUMAN, times in seconds since the player started."""

    performer: int
    onset: float
    duration: float
    pitch: int
    velocity: int


class Recorder:
    """The notes of a session, in the order they ended; any thread may add and write."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.times = array("d")
        """Onset and duration [s] of each note, since the player started."""
        self.note_bytes = bytearray()
        """Performer, pitch and velocity of each note."""

    def __len__(self) -> int:
        """Return the number of notes."""
        return len(self.note_bytes) // 3

    def add(self, performer: int, onset: float, duration: float, pitch: int, velocity: int) -> None:
        """Add a note; times in seconds since the player started."""
        with self.lock:
            self.times.extend((max(onset, 0.0), max(duration, MIN_DURATION)))
            self.note_bytes.extend((performer, pitch, velocity))

    def rows_since(self, start: int) -> list[NoteRow]:
        """Return the notes from number `start` on, in the order they ended."""
        with self.lock:
            times, keys = self.times[2 * start :], self.note_bytes[3 * start :]
        pairs = zip(times[0::2], times[1::2], strict=True)
        triples = zip(keys[0::3], keys[1::3], keys[2::3], strict=True)
        return [
            NoteRow(performer, onset, duration, pitch, velocity)
            for (onset, duration), (performer, pitch, velocity) in zip(pairs, triples, strict=True)
        ]

    def collect_notes(self, performer: int | None = None) -> Notes:
        """Return the notes [N] of one performer, or of both, in order of time."""
        with self.lock:
            times = np.array(self.times).reshape(-1, 2)
            keys = np.frombuffer(bytes(self.note_bytes), np.uint8).reshape(-1, 3)
        if performer is not None:
            is_selected = keys[:, 0] == performer
            times, keys = times[is_selected], keys[is_selected]
        return make_notes(times[:, 0], times[:, 1], keys[:, 1], keys[:, 2])

    def to_midi_bytes(self) -> bytes:
        """Return one MIDI file of all notes, with a track for each performer."""
        return _encode_midi_file([self.collect_notes(performer) for performer in TRACK_NAMES])

    def write_midi(self, path: Path) -> list[Path]:
        """Write MIDI files, each whole or not at all: `name.mid`, then `name-2.mid` and so on, one for two hours.

        Returns:
            The files; none if there are no notes.

        Raises:
            DiskError: a file cannot be written.
        """
        tracks = [self.collect_notes(performer) for performer in TRACK_NAMES]
        parts = {int(onset // MAX_FILE_SECONDS) for notes in tracks for onset in notes["onset"]}
        paths = []
        for part in sorted(parts):
            paths.append(path.with_stem(f"{path.stem}-{part + 1}") if part else path)
            part_tracks = [_select_part(notes, part) for notes in tracks]
            files.write_bytes(paths[-1], _encode_midi_file(part_tracks))
        return paths


def _select_part(notes: Notes, part: int) -> Notes:
    """Return the notes of one file, with onsets from its start."""
    selected = notes[notes["onset"] // MAX_FILE_SECONDS == part].copy()
    selected["onset"] -= part * MAX_FILE_SECONDS
    return selected


def _encode_midi_file(tracks: list[Notes]) -> bytes:
    """Return a MIDI file of format 1 with a track for the tempo and a named one for each performer.

    Source: Standard MIDI Files 1.0, MIDI Manufacturers Association, 1996.
    """
    header = struct.pack(">4sIHHH", b"MThd", 6, 1, 1 + len(tracks), TICKS_PER_SECOND)
    chunks = [_encode_track(b"\x00\xff\x51\x03" + QUARTER_NOTE_MICROSECONDS)]
    for (performer, name), notes in zip(TRACK_NAMES.items(), tracks, strict=True):
        track_name = b"\x00\xff\x03" + bytes([len(name)]) + name
        chunks.append(_encode_track(track_name + _encode_note_events(notes, performer)))
    return header + b"".join(chunks)


def _encode_track(events: bytes) -> bytes:
    """Return the chunk of a track, with its end of track."""
    events += b"\x00\xff\x2f\x00"
    return struct.pack(">4sI", b"MTrk", len(events)) + events


def _encode_note_events(notes: Notes, channel: int) -> bytes:
    """Return the note ons and offs of a track; a note that is on ends before the next one of its pitch."""
    on_ticks = _seconds_to_ticks(notes["onset"])
    off_ticks = np.maximum(_seconds_to_ticks(notes["onset"] + notes["duration"]), on_ticks + 1)
    events, previous_tick = bytearray(), 0
    for tick, is_on, pitch, velocity in _order_note_events(on_ticks, off_ticks, notes):
        status = (NOTE_ON if is_on else NOTE_OFF) | channel
        events += _encode_varint(tick - previous_tick) + bytes([status, pitch, velocity])
        previous_tick = tick
    return bytes(events)


def _seconds_to_ticks(seconds: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return the nearest ticks."""
    return np.rint(seconds * TICKS_PER_SECOND).astype(np.int64)


def _order_note_events(
    on_ticks: NDArray[np.int64], off_ticks: NDArray[np.int64], notes: Notes
) -> list[tuple[int, int, int, int]]:
    """Return tick, 0 for note off or 1 for note on, pitch and velocity; a note ends before the next of its pitch."""
    events = []
    next_onset: dict[int, int] = {}
    for row in reversed(range(len(notes))):
        pitch, velocity = int(notes["pitch"][row]), int(notes["velocity"][row])
        start, end = int(on_ticks[row]), int(off_ticks[row])
        if start == next_onset.get(pitch):
            continue  # two notes of one pitch in one millisecond are one note
        end = min(end, next_onset.get(pitch, end))
        events += [(start, 1, pitch, velocity), (end, 0, pitch, 64)]
        next_onset[pitch] = start
    return sorted(events)


def _encode_varint(value: int) -> bytes:
    """Return a variable-length quantity: groups of seven bits, the highest first, bit 7 set in all but the last."""
    groups = [value & 0x7F]
    while value := value >> 7:
        groups.append(value & 0x7F | 0x80)
    return bytes(reversed(groups))
