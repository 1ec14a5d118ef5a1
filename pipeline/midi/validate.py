"""A check of the structure of a MIDI file, before a reader parses it.

MIDI readers trust their input: with a file that is cut or hostile they run for minutes, take gigabytes or return wrong
notes. Here the length of every chunk and every event is checked first, in time linear in the bytes. The readers get
only a header of six bytes and the complete tracks that it announces.

Source: Standard MIDI Files 1.0, RP-001, MIDI Manufacturers Association, 1996.
"""

import re
import stat
import struct
from pathlib import Path

from pipeline.core.errors import MidiError

MAX_FILE_BYTES = 8 * 2**20
"""Bytes; about 20 hours of dense piano. Readers need 100 times as much memory."""
_DELTA_TIME = rb"[\x80-\xff]{0,3}[\x00-\x7f]"
# Events that follow a status of one and of two data bytes. At most a thousand in one match: the regex engine keeps a
# position for each, and a file must not decide how much memory that takes.
_EVENTS = {
    1: re.compile(rb"(?:" + _DELTA_TIME + rb"[\xc0-\xdf]?[\x00-\x7f]){1,1000}"),
    2: re.compile(rb"(?:" + _DELTA_TIME + rb"[\x80-\xbf\xe0-\xef]?[\x00-\x7f]{2}){1,1000}"),
}
_VARINT = re.compile(_DELTA_TIME)
_NUM_DATA_BYTES = {0x8: 2, 0x9: 2, 0xA: 2, 0xB: 2, 0xC: 1, 0xD: 1, 0xE: 2}
"""By the upper four bits of a status."""
_META, _SYSEX, _ESCAPE = 0xFF, 0xF0, 0xF7


def read_file(path: Path) -> bytes:
    """Return the bytes of a file that a user gives as MIDI, if its size and type allow.

    Raises:
        MidiError: it is larger than `MAX_FILE_BYTES`, or a pipe or device, which may never end.
        OSError: it does not exist, or may not be read.
    """
    info = path.stat()
    if not stat.S_ISREG(info.st_mode) and not stat.S_ISDIR(info.st_mode):
        raise MidiError("a pipe or device is no file")
    _check_size(info.st_size)
    with path.open("rb") as file:
        return file.read(
            MAX_FILE_BYTES + 1
        )  # it may have grown; `validate_midi` checks the size again


def _check_size(size: int) -> None:
    if size > MAX_FILE_BYTES:
        raise MidiError(f"{size:,} bytes are more than the {MAX_FILE_BYTES:,} allowed")


def validate_midi(data: bytes) -> bytes:
    """Return the header and the complete tracks of a MIDI file, without chunks that a reader must skip.

    Raises:
        MidiError: the file is no MIDI file, is cut, is larger than `MAX_FILE_BYTES`, is of format 2 (independent
            patterns) or has SMPTE time.
    """
    _check_size(len(data))
    if data[:4] != b"MThd":
        raise MidiError(f"starts with {data[:4]!r}, not with MThd" if data else "the file is empty")
    header_length = int.from_bytes(data[4:8])
    if header_length < 6 or len(data) < 8 + header_length:
        raise MidiError(f"the header of {len(data)} bytes is cut")
    midi_format, num_tracks, division = struct.unpack(">HHH", data[8:14])
    if midi_format > 1:
        raise MidiError(f"format {midi_format} is not 0 or 1: its tracks are not one piece")
    if division == 0 or division >= 0x8000:
        raise MidiError(f"division 0x{division:04X} is not ticks per quarter note")
    if num_tracks == 0:
        raise MidiError("the header announces no track")
    tracks = _split_tracks(data, 8 + header_length, num_tracks)
    return b"MThd\x00\x00\x00\x06" + data[8:14] + b"".join(tracks)


def _split_tracks(data: bytes, position: int, count: int) -> list[bytes]:
    """Return `count` complete track chunks from a position on; chunks of other types are skipped, as in the standard.

    Raises:
        MidiError: there are fewer, or one does not consist of events.
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
    """Check every event of a track.

    Raises:
        MidiError: there is something else than an event; names the byte.
    """
    running = 0  # data bytes of the running status; 0 where there is none
    while position < end:
        if running and (events := _EVENTS[running].match(data, position, end)):
            position = events.end()
            continue
        body = _skip_varint(data, position, end)
        status = data[body] if body < end else 0
        if status in (_META, _SYSEX, _ESCAPE):
            position = _skip_blob(data, body + (2 if status == _META else 1), end)
            # In the standard a meta event ends running status; readers continue it, so it is allowed here.
            running = running if status == _META else 0
            continue
        # The next iteration matches the events of this status. If they are as long as those before, that match failed.
        num_data_bytes = _NUM_DATA_BYTES.get(status >> 4, 0)
        if num_data_bytes in (0, running):
            raise MidiError(f"byte {body}: no MIDI event")
        running = num_data_bytes


def _skip_varint(data: bytes, position: int, end: int) -> int:
    """Return the position after a variable-length number of at most four bytes.

    Raises:
        MidiError: it is longer or cut.
    """
    match = _VARINT.match(data, position, end)
    if not match:
        raise MidiError(f"byte {position}: no number of one to four bytes")
    return match.end()


def _skip_blob(data: bytes, position: int, end: int) -> int:
    """Return the position after a length and as many bytes.

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
