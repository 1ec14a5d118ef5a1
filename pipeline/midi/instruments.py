"""Which instruments a MIDI file has, and the choice of some of them.

Instruments are chosen before a reader sees the file: note ons of the others are taken out of its bytes. Pedal, tempo and
note offs stay, so that what is chosen is read as before. Channels count from 1, programs from 0, as files have them.
"""

import io
from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipeline.core.errors import MidiError
from pipeline.midi.validate import validate_midi

if TYPE_CHECKING:
    from mido import Message, MidiFile

PIANO_PROGRAMS = range(8)
"""Programs of the piano family of General MIDI: grand, electric, harpsichord, clavinet."""
DRUM_CHANNEL = 9
"""Counted from 0, as in the bytes."""
ProgramChanges = dict[int, list[tuple[int, int]]]
"""channel: (tick, program) of each change, in order."""
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
        tracks = Score.from_midi(validate_midi(data), ttype="tick").tracks
    except (MidiError, MemoryError):
        raise
    except Exception as error:  # symusic raises many unrelated types
        raise MidiError(f"symusic: {' '.join(str(error).split())[:200]}") from error
    return [
        Instrument(track.program, track.is_drum, len(track.notes))
        for track in tracks
        if track.notes
    ]


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
    from mido import MidiFile

    file = MidiFile(file=io.BytesIO(validate_midi(data).data), clip=True)
    if not _remove_other_notes(file, _make_choice(instruments)):
        raise MidiError(f"no note of ingest.instruments; the file has {_describe_parts(data)}")
    out = io.BytesIO()
    file.save(file=out)
    return out.getvalue()


def _make_choice(instruments: str | Sequence[str]) -> IsChosen:
    """Return the function that says whether a note is chosen."""
    if instruments == "piano":
        return lambda channel, program, name: program in PIANO_PROGRAMS
    entries = {entry.casefold() for entry in instruments}

    def is_chosen(channel: int, program: int, name: str) -> bool:
        names = {f"channel {channel + 1}", f"program {program}", f"track {name.casefold()}"}
        return bool(names & entries)

    return is_chosen


def _remove_other_notes(file: "MidiFile", is_chosen: IsChosen) -> int:
    """Remove the note ons that are not chosen; return how many are left."""
    changes = _collect_program_changes(file)
    num_kept = 0
    for track in file.tracks:
        name, tick, gap = track.name.strip(), 0, 0
        kept = []
        for message in track:
            tick += message.time
            if _is_note_on(message):
                channel = message.channel
                program = _find_program(changes, channel, tick)
                if channel == DRUM_CHANNEL or not is_chosen(channel, program, name):
                    gap += message.time
                    continue
                num_kept += 1
            kept.append(message.copy(time=message.time + gap))
            gap = 0
        track[:] = kept
    return num_kept


def _is_note_on(message: "Message") -> bool:
    return bool(message.type == "note_on" and message.velocity)


def _collect_program_changes(file: "MidiFile") -> ProgramChanges:
    """Return the program changes of each channel, of all tracks, in order of time."""
    changes: ProgramChanges = {}
    for track in file.tracks:
        tick = 0
        for message in track:
            tick += message.time
            if message.type == "program_change":
                changes.setdefault(message.channel, []).append((tick, message.program))
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
