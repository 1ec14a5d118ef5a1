"""Hostile MIDI files, made from a seed: each kind is one fault. No file is downloaded.

Of each file it is known whether it holds music that can be read (`music`), or must be refused.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

END = b"\x00\xff\x2f\x00"
NOTE = b"\x00\x90\x3c\x40\x60\x80\x3c\x00"
MOST = 0x0FFFFFFF
"""The longest delta time."""


@dataclass(frozen=True)
class Hostile:
    """One file."""

    kind: str
    name: str
    data: bytes
    music: bool | None
    """Whether it must be read (True), refused (False), or may be either (None)."""


def number(value: int) -> bytes:
    """Return a number of variable length."""
    row = bytearray([value & 127])
    while value := value >> 7:
        row.insert(0, value & 127 | 128)
    return bytes(row)


def track(events: bytes, length: int | None = None) -> bytes:
    """Return a track chunk, with a length that may be wrong."""
    return b"MTrk" + (len(events) if length is None else length).to_bytes(4) + events


def midi(
    *tracks: bytes, kind: int = 1, division: int = 96, count: int | None = None, header: int = 6
) -> bytes:
    """Return a file of whole track chunks."""
    fields = (kind, len(tracks) if count is None else count, division)
    return (
        b"MThd"
        + header.to_bytes(4)
        + b"".join(each.to_bytes(2) for each in fields)
        + b"".join(tracks)
    )


def tempo(microseconds: int) -> bytes:
    """Return a tempo change."""
    return b"\x00\xff\x51\x03" + microseconds.to_bytes(3)


def melody(rng: np.random.Generator, count: int = 20) -> bytes:
    """Return events of a valid track."""
    events = b""
    for pitch, wait, held in zip(
        rng.integers(40, 90, count),
        rng.integers(1, 99, count),
        rng.integers(1, 99, count),
        strict=True,
    ):
        events += (
            number(int(wait))
            + bytes([0x90, pitch, 64])
            + number(int(held))
            + bytes([0x80, pitch, 0])
        )
    return events + END


def many(notes: int) -> bytes:
    """Return a file of so many notes, six bytes each."""
    row = b"\x01\x3c\x40\x01\x3c\x00"
    return midi(track(b"\x00\x90\x3c\x40\x01\x3c\x00" + row * (notes - 1) + END), kind=0)


def files(seed: int, mutants: int = 200, large: bool = True) -> Iterator[Hostile]:
    """Make all files.

    Args:
        seed: equal seeds make equal files.
        mutants: how many good files with random damage.
        large: whether to make the ones of many megabytes.
    """
    rng = np.random.default_rng(seed)
    good = midi(track(tempo(500_000) + END), track(melody(rng)), track(melody(rng)))
    yield from _cut(good)
    yield from _lengths(good, melody(rng))
    yield from _clocks(melody(rng))
    yield from _notes()
    yield from _wrappers(good)
    yield from _events()
    for at in range(mutants):
        torn = bytearray(midi(track(melody(rng)), track(melody(rng))))
        for place in rng.integers(len(torn), size=int(rng.integers(1, 6))):
            torn[place] = int(rng.integers(256))
        yield Hostile("random damage", f"damage{at}", bytes(torn), None)
    if large:
        yield Hostile("ten million notes", "ten-million", many(10_000_000), False)
        yield Hostile("as many notes as a file may hold", "many", many(1_398_000), True)
        yield Hostile("a megabyte of one delta", "delta", midi(track(b"\xff" * 2**20)), False)
        yield Hostile(
            "a megabyte of one delta", "delta-80", midi(track(b"\x80" * 2**20 + NOTE)), False
        )
        yield Hostile("zeros", "zeros", bytes(2**22), False)


def _cut(good: bytes) -> Iterator[Hostile]:
    places = {0, 1, 3, 4, 7, 8, 10, 12, 13, 14}
    at = 14
    whole_tracks = []
    while at < len(good):
        length = int.from_bytes(good[at + 4 : at + 8])
        whole_tracks.append(at)
        places |= {at, at + 2, at + 4, at + 7, at + 8, at + 8 + length // 2, at + 8 + length - 1}
        at += 8 + length
    # The first track holds a tempo and no note. A file cut after the second is one whose header counts a track too many.
    music = whole_tracks[2:]
    yield from (
        Hostile("cut", f"cut{place}", good[:place], place in music) for place in sorted(places)
    )


def _lengths(good: bytes, events: bytes) -> Iterator[Hostile]:
    kind = "wrong lengths"
    for length in (0, 5, 7, 2**31, 2**32 - 1):
        yield Hostile(kind, f"header{length}", good[:4] + length.to_bytes(4) + good[8:], False)
    for length in (0, 1, len(events) - 1, len(events) + 1, 2**31 - 1, 2**32 - 1):
        yield Hostile(kind, f"track{length}", midi(track(events, length)), False)
    for count in (0, 2, 65535):
        yield Hostile(kind, f"count{count}", midi(track(events), count=count), count > 0)
    yield Hostile(
        kind, "long-text", midi(track(b"\x00\xff\x01\x8f\xff\xff\x7f" + NOTE + END)), False
    )
    yield Hostile(kind, "long-sysex", midi(track(b"\x00\xf0\xff\xff\xff\x7f" + NOTE + END)), False)


def _clocks(events: bytes) -> Iterator[Hostile]:
    for division in (0, 0x8000, 0xE728, 0xFFFF):
        yield Hostile(
            "division 0 or SMPTE",
            f"division{division:x}",
            midi(track(events), division=division),
            False,
        )
    far = (number(MOST) + b"\xb0\x07\x40") * 9
    yield Hostile(
        "ticks that overflow",
        "overflow31",
        midi(track(far[: len(far) // 9 * 8] + NOTE + END)),
        False,
    )
    yield Hostile("ticks that overflow", "overflow32", midi(track(far * 2 + NOTE + END)), False)
    yield Hostile(
        "ticks that overflow",
        "five-bytes",
        midi(track(b"\xff\xff\xff\xff\x7f" + NOTE[1:] + END)),
        False,
    )
    for times in (1, 2, 4):
        row = (number(MOST) + b"\xb0\x07\x40") * times
        yield Hostile(
            "huge ticks", f"far{times}", midi(track(row + NOTE + END), division=32767), None
        )
    yield Hostile("tempo 0 and 1", "tempo0", midi(track(tempo(0) + NOTE + END)), True)
    yield Hostile("tempo 0 and 1", "tempo1", midi(track(tempo(1) + NOTE + END)), True)
    yield Hostile("tempo 0 and 1", "tempo-max", midi(track(tempo(2**24 - 1) + NOTE + END)), True)


def _notes() -> Iterator[Hostile]:
    on, off = b"\x00\x90\x3c\x40", b"\x60\x80\x3c\x00"
    yield Hostile("note-on without off", "open", midi(track(on + END)), False)
    yield Hostile("note-on without off", "opens", midi(track(on * 5000 + NOTE + END)), True)
    yield Hostile(
        "overlapping same pitch",
        "overlap",
        midi(track(on + b"\x10\x90\x3c\x40" + off + off + END)),
        True,
    )
    yield Hostile(
        "overlapping same pitch",
        "overlaps",
        midi(track(b"\x01\x90\x3c\x40" * 3000 + off * 3000 + END)),
        True,
    )
    yield Hostile("zero-length", "zero", midi(track(on + b"\x00\x80\x3c\x00" + END)), False)
    yield Hostile("no notes", "none", midi(track(END)), False)
    yield Hostile("no notes", "no-tracks", midi(), False)
    yield Hostile(
        "no notes", "drums", midi(track(b"\x00\x99\x3c\x40\x60\x89\x3c\x00" + END)), False
    )
    yield Hostile("one note", "one", midi(track(NOTE + END)), True)


def _wrappers(good: bytes) -> Iterator[Hostile]:
    riff = (
        b"RIFF"
        + (len(good) + 12).to_bytes(4, "little")
        + b"RMIDdata"
        + len(good).to_bytes(4, "little")
        + good
    )
    yield Hostile("RIFF wrapper", "riff", riff, True)
    yield Hostile("format 2", "format2", midi(track(NOTE + END), track(NOTE + END), kind=2), False)
    yield Hostile("format 2", "format65535", midi(track(NOTE + END), kind=65535), False)
    yield Hostile("no MIDI", "empty", b"", False)
    yield Hostile("no MIDI", "text", "this is ♪ text\n".encode() * 99, False)
    yield Hostile("no MIDI", "zip", b"PK\x03\x04" + bytes(99), False)


def _events() -> Iterator[Hostile]:
    kind = "bad events"
    yield Hostile(
        kind, "key-signature", midi(track(b"\x00\xff\x59\x02\x70\x07" + NOTE + END)), True
    )
    yield Hostile(kind, "no-status", midi(track(b"\x00\x3c\x40" + END)), False)
    yield Hostile(kind, "reserved", midi(track(b"\x00\xf4" + NOTE + END)), False)
    yield Hostile(kind, "data-over-127", midi(track(b"\x00\x90\xbc\x40" + END)), False)
    yield Hostile(kind, "text-control", midi(track(b"\x00\xff\x03\x04\x1b[2J" + NOTE + END)), True)
    yield Hostile(kind, "no-end", midi(track(NOTE)), None)
    yield Hostile(kind, "after-end", midi(track(NOTE + END + NOTE + END)), None)
