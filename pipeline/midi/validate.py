"""A check of the structure of a MIDI file, before a reader parses it.

MIDI readers trust their input: with a file that is cut or hostile they run for minutes, take gigabytes or return wrong
notes. Here the length of every chunk and every event is checked first, in time linear in the bytes. A sound file passes
as it is. In others, what can be skipped is skipped and counted (`repair`), so that every reader gets the same bytes: a
header of six bytes and complete tracks of sound events.

Source: Standard MIDI Files 1.0, RP-001, MIDI Manufacturers Association, 1996.
"""

import re
import stat
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pipeline.core.errors import MidiError
from pipeline.midi import events
from pipeline.midi.chunks import find_chunks, write_chunks
from pipeline.midi.events import ESCAPE, META, NUM_DATA_BYTES, SYSEX
from pipeline.midi.repair import Fix, repair_track

MAX_FILE_BYTES = 8 * 2**20
"""Bytes; about 20 hours of dense piano. Readers need 100 times as much memory."""
MAX_TICK = 2**31 - 1
"""Of a track; symusic counts ticks in 32 bits, and starts at 0 again after 2**32."""
_SHORT_DELTA = rb"[\x80-\x9f]?[\x00-\x7f]"
_MAX_TICKS_PER_BYTE = 2**12 / 3
"""Of events with a short delta time: at most 4,095 ticks in three bytes."""
_EVENT = {
    1: rb"[\xc0-\xdf]?[\x00-\x7f]",
    2: rb"[\x80-\xbf\xe0-\xef]?[\x00-\x7f]{2}",
}
"""By the number of data bytes: status, unless it is running, and data."""
_ONE_EVENT = {length: re.compile(event) for length, event in _EVENT.items()}
# At most a thousand events in one match: the regex engine keeps a position for each, and a file must not decide how much
# memory that takes.
_EVENTS = {
    length: re.compile(rb"(?:" + _SHORT_DELTA + event + rb"){1,1000}")
    for length, event in _EVENT.items()
}
_LONG_RUN = 3000
"""Bytes of a match of `_EVENTS`, from which on the next bytes are checked with NumPy; that takes a fifth of the time."""
_MAX_RUN = 2**16
"""Bytes that are checked at once. One that is not sound ends the run, so a file must not decide how many are in vain."""
_CAN_PRECEDE_DATA = np.zeros(256, bool)
"""[256] whether a byte may precede the first data byte of an event: the end of its delta time, or its status."""
_CAN_PRECEDE_DATA[:0xC0] = _CAN_PRECEDE_DATA[0xE0:0xF0] = True


@dataclass(frozen=True)
class CleanMidi:
    """A MIDI file that every reader can read."""

    data: bytes
    """The file itself, if it was sound."""
    fixes: tuple[Fix, ...] = ()
    """What was skipped."""
    has_split_channels: bool = False
    """Whether the notes and the pedal of one channel may be in several tracks or programs."""


@dataclass
class _TrackScan:
    """What is known of a track of sound events."""

    max_tick: float
    """It ends at this tick at the latest."""
    has_notes: bool = False
    """Whether it has notes or controls: an event of two data bytes."""
    has_late_program: bool = False
    """Whether a program may change after a note."""


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


def validate_midi(data: bytes) -> CleanMidi:
    """Return a MIDI file that every reader can read.

    Raises:
        MidiError: the file is no MIDI file, is cut, is larger than `MAX_FILE_BYTES`, has several independent patterns
            (format 2), SMPTE time, more ticks than `MAX_TICK`, or damage that cannot be skipped.
    """
    _check_size(len(data))
    chunks = find_chunks(data)
    fixes = list(chunks.fixes)
    tracks: list[bytes] = []
    scans: list[_TrackScan] = []
    for number, (start, end) in enumerate(chunks.spans, 1):
        track, scan, track_fixes = _clean_track(data, start, end, number)
        tracks.append(track)
        scans.append(scan)
        fixes += track_fixes
    num_with_notes = sum(scan.has_notes for scan in scans)
    has_split_channels = num_with_notes > 1 or any(scan.has_late_program for scan in scans)
    if not fixes and 14 + sum(8 + len(track) for track in tracks) == len(data):
        return CleanMidi(data, (), has_split_channels)
    clean = write_chunks(chunks.midi_format, chunks.division, tracks)
    return CleanMidi(clean, tuple(fixes), has_split_channels)


