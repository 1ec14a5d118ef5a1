"""Damage in the tracks of a MIDI file: what is skipped and counted, and what is refused.

An event whose length is known can be skipped, and all others keep their times. So these are fixed: bytes after End of
Track, system real-time and system common events, a data byte over 127, a channel event that the end of its track cuts,
and a tempo, time signature or key signature that means nothing. Where the length of an event is not known, nothing
after it can be trusted, and the file is refused; so it is where the bytes of End of Track are inside another event.

A damaged note on or note off is a lost note. `check_lost_notes` refuses a file that loses more than `MAX_LOST_SHARE`.
"""

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from pipeline.core.errors import MidiError
from pipeline.midi import events
from pipeline.midi.events import META, NUM_DATA_BYTES

MAX_LOST_SHARE = 0.01
"""Of the notes of a file; one note may always be lost."""
MAX_SKIPPED = 1_000_000
"""Events of a track; a MIDI clock at 120 beats a minute sends 172,800 an hour."""
AFTER_END = "bytes after End of Track"
REAL_TIME = "system real-time bytes"
SYSTEM_COMMON = "system common events"
OVER_127 = "events with a data byte over 127"
NOTE_OVER_127 = "note events with a data byte over 127"
CUT = "events cut by the end of the track"
NOTE_CUT = "note events cut by the end of the track"
BAD_META = "tempo, time or key signatures without a valid value"
LOST_NOTES = (NOTE_OVER_127, NOTE_CUT)
_SYSTEM_COMMON_LENGTHS = {0xF1: 1, 0xF2: 2, 0xF3: 1, 0xF6: 0}
_SOUND_EVENTS = {
    1: re.compile(rb"(?:[\x80-\xff]{0,3}[\x00-\x7f]([\xc0-\xdf])?[\x00-\x7f]){1,1000}"),
    2: re.compile(rb"(?:[\x80-\xff]{0,3}[\x00-\x7f]([\x80-\xbf\xe0-\xef])?[\x00-\x7f]{2}){1,1000}"),
}
"""By the number of data bytes; the group is the last status, if there is one."""
_END_OF_TRACK = b"\xff\x2f\x00"
_RELEASE = b"\x40"
"""Velocity of a note off, where that of the file is damaged; no reader keeps it."""


@dataclass(frozen=True)
class Fix:
    """Damage of one kind, in one track, that was skipped."""

    cause: str
    count: int
    byte: int
    """Where in the file the first is."""
    track: int = 0
    """From 1; 0 is the file outside its tracks."""

    def __str__(self) -> str:
        """Return the place of the first, how many, and the cause."""
        place = f"track {self.track}, " if self.track else ""
        return f"{place}byte {self.byte:,}: {self.cause} ({self.count:,})"


def check_lost_notes(fixes: Iterable[Fix], num_notes: int) -> None:
    """Refuse a file in which damage of notes is no exception.

    Raises:
        MidiError: more notes are lost than `MAX_LOST_SHARE` of those that were read, and more than one.
    """
    lost = [fix for fix in fixes if fix.cause in LOST_NOTES]
    num_lost = sum(fix.count for fix in lost)
    if num_lost > max(1, MAX_LOST_SHARE * num_notes):
        raise MidiError(
            f"{num_lost:,} damaged note events beside {num_notes:,} sound notes are more than {MAX_LOST_SHARE:.0%}; "
            f"{lost[0]}"
        )


def repair_track(data: bytes, start: int, end: int, number: int) -> tuple[bytes, list[Fix]]:
    """Return the sound events of a track, and what was skipped.

    Args:
        data: the file.
        start: where the events of the track begin.
        end: where they end.
        number: the number of the track, from 1.

    Raises:
        MidiError: the length of an event is not known, or there is more damage than `MAX_SKIPPED`; names the byte.
    """
    repair = _TrackRepair(data, start, end, number)
    while repair.position < end:
        repair.keep_sound_events()
        repair.read_event()
    causes = repair.first_byte.items()
    return b"".join(repair.kept), [
        Fix(cause, repair.counts[cause], byte, number) for cause, byte in causes
    ]


