"""Counts of what ingest took and left out."""

from pipeline.corpus import ingest_counts
from pipeline.corpus.ingest_counts import PieceFacts
from pipeline.corpus.ingest_summary import IngestSummary, InstrumentCount, ShortPiece
from pipeline.corpus.manifest import LeftOut
from pipeline.corpus.tables import PieceRow
from pipeline.midi.instruments import Instrument

PIANO, BASS, DRUMS = Instrument(0, False, 10), Instrument(33, False, 30), Instrument(0, True, 7)


def row(index: int, split: str, num_notes: int) -> PieceRow:
    return PieceRow(index, f"{index}.mid", f"piece {index}", split, num_notes, 1.5, "0" * 64)


def summarize(**changes: object) -> IngestSummary:
    arguments: dict[str, object] = {"corpus": "own", "rows": [], "facts": []}
    return ingest_counts.summarize_ingest(
        **{**arguments, "rejected": [], "left_out": [], **changes}  # type: ignore[arg-type]
    )


def test_splits_and_shortest_pieces_are_counted() -> None:
    summary = summarize(rows=[row(0, "test", 40), row(1, "train", 9), row(2, "train", 90)])
    counts = {name: (split.pieces, split.notes) for name, split in summary.splits.items()}
    assert counts == {"train": (2, 99), "validation": (0, 0), "test": (1, 40)}
    assert summary.splits["train"].seconds == 3.0
    assert summary.shortest_pieces[0] == ShortPiece(member="1.mid", split="train", notes=9)


def test_notes_are_left_out_as_drums_by_choice_and_without_a_length() -> None:
    facts = [
        PieceFacts("a.mid", [PIANO, BASS, DRUMS], [PIANO], num_notes=8),
        PieceFacts("b.mid", [PIANO, DRUMS], [PIANO], num_notes=10),
    ]
    found = {row.reason.split()[0]: row for row in summarize(facts=facts).notes_left_out}
    counts = {reason: (row.files, row.notes, row.example) for reason, row in found.items()}
    assert counts == {
        "drums": (2, 14, "a.mid"),
        "not": (1, 30, "a.mid"),
        "no": (1, 2, "a.mid"),
    }


def test_merged_instruments_are_counted_by_program() -> None:
    facts = [
        PieceFacts("a.mid", [PIANO, PIANO, BASS], [PIANO, PIANO, BASS], num_notes=50),
        PieceFacts("b.mid", [PIANO, PIANO], [PIANO, PIANO], num_notes=20),
    ]
    summary = summarize(facts=facts)
    assert (summary.merged_files, summary.max_instruments) == (1, 2)
    assert summary.instruments == [
        InstrumentCount(name="Acoustic Grand Piano", files=2, notes=40),
        InstrumentCount(name="Electric Bass (finger)", files=1, notes=30),
    ]


def test_rejected_files_are_counted_by_reason_without_its_numbers() -> None:
    rejected = [
        ("c.mid", "byte 1,204: no MIDI event"),
        ("b.mid", "byte 7: no MIDI event"),
        ("d.mid", "duplicate of a.mid"),
    ]
    zips = LeftOut(reason=".zip file: unzip it first", files=3, example="x.zip")
    assert summarize(rejected=rejected, left_out=[zips]).files_left_out == [
        LeftOut(reason="byte …: no MIDI event", files=2, example="b.mid"),
        LeftOut(reason="same notes as another file", files=1, example="d.mid"),
        zips,
    ]
