"""Which instruments a MIDI file has, and the choice of some of them.

Instruments are chosen before a reader sees the file: note ons of the others are taken out of its bytes. Pedal, tempo and
note offs stay, so that what is chosen is read as before. Channels count from 1, programs from 0, as files have them.
"""

from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from pipeline.core.errors import MidiError
from pipeline.midi.chunks import find_chunks, write_chunks
from pipeline.midi.events import (
    META,
    NOTE_ON,
    PROGRAM_CHANGE,
    Event,
    iterate_events,
    read_varint,
    write_varint,
)
from pipeline.midi.validate import validate_midi

PIANO_PROGRAMS = range(8)
"""Programs of the piano family of General MIDI: grand, electric, harpsichord, clavinet."""
DRUM_CHANNEL = 9
"""Counted from 0, as in the bytes."""
TRACK_NAME = 0x03
"""Type of the meta event."""
ProgramChanges = dict[int, list[tuple[int, int]]]
"""channel: (tick, program) of each change, in order."""
Track = list[Event]
IsChosen = Callable[[int, int, str], bool]
"""Whether notes of a channel (from 0), program and track name are chosen."""


@dataclass(frozen=True)
class Instrument:
    """Notes of one program on one track."""

    program: int
    """0 to 127, of General MIDI; 0 for drums."""
    is_drum: bool
    num_notes: int

    @property
    def name(self) -> str:
        """Return its name in General MIDI."""
        from pretty_midi import program_to_instrument_name

        return "drums" if self.is_drum else str(program_to_instrument_name(self.program))


def list_instruments(data: bytes) -> list[Instrument]:
    """Return the instruments of a MIDI file that have notes; notes without a length count here.

    Raises:
        MidiError: the file is not a sound MIDI file.
    """
    from symusic import Score

    try:
        tracks = Score.from_midi(validate_midi(data).data, ttype="tick").tracks
    except (MidiError, MemoryError):
        raise
    except Exception as error:  # symusic raises many unrelated types
        raise MidiError(f"symusic: {' '.join(str(error).split())[:200]}") from error
    return count_notes(tracks)


def count_notes(tracks: Iterable[Any]) -> list[Instrument]:
    """Return the instruments of tracks that have notes; tracks are those of symusic or pretty_midi."""
    counted = [Instrument(track.program, track.is_drum, len(track.notes)) for track in tracks]
    return [instrument for instrument in counted if instrument.num_notes]


def select_instruments(data: bytes, instruments: str | Sequence[str]) -> bytes:
    """Return a MIDI file with the notes of some instruments only.

    Args:
        data: the bytes of a MIDI file.
        instruments: `all`, which changes nothing; `piano`; or a list, see `IngestConfig.instruments`.

    Raises:
        MidiError: the file is not a sound MIDI file, or has no note of these instruments.
    """
    if instruments == "all":
        return data
    clean = validate_midi(data).data
    file = find_chunks(clean)
    tracks = [list(iterate_events(clean, *span)) for span in file.spans]
    kept = _keep_chosen_notes(tracks, _make_choice(instruments))
    if not any(_is_note_on(event) for track in kept for event in track):
        raise MidiError(f"no note of ingest.instruments; the file has {_describe_parts(data)}")
    return write_chunks(file.midi_format, file.division, list(map(_write_track, kept)))


def _make_choice(instruments: str | Sequence[str]) -> IsChosen:
    """Return the function that says whether a note is chosen."""
    if instruments == "piano":
        return lambda channel, program, name: program in PIANO_PROGRAMS
    entries = {entry.casefold() for entry in instruments}

    def is_chosen(channel: int, program: int, name: str) -> bool:
        names = {f"channel {channel + 1}", f"program {program}", f"track {name.casefold()}"}
        return bool(names & entries)

    return is_chosen


def _keep_chosen_notes(tracks: Sequence[Track], is_chosen: IsChosen) -> list[Track]:
    """Return the tracks without the note ons that are not chosen."""
    changes = _collect_program_changes(tracks)

    def is_kept(event: Event, name: str) -> bool:
        channel = event.status & 0xF
        if not _is_note_on(event):
            return True
        program = _find_program(changes, channel, event.tick)
        return channel != DRUM_CHANNEL and is_chosen(channel, program, name)

    kept = []
    for track in tracks:
        name = _find_track_name(track)
        kept.append([event for event in track if is_kept(event, name)])
    return kept


def _is_note_on(event: Event) -> bool:
    return event.status >> 4 == NOTE_ON and event.content[1] > 0


def _find_track_name(track: Track) -> str:
    """Return the name of a track, or an empty text."""
    for event in track:
        if event.status == META and event.content[0] == TRACK_NAME:
            _, start = read_varint(event.content, 1, len(event.content))
            return event.content[start:].decode("utf-8", "replace").strip()
    return ""


def _write_track(track: Track) -> bytes:
    """Return the events of a track as bytes."""
    parts: list[bytes] = []
    tick = 0
    for event in track:
        parts += [write_varint(event.tick - tick), bytes([event.status]), event.content]
        tick = event.tick
    return b"".join(parts)


def _collect_program_changes(tracks: Sequence[Track]) -> ProgramChanges:
    """Return the program changes of each channel, of all tracks, in order of time."""
    changes: ProgramChanges = {}
    for event in (event for track in tracks for event in track):
        if event.status >> 4 == PROGRAM_CHANGE:
            changes.setdefault(event.status & 0xF, []).append((event.tick, event.content[0]))
    return {channel: sorted(values) for channel, values in changes.items()}


def _find_program(changes: ProgramChanges, channel: int, tick: int) -> int:
    """Return the program of a channel at a tick; 0, the grand piano, before the first change."""
    values = changes.get(channel, [])
    index = bisect_right(values, (tick, 128))
    return values[index - 1][1] if index else 0


def _describe_parts(data: bytes) -> str:
    """Return the instruments of a file in one line."""
    names = {
        part.name if part.is_drum else f"program {part.program} ({part.name})"
        for part in list_instruments(data)
    }
    return ", ".join(sorted(names)) or "no notes"