@dataclass
class _TrackRepair:
    """A track that is read event by event."""

    data: bytes
    position: int
    end: int
    number: int
    running: int = 0
    """The running status; 0 where there is none."""
    skipped_ticks: int = 0
    """Delta times of skipped events, which the next event gets."""
    has_skipped: bool = False
    """Whether the event before was skipped, so that the next must state its status."""
    kept: list[bytes] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    first_byte: dict[str, int] = field(default_factory=dict)

    def keep_sound_events(self) -> None:
        """Keep the next events at once, as long as they are sound and as long as the event before."""
        if not self.running or self.has_skipped:
            return
        pattern = _SOUND_EVENTS[NUM_DATA_BYTES[self.running >> 4]]
        while match := pattern.match(self.data, self.position, self.end):
            self.kept.append(match[0])
            self.running = match[1][0] if match[1] else self.running
            self.position = match.end()

    def read_event(self) -> None:
        """Keep or skip the next event."""
        if self.position == self.end:
            return
        delta, body = events.read_varint(self.data, self.position, self.end)
        if body < 0 and self.end - self.position >= 4:
            raise self._refuse(self.position, "a delta time of more than four bytes")
        if body in (-1, self.end):
            self._skip_cut_event(CUT)
            return
        status = self.data[body]
        if status == META:
            self._read_meta(delta, body)
        elif status in (events.SYSEX, events.ESCAPE):
            self._keep(delta, body, self._skip_payload(body + 1))
            self.running = 0
        elif status > events.SYSEX:
            self._skip_system_event(delta, body, status)
        else:
            self._read_channel_event(delta, body, status)

    def _read_meta(self, delta: int, body: int) -> None:
        if body + 1 == self.end:
            raise self._refuse(body, "a meta event is cut by the end of the track")
        kind = self.data[body + 1]
        stop = self._skip_payload(body + 2)
        _, start = events.read_varint(self.data, body + 2, self.end)
        if kind == events.END_OF_TRACK:
            self._keep(delta, body, body + 2)
            self.kept.append(b"\x00")
            if start < self.end:
                self._count(AFTER_END, start, self.end - start)
            self.position = self.end
        elif events.is_meta_sound(kind, self.data[start:stop]):
            self._keep(delta, body, stop)
        else:
            self._skip(BAD_META, delta, stop)

    def _skip_payload(self, position: int) -> int:
        """Return the position after a length and as many bytes."""
        length, start = events.read_varint(self.data, position, self.end)
        if start < 0:
            raise self._refuse(position, "no length of one to four bytes")
        if start + length > self.end:
            raise self._refuse(position, f"{length:,} bytes run over the end of the track")
        return start + length

    def _skip_system_event(self, delta: int, body: int, status: int) -> None:
        if status > 0xF7:
            self._skip(REAL_TIME, delta, body + 1)
        elif status in _SYSTEM_COMMON_LENGTHS:
            self._skip(SYSTEM_COMMON, delta, body + 1 + _SYSTEM_COMMON_LENGTHS[status])
            self.running = 0
        else:
            raise self._refuse(body, f"0x{status:02X} is no status")

    def _read_channel_event(self, delta: int, body: int, status: int) -> None:
        start = body + 1 if status >= 0x80 else body
        self.running = status if status >= 0x80 else self.running
        if not self.running:
            raise self._refuse(body, f"0x{status:02X} is a data byte, and no status is before it")
        kind = self.running >> 4
        stop = start + NUM_DATA_BYTES[kind]
        values = self.data[start:stop]
        is_note = kind in (events.NOTE_OFF, events.NOTE_ON)
        if stop > self.end:
            self._skip_cut_event(NOTE_CUT if is_note else CUT)
        elif max(values) < 0x80:
            self._keep(delta, body, stop)
        elif kind == events.NOTE_OFF and values[0] < 0x80:
            self._count(OVER_127, self.position)
            self._keep(delta, body, start + 1)
            self.kept.append(_RELEASE)
            self.position = stop
        else:
            self._skip(NOTE_OVER_127 if is_note else OVER_127, delta, stop)

    def _skip_cut_event(self, cause: str) -> None:
        """Skip the last event, unless it is cut because damage before it has taken bytes of other events."""
        last_bytes = self.data[self.end - len(_END_OF_TRACK) : self.end]
        if last_bytes == _END_OF_TRACK:
            raise self._refuse(self.position, "End of Track is inside another event")
        self._skip(cause, 0, self.end)

    def _keep(self, delta: int, body: int, stop: int) -> None:
        """Keep the event that begins at `position`, whose status or first data byte is at `body`."""
        if self.has_skipped:
            delta += self.skipped_ticks
            if delta > events.MAX_DELTA:
                raise self._refuse(body, f"{delta:,} ticks without a sound event")
            needs_status = self.data[body] < 0x80
            self.kept.append(events.write_varint(delta))
            self.kept.append(bytes([self.running]) if needs_status else b"")
            self.kept.append(self.data[body:stop])
        else:
            self.kept.append(self.data[self.position : stop])
        self.has_skipped, self.skipped_ticks, self.position = False, 0, stop

    def _skip(self, cause: str, delta: int, stop: int) -> None:
        self._count(cause, self.position)
        self.has_skipped, self.position = True, stop
        self.skipped_ticks += delta
        if self.counts.total() > MAX_SKIPPED:
            raise self._refuse(stop, f"more than {MAX_SKIPPED:,} damaged events")

    def _count(self, cause: str, byte: int, count: int = 1) -> None:
        self.counts[cause] += count
        self.first_byte.setdefault(cause, byte)

    def _refuse(self, byte: int, problem: str) -> MidiError:
        return MidiError(f"track {self.number}, byte {byte:,}: {problem}")
