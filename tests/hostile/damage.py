"""MIDI files with one kind of damage each, that some player reads: what is skipped, and what is refused and why.

`tools/damaged_midi.py` prints who reads them. No file comes from elsewhere.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import kinds
from kinds import END, midi, number, tempo, track

NUM_NOTES = 120


@dataclass(frozen=True)
class Damage:
    """One file."""

    name: str
    data: bytes
    fix: str = ""
    """Part of the line of the only fix; empty where the file is refused."""
    error: str = ""
    """Part of the error; empty where the file is read."""
    num_notes: int = NUM_NOTES


def notes(first: int, last: int) -> bytes:
    """Return notes, the first byte of each of them a delta time: 24 ticks of sound, 24 of rest."""
    events = b""
    for index in range(first, last):
        pitch = 40 + index * 7 % 48
        events += bytes([24, 0x90, pitch, 60 + index % 9, 24, 0x80, pitch, 64])
    return events


HALF = NUM_NOTES // 2
BEFORE, AFTER = notes(0, HALF), notes(HALF, NUM_NOTES)
MUSIC = midi(track(tempo(500_000) + BEFORE + AFTER + END), kind=0)
"""The file without damage."""


def between(damage: bytes, after: bytes = AFTER) -> bytes:
    """Return the file with bytes in the middle of its track."""
    return midi(track(tempo(500_000) + BEFORE + damage + after + END), kind=0)


def instead_of_end(damage: bytes) -> bytes:
    """Return the file with other bytes for End of Track."""
    return midi(track(tempo(500_000) + BEFORE + AFTER + damage), kind=0)


def make_damaged_files() -> Iterator[Damage]:
    """Make all files."""
    yield from _files()
    yield from _events()
    yield from _notes()
    yield from _unknown_lengths()


def _files() -> Iterator[Damage]:
    events = tempo(500_000) + BEFORE + AFTER + END
    riff = b"RIFF" + (len(MUSIC) + 12).to_bytes(4, "little") + b"RMIDdata"
    riff += len(MUSIC).to_bytes(4, "little") + MUSIC
    yield Damage("RIFF wrapper", riff, "byte 0: RIFF wrapper")
    yield Damage("RIFF wrapper, cut", riff[:-9], error="RIFF wrapper is cut at byte")
    count = "byte 10: wrong number of tracks"
    yield Damage("3 tracks announced, 1 there", midi(track(events), kind=1, count=3), count)
    two = midi(track(END), track(events), count=1)
    yield Damage("1 track announced, 2 there", two, count)
    yield Damage("0 tracks announced", midi(track(events), count=0), error="announces no track")
    torn = midi(track(events), b"MTrx" + track(END)[4:])
    yield Damage("a chunk that is no track", torn, error="1 of 2 tracks are whole")
    yield Damage("format 2, one track", midi(track(events), kind=2), "byte 8: format 2 with one")
    patterns = midi(track(events), track(events), kind=2)
    yield Damage("format 2, two tracks", patterns, error="the 2 tracks of format 2")
    yield Damage("bytes after the last track", MUSIC + bytes(5), "after the last track (5)")
    yield Damage("cut in the last track", MUSIC[:-40], error="0 of 1 tracks are whole")


def _events() -> Iterator[Damage]:
    for length in (1, 4):
        padding = instead_of_end(END + bytes(length))
        yield Damage(f"{length} bytes after End of Track", padding, f"End of Track ({length})")
    yield Damage("notes after End of Track", instead_of_end(END + AFTER), "End of Track (480)")
    for status in (0xF8, 0xFA, 0xFE, 0xF9):
        clock = between(bytes([0, status]))
        yield Damage(f"real-time byte {status:02X}", clock, "real-time bytes (1)")
    split = between(b"\x05\xf8", b"\x13" + AFTER[1:])  # 5 + 19 of the 24 ticks before a note
    yield Damage("real-time byte inside a rest", split, "real-time bytes (1)")
    for name, event in {
        "F1": b"\xf1\x10",
        "F2": b"\xf2\1\2",
        "F3": b"\xf3\1",
        "F6": b"\xf6",
    }.items():
        yield Damage(f"system common event {name}", between(b"\0" + event), "system common events")
    damaged = {
        "controller value": b"\xb0\x07\x86",
        "controller number": b"\xb0\x87\x06",
        "program": b"\xc0\x86",
        "channel pressure": b"\xd0\x86",
        "key pressure": b"\xa0\x3c\x86",
        "pitch bend": b"\xe0\x00\x86",
    }
    for name, event in damaged.items():
        yield Damage(f"{name} over 127", between(b"\0" + event), "events with a data byte over 127")
    metas = {
        "tempo 0": b"\x51\x03\0\0\0",
        "tempo of 2 bytes": b"\x51\x02\x07\xa1",
        "time signature of 3 bytes": b"\x58\x03\4\2\x18",
        "key signature of 8 sharps": b"\x59\x02\x08\0",
        "key signature of 1 byte": b"\x59\x01\0",
    }
    for name, event in metas.items():
        yield Damage(name, between(b"\0\xff" + event), "signatures without a valid value (1)")
    yield Damage("controller event cut", instead_of_end(b"\0\xb0\x07"), "events cut by the end")
    yield Damage("delta time cut", instead_of_end(b"\x81"), "events cut by the end of the track")


def _notes() -> Iterator[Damage]:
    over, cut = "note events with a data byte over 127", "note events cut by the end of the track"
    yield Damage("1 note on over 127", between(b"\0\x90\xbc\x40"), f"{over} (1)")
    yield Damage("1 velocity over 127", between(b"\0\x90\x3c\xc0"), f"{over} (1)")
    yield Damage("1 note off over 127", between(b"\0\x80\xbc\x40"), f"{over} (1)")
    yield Damage("2 of 120 notes over 127", between(b"\0\x90\xbc\x40" * 2), error=f"{over} (2)")
    release = between(b"\0\x90\x3c\x40\x18\x80\x3c\xc0")
    yield Damage("release velocity over 127", release, "events with a data byte", num_notes=121)
    yield Damage("note on cut", instead_of_end(b"\0\x90\x3c"), f"{cut} (1)")
    yield Damage("note off cut", instead_of_end(b"\0\x80"), f"{cut} (1)")


def _unknown_lengths() -> Iterator[Damage]:
    for name, event in {"1 data byte": b"\0\x90\x3c", "2 data bytes": b"\0\x90"}.items():
        missing = between(event)
        yield Damage(f"{name} missing", missing, error="End of Track is inside another event")
    start = track(tempo(500_000) + b"\0\x3c\x40" + BEFORE + AFTER + END)
    yield Damage("data without a status", midi(start), error="no status is before it")
    after_sysex = between(b"\0\xf0\3\x7e\x09\xf7\0\x3c\x40")
    yield Damage("running status after sysex", after_sysex, error="no status is before it")
    yield Damage("status F4", between(b"\0\xf4"), error="0xF4 is no status")
    yield Damage(
        "delta time of 5 bytes", between(b"\x80\x80\x80\x80\0\x90\x3c\x40"), error="four bytes"
    )
    long_text = instead_of_end(b"\0\xff\1\x7fa")
    yield Damage("text beyond the track", long_text, error="127 bytes run over the end")
    long_sysex = instead_of_end(b"\0\xf0\x7fa")
    yield Damage("sysex beyond the track", long_sysex, error="127 bytes run over the end")
    far = (number(kinds.MOST) + b"\xb0\x07\x40") * 17
    yield Damage("more than 2^32 ticks", between(far), error="more than 31 bits can count")