def _clean_track(
    data: bytes, start: int, end: int, number: int
) -> tuple[bytes, _TrackScan, list[Fix]]:
    """Return the sound events of a track, what is known of them, and what was skipped."""
    track = data[start:end]
    fixes: list[Fix] = []
    scan = _scan_events(data, start, end)
    if scan is None:
        track, fixes = repair_track(data, start, end, number)
        scan = _scan_events(track, 0, len(track))
        if scan is None:
            raise MidiError(f"track {number}: no MIDI events")  # a fault of `repair_track`
    if scan.max_tick > MAX_TICK:
        _check_ticks(track, number)
    return track, scan, fixes


def _check_ticks(track: bytes, number: int) -> None:
    """Refuse a track whose ticks overflow in a reader."""
    last = events.find_last_tick(track, 0, len(track))
    if last > MAX_TICK:
        raise MidiError(
            f"track {number}: its delta times add up to {last:,} ticks, more than 31 bits can count ({MAX_TICK:,})"
        )


def _scan_events(data: bytes, position: int, end: int) -> _TrackScan | None:
    """Return what is known of a track, or None if it has anything but sound events."""
    scan = _TrackScan(_MAX_TICKS_PER_BYTE * (end - position))
    running = 0  # data bytes of the running status; 0 where there is none
    while position < end:
        if running and (match := _EVENTS[running].match(data, position, end)):
            is_long = running == 2 and match.end() - position >= _LONG_RUN
            position = match.end()
            if is_long:
                position = _skip_two_byte_events(data, position, end)
            continue
        delta, body = events.read_varint(data, position, end)
        if body in (-1, end):
            return None
        scan.max_tick += delta
        if data[body] >= SYSEX:
            # In the standard a meta event ends running status; readers continue it, so it is allowed here.
            running = running if data[body] == META else 0
            position = _skip_system_event(data, body, end)
        else:
            running = NUM_DATA_BYTES.get(data[body] >> 4, running)
            scan.has_late_program |= running == 1 and scan.has_notes
            scan.has_notes |= running == 2
            match = _ONE_EVENT[running].match(data, body, end) if running else None
            position = match.end() if match else -1
        if position < 0:
            return None
    return scan


def _skip_two_byte_events(data: bytes, position: int, end: int) -> int:
    """Return the position after a run of sound events of two data bytes and a short delta time, as `_EVENTS[2]` skips.

    Such an event has three bytes below 0x80: the end of its delta time, and its data. Where only bytes that may be
    there are between them, the event is sound. The event before `position` is one of the same kind.
    """
    start = position - 1  # the last byte of the event before
    window = np.frombuffer(data, np.uint8, min(end - start, _MAX_RUN), start)
    low = np.flatnonzero(window < 0x80)
    num_events = (len(low) - 1) // 3
    before, time, first, second = (low[at : at + 3 * num_events : 3] for at in range(4))
    is_sound = (
        (time - before <= 2)
        & (window[time - 1] < 0xA0)
        & (first - time <= 2)
        & _CAN_PRECEDE_DATA[window[first - 1]]
        & (second - first == 1)
    )
    num_sound = num_events if is_sound.all() else int(np.argmin(is_sound))
    return position + int(low[3 * num_sound])


def _skip_system_event(data: bytes, body: int, end: int) -> int:
    """Return the position after a sound meta or system exclusive event, whose status is at `body`; -1 for any other."""
    status, kind_position = data[body], body + 1
    if status not in (META, SYSEX, ESCAPE) or kind_position == end:
        return -1
    length, start = events.read_varint(data, kind_position + (status == META), end)
    stop = start + length
    if start < 0 or stop > end:
        return -1
    if status != META:
        return stop
    kind = data[kind_position]
    is_sound = events.is_meta_sound(kind, data[start:stop])
    is_early_end = kind == events.END_OF_TRACK and stop < end
    return stop if is_sound and not is_early_end else -1
