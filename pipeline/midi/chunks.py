"""The chunks of a MIDI file: its header and where its tracks are.

Source: Standard MIDI Files 1.0, RP-001; RMID, RP-029, MIDI Manufacturers Association.
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass

from pipeline.core.errors import MidiError
from pipeline.midi.repair import Fix

RIFF_WRAPPER = "RIFF wrapper (RMID)"
MAX_TRACKS = 2**16 - 1
TRACK_COUNT = "wrong number of tracks in the header"
ONE_PATTERN = "format 2 with one track"
AFTER_LAST_TRACK = "bytes after the last track"


@dataclass(frozen=True)
class Chunks:
    """The header of a file, and its tracks."""

    midi_format: int
    """0 or 1."""
    division: int
    """Ticks of a quarter note."""
    spans: list[tuple[int, int]]
    """Where the events of each track begin and end."""
    fixes: list[Fix]


def find_chunks(data: bytes) -> Chunks:
    """Return the header and the tracks of a MIDI file.

    Raises:
        MidiError: the file is no MIDI file, is cut, has no track, several independent patterns (format 2) or SMPTE
            time.
    """
    start, end = _unwrap_riff(data)
    midi_format, num_announced, division, position = _read_header(data, start, end)
    spans, position = _find_tracks(data, position, end, num_announced)
    fixes = [Fix(RIFF_WRAPPER, 1, 0)] if start else []
    if len(spans) != num_announced:
        fixes.append(Fix(TRACK_COUNT, 1, start + 10))
    if midi_format == 2:
        if len(spans) > 1:
            raise MidiError(
                f"byte {start + 8}: the {len(spans):,} tracks of format 2 are not one piece"
            )
        fixes.append(Fix(ONE_PATTERN, 1, start + 8))
        midi_format = 0
    if position < end:
        fixes.append(Fix(AFTER_LAST_TRACK, end - position, position))
    return Chunks(midi_format, division, spans, fixes)


def _read_header(data: bytes, start: int, end: int) -> tuple[int, int, int, int]:
    """Return format, number of tracks, division and where the header ends.

    Raises:
        MidiError: there is no header, or it has another format, no track or SMPTE time.
    """
    if data[start : start + 4] != b"MThd":
        first = _format_bytes(data[start : start + 4])
        raise MidiError(f"starts with {first}, not with MThd" if data else "the file is empty")
    header_length = int.from_bytes(data[start + 4 : start + 8])
    position = start + 8 + header_length
    if header_length < 6 or end < position:
        raise MidiError(f"cut at byte {end:,}: the header is not whole")
    midi_format, num_tracks, division = struct.unpack_from(">HHH", data, start + 8)
    if midi_format > 2:
        raise MidiError(f"byte {start + 8}: format {midi_format} is not 0, 1 or 2")
    if division == 0 or division >= 0x8000:
        raise MidiError(
            f"byte {start + 12}: division 0x{division:04X} is not ticks per quarter note"
        )
    if num_tracks == 0:
        raise MidiError(f"byte {start + 10}: the header announces no track")
    return midi_format, num_tracks, division, position


def _format_bytes(data: bytes) -> str:
    """Return bytes as text in quotes if they are printable, else as hex."""
    is_text = data.isascii() and data.decode("ascii", "replace").isprintable()
    return f'"{data.decode()}"' if is_text else data.hex(" ").upper()


def _unwrap_riff(data: bytes) -> tuple[int, int]:
    """Return where the MIDI file in a RIFF wrapper begins and ends; without one, all of the bytes.

    Raises:
        MidiError: the wrapper is cut or has no MIDI file.
    """
    if data[:4] != b"RIFF" or data[8:12] != b"RMID":
        return 0, len(data)
    position = 12
    while position + 8 <= len(data):
        stop = position + 8 + int.from_bytes(data[position + 4 : position + 8], "little")
        if stop > len(data):
            raise MidiError(f"byte {position:,}: the RIFF wrapper is cut at byte {len(data):,}")
        if data[position : position + 4] == b"data":
            return position + 8, stop
        position = stop + stop % 2  # chunks begin at even bytes
    raise MidiError(f"byte {len(data):,}: the RIFF wrapper has no chunk 'data'")


def _find_tracks(
    data: bytes, position: int, end: int, num_announced: int
) -> tuple[list[tuple[int, int]], int]:
    """Return where the events of each track are, and where the last chunk ends.

    Chunks of other types are skipped, as in the standard. Tracks beyond those announced are read if they are whole.

    Raises:
        MidiError: a chunk is cut, or tracks are missing that a damaged chunk may hold.
    """
    spans: list[tuple[int, int]] = []
    other_chunk = -1
    while position + 8 <= end:
        kind = data[position : position + 4]
        stop = position + 8 + int.from_bytes(data[position + 4 : position + 8])
        is_trailer = len(spans) >= num_announced and not kind.isalpha()
        if stop > end or is_trailer:
            break
        if kind == b"MTrk":
            spans.append((position + 8, stop))
        elif other_chunk < 0:
            other_chunk = position
        position = stop
    whole = f"{len(spans):,} of {num_announced:,} tracks are whole"
    is_short = len(spans) < num_announced
    if not spans or (is_short and position < end):
        raise MidiError(f"cut at byte {end:,}: {whole}")
    if len(spans) > MAX_TRACKS:
        raise MidiError(f"{len(spans):,} tracks are more than a header can count ({MAX_TRACKS:,})")
    if is_short and other_chunk >= 0:
        raise MidiError(f"byte {other_chunk:,}: a chunk that is no track; {whole}")
    return spans, position


def write_chunks(midi_format: int, division: int, tracks: Sequence[bytes]) -> bytes:
    """Return a MIDI file of the events of its tracks."""
    header = b"MThd" + struct.pack(">IHHH", 6, midi_format, len(tracks), division)
    return header + b"".join(b"MTrk" + struct.pack(">I", len(track)) + track for track in tracks)
