"""The structure of a MIDI file, walked before anything parses it.

MIDI readers trust their input: on a file that is cut or hostile they run for minutes, take gigabytes or return
nonsense. Here every chunk and every event is measured first, in time that grows with the bytes, and the readers only
ever see a header of six bytes and the whole tracks it announces.

Source: Standard MIDI Files 1.0, RP-001, MIDI Manufacturers Association, 1996.
"""

import re
import stat
from pathlib import Path

from pipeline.core.errors import MidiError

MAX_FILE_BYTES = 8 * 2**20
"""Bytes; about 20 hours of dense piano. Readers need 100 times as much memory."""
_DELTA_TIME = rb"[\x80-\xff]{0,3}[\x00-\x7f]"
# Events that follow a status of one and of two data bytes. At most a thousand at a time: the engine keeps a mark for
# each, and a file must not decide how much memory that is.
_EVENTS = {
    1: re.compile(rb"(?:" + _DELTA_TIME + rb"[\xc0-\xdf]?[\x00-\x7f]){1,1000}"),
    2: re.compile(rb"(?:" + _DELTA_TIME + rb"[\x80-\xbf\xe0-\xef]?[\x00-\x7f]{2}){1,1000}"),
}
_VARINT = re.compile(_DELTA_TIME)
_META, _SYSEX, _ESCAPE = 0xFF, 0xF0, 0xF7


def read_file(path: Path) -> bytes:
    """Return the bytes of a file that a person gives as MIDI, if it can be one.

    Raises:
        MidiError: it is larger than `LARGEST_FILE`, or a pipe or device, which may never end.
        OSError: it is not there, or may not be read.
    """
    info = path.stat()
    if not stat.S_ISREG(info.st_mode) and not stat.S_ISDIR(info.st_mode):
        raise MidiError("a pipe or device is no file")
    _check_size(info.st_size)
    with path.open("rb") as file:
        return file.read(MAX_FILE_BYTES + 1)  # it may grow meanwhile; `checked` sees to that


def _check_size(size: int) -> None:
    if size > MAX_FILE_BYTES:
        raise MidiError(f"{size:,} bytes are more than the {MAX_FILE_BYTES:,} allowed")


def validate_midi(data: bytes) -> bytes:
    """Return the header and the whole tracks of a MIDI file, without chunks that a reader must skip.

    Raises:
        MidiError: the file is no MIDI file, is cut, is larger than `LARGEST_FILE`, is of format 2 (independent
            patterns) or counts time in film frames.
    """
    _check_size(len(data))
    if data[:4] != b"MThd":
        raise MidiError(f"starts with {data[:4]!r}, not with MThd" if data else "the file is empty")
    header = int.from_bytes(data[4:8])
    if header < 6 or len(data) < 8 + header:
        raise MidiError(f"the header of {len(data)} bytes is cut")
    kind, count, division = (int.from_bytes(data[at : at + 2]) for at in (8, 10, 12))
    if kind > 1:
        raise MidiError(f"format {kind} is not 0 or 1: its tracks are not one piece")
    if division == 0 or division >= 0x8000:
        raise MidiError(f"division 0x{division:04X} is not ticks per quarter note")
    if count == 0:
        raise MidiError("the header announces no track")
    tracks = _split_tracks(data, 8 + header, count)
    return b"MThd\x00\x00\x00\x06" + data[8:14] + b"".join(tracks)


def _split_tracks(data: bytes, position: int, count: int) -> list[bytes]:
    """Return `count` whole track chunks from position `at` on; chunks of other kinds are skipped, as the standard says.

    Raises:
        MidiError: there are fewer, or one is not a row of events.
    """
    tracks: list[bytes] = []
    while len(tracks) < count:
        end = position + 8 + int.from_bytes(data[position + 4 : position + 8])
        if len(data) < position + 8 or end > len(data):
            raise MidiError(f"cut at byte {len(data)}: {len(tracks)} of {count} tracks are whole")
        if data[position : position + 4] == b"MTrk":
            _check_events(data, position + 8, end)
            tracks.append(data[position:end])
        position = end
    return tracks


def _check_events(data: bytes, position: int, end: int) -> None:
    """Step over every event of a track.

    Raises:
        MidiError: the byte where something is that is no event.
    """
    running = 0
    while position < end:
        if running and (events := _EVENTS[running].match(data, position, end)):
            position = events.end()
            continue
        body = _skip_varint(data, position, end)
        status = data[body] if body < end else 0
        if status in (_META, _SYSEX, _ESCAPE):
            position = _skip_blob(data, body + (2 if status == _META else 1), end)
            # A meta event ends running status in the standard; readers let it go on, so it may go on here.
            running = running if status == _META else 0
            continue
        # Events of the kind announced by the status are matched by the next turn, unless the status says nothing new.
        kind = {0xC: 1, 0xD: 1, 0x8: 2, 0x9: 2, 0xA: 2, 0xB: 2, 0xE: 2}.get(status >> 4, 0)
        if kind in (0, running):
            raise MidiError(f"byte {body}: no MIDI event")
        running = kind


def _skip_varint(data: bytes, position: int, end: int) -> int:
    """Return the position after a number of variable length (four bytes at most).

    Raises:
        MidiError: it is longer or cut.
    """
    found = _VARINT.match(data, position, end)
    if not found:
        raise MidiError(f"byte {position}: no number of one to four bytes")
    return found.end()


def _skip_blob(data: bytes, position: int, end: int) -> int:
    """Return the position after a length and so many bytes.

    Raises:
        MidiError: the bytes run over the end of the track.
    """
    start = _skip_varint(data, position, end)
    length = 0
    for byte in data[position:start]:
        length = length << 7 | byte & 0x7F
    if start + length > end:
        raise MidiError(f"byte {position}: {length:,} bytes run over the end of the track")
    return start + length
