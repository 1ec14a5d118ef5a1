"""What is read of one MIDI file of a corpus: its notes, and what a summary and the search for copies need of it."""

import hashlib
from dataclasses import dataclass

from pipeline.config.schema import IngestConfig
from pipeline.core.errors import MidiError
from pipeline.corpus.sketches import Sketch, compute_sketch
from pipeline.midi.instruments import Instrument, list_instruments, select_instruments
from pipeline.midi.reader import read_midi
from pipeline.midi.repair import Fix
from pipeline.midi.validate import validate_midi
from pipeline.notes.note import Notes


@dataclass(frozen=True, slots=True)
class PieceFacts:
    """What is known of a file beside its notes."""

    num_notes: int
    duration: float
    """When the last note ends [s]."""
    notes_hash: bytes
    """Equal for files with the same notes."""
    sketch: Sketch
    """See `sketches`."""
    instruments: list[Instrument]
    """All that the file has; empty where only pretty_midi reads it."""
    chosen: list[Instrument]
    """Those of which the notes are."""
    fixes: tuple[Fix, ...] = ()
    """Damage in the file that was skipped."""


@dataclass(frozen=True)
class PieceContent:
    """What is read of a file."""

    notes: Notes
    facts: PieceFacts


def read_content(data: bytes, config: IngestConfig) -> PieceContent:
    """Read a MIDI file.

    Raises:
        MidiError: it is no sound MIDI file, or has no notes of the chosen instruments.
    """
    chosen_data = select_instruments(data, config.instruments)
    music = read_midi(chosen_data, config.reader, config.sustain_pedal)
    notes = music.notes
    fixes = music.fixes if chosen_data is data else validate_midi(data).fixes
    instruments, chosen = _list_both(data, chosen_data, music.instruments)
    facts = PieceFacts(
        num_notes=len(notes),
        duration=float((notes["onset"] + notes["duration"]).max()),
        notes_hash=hashlib.sha256(notes.tobytes()).digest(),
        sketch=compute_sketch(notes),
        instruments=instruments,
        chosen=[part for part in chosen if not part.is_drum],
        fixes=fixes,
    )
    return PieceContent(notes, facts)


def _list_both(
    data: bytes, chosen_data: bytes, chosen: list[Instrument] | None
) -> tuple[list[Instrument], list[Instrument]]:
    """Return the instruments of a file and of what is chosen of it; none of a file that symusic cannot read.

    Args:
        data: the file.
        chosen_data: what is chosen of it.
        chosen: the instruments of `chosen_data`, where they are known already.
    """
    try:
        chosen = list_instruments(chosen_data) if chosen is None else chosen
        return chosen if chosen_data is data else list_instruments(data), chosen
    except MidiError:
        return [], []
