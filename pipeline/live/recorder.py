"""What sounded in a session, the model's notes and the person's, as MIDI files that a corpus can be made of.

    music-rnn play --record ~/sessions/monday.mid
    music-rnn add-corpus sessions ~/sessions

Onsets are the deadlines, not the moments of sending: a busy machine leaves no trace in what a model learns from. A file
holds one track for the model and one for the person, both piano, on ticks of a millisecond; a session of more than two
hours becomes several files, for a piece of many hours is no piece.

Shapes: N notes.
"""

import threading
from array import array
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipeline.core import files
from pipeline.notes.note import Notes, make_notes

MODEL, HUMAN = 0, 1
"""Who played a note."""
TRACK_NAMES = {MODEL: b"model", HUMAN: b"human"}
TICKS_PER_SECOND = 1000
"""Ticks of a second and, at 60 quarter notes a minute, of a quarter note."""
MIN_DURATION = 0.001
"""Seconds that a note is written with at least: a reader drops notes without length."""
MAX_FILE_SECONDS = 7200.0
"""Seconds of music in a file at most."""
QUARTER_NOTE_MICROSECONDS = (1_000_000).to_bytes(3, "big")
"""Microseconds of a quarter note."""


class NoteRow(NamedTuple):
    """A note as it was recorded: performer MODEL or HUMAN, times in seconds since the player began."""

    performer: int
    onset: float
    duration: float
    pitch: int
    velocity: int


class Recorder:
    """The notes that sounded, in the order they ended; any thread may add and write."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.times = array("d")
        """Onset and duration [s] of note after note, since the player began."""
        self.note_bytes = bytearray()
        """Who, pitch and velocity of note after note."""

    def __len__(self) -> int:
        """Return the count of notes."""
        return len(self.note_bytes) // 3

    def add(self, performer: int, onset: float, duration: float, pitch: int, velocity: int) -> None:
        """Add a note: times in seconds, `who` MODEL or HUMAN."""
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
        """Return the notes [N] of one player, or of both, in order of time."""
        with self.lock:
            times = np.array(self.times).reshape(-1, 2)
            keys = np.frombuffer(bytes(self.note_bytes), np.uint8).reshape(-1, 3)
        rows = np.full(len(keys), True) if performer is None else keys[:, 0] == performer
        return make_notes(times[rows, 0], times[rows, 1], keys[rows, 1], keys[rows, 2])

    def to_midi_bytes(self) -> bytes:
        """Return one MIDI file of all notes, with a track for each player."""
        return _encode_midi_file([self.collect_notes(who) for who in TRACK_NAMES])

    def write_midi(self, path: Path) -> list[Path]:
        """Write MIDI files, whole or not at all: `name.mid`, then `name-2.mid` and so on for every two hours more.

        Returns:
            The files; none if nothing sounded.
        """
        tracks, written = [self.collect_notes(who) for who in TRACK_NAMES], []
        parts = [(notes["onset"] // MAX_FILE_SECONDS).astype(int) for notes in tracks]
        for part in sorted({*parts[0].tolist(), *parts[1].tolist()}):
            chosen = [
                notes[number == part].copy() for notes, number in zip(tracks, parts, strict=True)
            ]
            for notes in chosen:
                notes["onset"] -= part * MAX_FILE_SECONDS
            written.append(path.with_stem(f"{path.stem}-{part + 1}") if part else path)
            files.write_bytes(written[-1], _encode_midi_file(chosen))
        return written


def _encode_midi_file(tracks: list[Notes]) -> bytes:
    """Return a MIDI file of format 1 with a track of tempo, and one for each player, named.

    Source: Standard MIDI Files 1.0, MIDI Manufacturers Association, 1996.
    """
    head = (
        b"MThd"
        + (6).to_bytes(4, "big")
        + b"".join(n.to_bytes(2, "big") for n in (1, 1 + len(tracks), TICKS_PER_SECOND))
    )
    bodies = [b"\x00\xff\x51\x03" + QUARTER_NOTE_MICROSECONDS]
    for (who, name), notes in zip(TRACK_NAMES.items(), tracks, strict=True):
        bodies.append(b"\x00\xff\x03" + bytes([len(name)]) + name + _encode_note_events(notes, who))
    ends = [body + b"\x00\xff\x2f\x00" for body in bodies]
    return head + b"".join(b"MTrk" + len(body).to_bytes(4, "big") + body for body in ends)


def _encode_note_events(notes: Notes, channel: int) -> bytes:
    """Return the note ons and offs of a track; a key struck while it is down comes up first."""
    on = np.rint(notes["onset"] * TICKS_PER_SECOND).astype(np.int64)
    off = np.maximum(
        np.rint((notes["onset"] + notes["duration"]) * TICKS_PER_SECOND).astype(np.int64), on + 1
    )
    out, now = bytearray(), 0
    for tick, kind, pitch, velocity in _order_note_events(on, off, notes):
        out += _encode_varint(tick - now) + bytes([(0x80, 0x90)[kind] | channel, pitch, velocity])
        now = tick
    return bytes(out)


def _order_note_events(
    on_ticks: NDArray[np.int64], off_ticks: NDArray[np.int64], notes: Notes
) -> list[tuple[int, int, int, int]]:
    """Return tick, 0 for off or 1 for on, pitch and velocity; of notes of one pitch, each ends when the next begins."""
    found, until = [], dict[int, int]()
    for row in reversed(range(len(notes))):
        pitch, begin = int(notes["pitch"][row]), int(on_ticks[row])
        if begin == until.get(pitch):
            continue  # two notes of one key in one millisecond are one note
        end = min(int(off_ticks[row]), until.get(pitch, int(off_ticks[row])))
        found += [(begin, 1, pitch, int(notes["velocity"][row])), (end, 0, pitch, 64)]
        until[pitch] = begin
    return sorted(found)


def _encode_varint(value: int) -> bytes:
    """Return a number in groups of seven bits, the highest first, all but the last marked."""
    out = [value & 0x7F]
    while value := value >> 7:
        out.append(value & 0x7F | 0x80)
    return bytes(reversed(out))
