"""What is read of one MIDI file of a corpus: its notes, and what it has beside them."""

from dataclasses import dataclass

from pipeline.config.schema import IngestConfig
from pipeline.core.errors import MidiError
from pipeline.midi.instruments import Instrument, list_instruments, select_instruments
from pipeline.midi.reader import read_notes
from pipeline.notes.note import Notes


@dataclass(frozen=True)
class PieceContent:
    """What is read of a file."""

    notes: Notes
    instruments: list[Instrument]
    """All that the file has; empty where only pretty_midi reads it."""
    chosen: list[Instrument]
    """Those of which the notes are."""


def read_content(data: bytes, config: IngestConfig) -> PieceContent:
    """Read a MIDI file.

    Raises:
        MidiError: it is no sound MIDI file, or has no notes of the chosen instruments.
    """
    chosen_data = select_instruments(data, config.instruments)
    notes = read_notes(chosen_data, config.reader, config.sustain_pedal)
    try:
        instruments = list_instruments(data)
        chosen = list_instruments(chosen_data) if chosen_data is not data else instruments
    except MidiError:
        return PieceContent(notes, [], [])
    return PieceContent(notes, instruments, [part for part in chosen if not part.is_drum])
