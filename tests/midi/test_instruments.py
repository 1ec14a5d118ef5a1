"""Which instruments a file has, and the choice of some of them."""

import io

import mido
import pytest
from factories import make_band_midi, make_pedal_midi

from pipeline.core.errors import MidiError
from pipeline.midi import instruments, reader
from pipeline.midi.instruments import Instrument

BAND = make_band_midi(
    (0, 0, "Right hand", 60),
    (0, 0, "Left hand", 30),
    (1, 33, "Bass", 20),
    (2, 6, "Harpsichord", 80),
    (9, 0, "Drums", 40),
)


def read_pitches(chosen: str | list[str], name: reader.Reader = "symusic") -> set[int]:
    """Return the lowest pitch of each part that is read."""
    notes = reader.read_notes(instruments.select_instruments(BAND, chosen), name)
    return {int(pitch) for pitch in notes["pitch"]} & {20, 30, 40, 60, 80}


def test_instruments_are_listed_with_their_notes_and_drums_apart() -> None:
    parts = instruments.list_instruments(BAND)
    assert parts == [
        Instrument(0, False, 10),
        Instrument(0, False, 10),
        Instrument(33, False, 10),
        Instrument(6, False, 10),
        Instrument(0, True, 10),
    ]
    assert [part.name for part in parts[2:]] == ["Electric Bass (finger)", "Harpsichord", "drums"]


@pytest.mark.parametrize("name", ["symusic", "pretty_midi"])
@pytest.mark.parametrize(
    ("chosen", "pitches"),
    [
        ("all", {20, 30, 60, 80}),
        ("piano", {30, 60, 80}),
        (["program 33"], {20}),
        (["channel 1"], {30, 60}),
        (["track left HAND"], {30}),
        (["channel 3", "track Bass"], {20, 80}),
    ],
)
def test_only_chosen_instruments_are_read(
    name: reader.Reader, chosen: str | list[str], pitches: set[int]
) -> None:
    assert read_pitches(chosen, name) == pitches


def test_all_changes_no_byte() -> None:
    assert instruments.select_instruments(BAND, "all") is BAND


@pytest.mark.parametrize("chosen", [["program 99"], ["track Drums"]])
def test_no_note_of_the_choice_names_what_the_file_has(chosen: list[str]) -> None:
    with pytest.raises(
        MidiError, match=r"no note of ingest\.instruments; .* program 33 \(Electric"
    ):
        instruments.select_instruments(BAND, chosen)


def test_what_stays_keeps_its_times_and_its_pedal() -> None:
    chosen = instruments.select_instruments(make_pedal_midi(), "piano")
    notes = reader.read_notes(chosen, "symusic", sustain_pedal=True)
    assert notes["onset"].tolist() == [0.0, 1.0]
    assert notes["duration"].tolist() == [1.0, 0.5]


def test_a_program_that_changes_on_another_track_is_followed_in_time() -> None:
    file = mido.MidiFile()
    programs = mido.MidiTrack([mido.Message("program_change", program=40, time=200)])
    notes = mido.MidiTrack()
    for pitch in (60, 61, 62):
        notes.append(mido.Message("note_on", note=pitch, velocity=64))
        notes.append(mido.Message("note_off", note=pitch, time=120))
    file.tracks += [programs, notes]
    data = io.BytesIO()
    file.save(file=data)
    read = reader.read_notes(instruments.select_instruments(data.getvalue(), "piano"), "symusic")
    assert read["pitch"].tolist() == [60, 61]


def test_a_file_that_is_no_midi_is_refused() -> None:
    for chosen in ("piano", ["channel 1"]):
        with pytest.raises(MidiError, match="MThd"):
            instruments.select_instruments(b"text", chosen)
    with pytest.raises(MidiError, match="MThd"):
        instruments.list_instruments(b"text")
