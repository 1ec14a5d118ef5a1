"""The notes and facts that are read from one file."""

import pytest
import symusic
from factories import make_band_midi, make_pedal_midi

from pipeline.config.schema import IngestConfig
from pipeline.core.errors import MidiError
from pipeline.corpus import piece_reader
from pipeline.midi import instruments, reader, validate
from pipeline.midi.instruments import Instrument

BAND = make_band_midi((0, 0, "Piano", 60), (1, 33, "Bass", 20), (9, 0, "Drums", 40))


def make_config(**changes: object) -> IngestConfig:
    return IngestConfig.model_validate({"reader": "symusic", "sustain_pedal": False, **changes})


def test_all_pitched_instruments_are_read_and_all_are_listed() -> None:
    content = piece_reader.read_content(BAND, make_config())
    assert len(content.notes) == 20
    assert content.facts.chosen == [Instrument(0, False, 10), Instrument(33, False, 10)]
    assert content.facts.instruments == [*content.facts.chosen, Instrument(0, True, 10)]


def test_a_choice_of_instruments_reads_those_only() -> None:
    content = piece_reader.read_content(BAND, make_config(instruments="piano"))
    assert len(content.notes) == 10
    assert content.facts.chosen == [Instrument(0, False, 10)]
    assert len(content.facts.instruments) == 3


def test_the_pedal_and_the_reader_are_those_of_the_parameters() -> None:
    config = make_config(reader="pretty_midi", sustain_pedal=True)
    assert piece_reader.read_content(make_pedal_midi(), config).notes["duration"][0] == 1.0


def test_what_only_pretty_midi_reads_has_no_list_of_instruments(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(data: bytes) -> None:
        raise MidiError("symusic: no")

    monkeypatch.setattr(piece_reader, "list_instruments", refuse)
    content = piece_reader.read_content(BAND, make_config(reader="pretty_midi"))
    assert (len(content.notes), content.facts.instruments, content.facts.chosen) == (20, [], [])


@pytest.mark.parametrize("chosen", ["all", "piano"])
def test_damage_that_was_skipped_is_told_with_and_without_a_choice(chosen: str) -> None:
    length = int.from_bytes(BAND[18:22])
    padded = (
        BAND[:18] + (length + 1).to_bytes(4) + BAND[22 : 22 + length] + b"\0" + BAND[22 + length :]
    )
    facts = piece_reader.read_content(padded, make_config(instruments=chosen)).facts
    assert [fix.cause for fix in facts.fixes] == ["bytes after End of Track"]


def test_a_file_is_checked_and_parsed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []

    def count_check(data: bytes) -> validate.CleanMidi:
        calls.append("check")
        return validate.validate_midi(data)

    class CountingScore:
        @staticmethod
        def from_midi(data: bytes, ttype: str) -> object:
            calls.append("parse")
            return score.from_midi(data, ttype=ttype)

    score = symusic.Score
    monkeypatch.setattr(symusic, "Score", CountingScore)
    for module in (reader, instruments, piece_reader):
        monkeypatch.setattr(module, "validate_midi", count_check)
    assert len(piece_reader.read_content(BAND, make_config()).facts.instruments) == 3
    assert calls == ["check", "parse"]
