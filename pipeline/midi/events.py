"""The events of a track in a MIDI file: their bytes, how to find them and how to write them.

Source: Standard MIDI Files 1.0, RP-001, MIDI Manufacturers Association, 1996.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

META, SYSEX, ESCAPE = 0xFF, 0xF0, 0xF7
END_OF_TRACK, TEMPO, TIME_SIGNATURE, KEY_SIGNATURE = 0x2F, 0x51, 0x58, 0x59
"""Types of meta events."""
NOTE_OFF, NOTE_ON, CONTROL_CHANGE, PROGRAM_CHANGE = 0x8, 0x9, 0xB, 0xC
"""The upper four bits of a status."""
NUM_DATA_BYTES = {0x8: 2, 0x9: 2, 0xA: 2, 0xB: 2, 0xC: 1, 0xD: 1, 0xE: 2}
"""By the upper four bits of a status."""
MAX_DELTA = 0x0FFF_FFFF
"""Ticks; the largest number of four bytes."""
VARINT = re.compile(rb"[\x80-\xff]{0,3}[\x00-\x7f]")
_PAYLOAD_LENGTHS = {END_OF_TRACK: 0, TEMPO: 3, TIME_SIGNATURE: 4, KEY_SIGNATURE: 2}


class Event(NamedTuple):
    """An event of a track."""

    tick: int
    """Since the start of the track."""
    status: int
    """With running status, that of the event before."""
    content: bytes
    """All bytes after the status."""


def iterate_events(data: bytes, position: int, end: int) -> Iterator[Event]:
    """Yield the events of a sound track, the bytes from a position to an end."""
    tick, running = 0, 0
    while position < end:
        delta, start = read_varint(data, position, end)
        tick += delta
        status = data[start]
        start += status >= 0x80
        status = status if status >= 0x80 else running
        if status in (META, SYSEX, ESCAPE):
            position = sum(read_varint(data, start + (status == META), end))
            running = running if status == META else 0
        else:
            running = status
            position = start + NUM_DATA_BYTES[status >> 4]
        yield Event(tick, status, data[start:position])


def find_last_tick(data: bytes, position: int, end: int) -> int:
    """Return when a sound track ends; 0 for one without events."""
    return max((event.tick for event in iterate_events(data, position, end)), default=0)


def read_varint(data: bytes, position: int, end: int) -> tuple[int, int]:
    """Return a variable-length number of at most four bytes and the position after it; that is -1 for no number."""
    if position < end and data[position] < 0x80:
        return data[position], position + 1
    match = VARINT.match(data, position, end)
    if not match:
        return 0, -1
    value = 0
    for byte in match[0]:
        value = value << 7 | byte & 0x7F
    return value, match.end()


def write_varint(value: int) -> bytes:
    """Return a variable-length number."""
    groups = [value & 0x7F]
    while value := value >> 7:
        groups.append(value & 0x7F | 0x80)
    return bytes(reversed(groups))


def is_meta_sound(kind: int, payload: bytes) -> bool:
    """Whether readers can use a meta event: tempo, time signature and key signature have a fixed form."""
    if len(payload) != _PAYLOAD_LENGTHS.get(kind, len(payload)):
        return False
    if kind == TEMPO:
        return any(payload)
    if kind == KEY_SIGNATURE:
        num_sharps = int.from_bytes(payload[:1], signed=True)
        return -7 <= num_sharps <= 7 and payload[1] <= 1
    return True
