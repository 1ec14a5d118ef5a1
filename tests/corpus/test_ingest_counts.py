"""Counts of what ingest took and left out."""

import tracemalloc
from dataclasses import replace

import pytest
from factories import make_music

from pipeline.core.processes import TaskFailure
from pipeline.corpus.bundle import CorpusPiece
from pipeline.corpus.ingest_counts import PieceCollector, held_out_first
from pipeline.corpus.ingest_summary import (
    IngestSummary,
    InstrumentCount,
    ShortPiece,
    find_near_duplicate_leaks,
)
from pipeline.corpus.manifest import LeftOut
from pipeline.corpus.piece_reader import PieceFacts
from pipeline.corpus.piece_store import CACHE_KIB
from pipeline.corpus.sketches import compute_sketch
from pipeline.midi.instruments import Instrument
from pipeline.midi.repair import Fix

PIANO, BASS, DRUMS = Instrument(0, False, 10), Instrument(33, False, 30), Instrument(0, True, 7)


def make_facts(seed: int, **changes: object) -> PieceFacts:
    notes = make_music(seed, 300)
    facts = PieceFacts(40, 1.5, bytes([seed]), compute_sketch(notes), [], [])
    return replace(facts, **changes)  # type: ignore[arg-type]


def make_piece(member: str, split: str = "train") -> CorpusPiece:
    return CorpusPiece(member, f"work {member}", split, "0" * 64)


def summarize_pieces(**facts: PieceFacts) -> IngestSummary:
    """Return the summary of pieces by name; one that starts with v is of validation, one with t of test."""
    collector = PieceCollector()
    for name, piece in facts.items():
        split = {"v": "validation", "t": "test"}.get(name[0], "train")
        collector.add_piece(make_piece(f"{name}.mid", split), piece)
    return collector.summarize("own", [])


def test_a_piece_is_taken_once_and_refused_with_its_reason() -> None:
    collector = PieceCollector()
    assert collector.add_piece(make_piece("t.mid", "test"), make_facts(1))
    assert not collector.add_piece(make_piece("a.mid"), make_facts(1))
    assert not collector.add_piece(make_piece("b.mid"), TaskFailure("the file is empty"))
    assert collector.add_piece(make_piece("c.mid"), make_facts(2))
    assert [(row.index, row.member) for row in collector.iterate_rows()] == [
        (0, "t.mid"),
        (1, "c.mid"),
    ]
    assert list(collector.iterate_rejected()) == [
        ("a.mid", "duplicate of t.mid"),
        ("b.mid", "the file is empty"),
    ]
    assert (collector.num_taken, collector.num_rejected) == (2, 2)
    assert collector.first_rejected == ("a.mid", "duplicate of t.mid")


def test_held_out_pieces_come_first() -> None:
    pieces = [make_piece("b.mid"), make_piece("c.mid", "validation"), make_piece("a.mid")]
    pieces.append(make_piece("z.mid", "test"))
    ordered = [piece.member for piece in sorted(pieces, key=held_out_first)]
    assert ordered == ["z.mid", "c.mid", "a.mid", "b.mid"]


def test_files_of_one_work_are_grouped_with_their_splits() -> None:
    same = make_facts(1).sketch
    summary = summarize_pieces(t1=make_facts(1), a=make_facts(2), b=make_facts(3, sketch=same))
    (group,) = summary.near_duplicates
    assert [(file.member, file.split) for file in group] == [("t1.mid", "test"), ("b.mid", "train")]
    assert find_near_duplicate_leaks(summary) == ["b.mid (train) is the same work as t1.mid (test)"]


def test_splits_and_shortest_pieces_are_counted() -> None:
    summary = summarize_pieces(
        t=make_facts(1), a=make_facts(2, num_notes=9), b=make_facts(3, num_notes=90)
    )
    counts = {name: (split.pieces, split.notes) for name, split in summary.splits.items()}
    assert counts == {"train": (2, 99), "validation": (0, 0), "test": (1, 40)}
    assert summary.splits["train"].seconds == 3.0
    assert summary.shortest_pieces[0] == ShortPiece(member="a.mid", split="train", notes=9)


def test_notes_are_left_out_as_drums_by_choice_and_without_a_length() -> None:
    summary = summarize_pieces(
        a=make_facts(1, instruments=[PIANO, BASS, DRUMS], chosen=[PIANO], num_notes=8),
        b=make_facts(2, instruments=[PIANO, DRUMS], chosen=[PIANO], num_notes=10),
    )
    counts = {
        row.reason.split()[0]: (row.files, row.notes, row.example) for row in summary.notes_left_out
    }
    assert counts == {
        "drums": (2, 14, "a.mid"),
        "not": (1, 30, "a.mid"),
        "no": (1, 2, "a.mid"),
    }


def test_merged_instruments_are_counted_by_program() -> None:
    both = [PIANO, PIANO, BASS]
    summary = summarize_pieces(
        a=make_facts(1, instruments=both, chosen=both, num_notes=50),
        b=make_facts(2, instruments=both[:2], chosen=both[:2], num_notes=20),
    )
    assert (summary.merged_files, summary.max_instruments) == (1, 2)
    assert summary.instruments == [
        InstrumentCount(name="Acoustic Grand Piano", files=2, notes=40),
        InstrumentCount(name="Electric Bass (finger)", files=1, notes=30),
    ]


def test_rejected_files_are_counted_by_reason_whatever_its_numbers() -> None:
    collector = PieceCollector()
    collector.add_piece(make_piece("a.mid"), make_facts(1))
    collector.add_piece(make_piece("d.mid"), make_facts(1))
    collector.add_piece(make_piece("c.mid"), TaskFailure("byte 1,204: no MIDI event"))
    collector.add_piece(make_piece("b.mid"), TaskFailure("byte 7: no MIDI event"))
    zips = LeftOut(reason=".zip file: unzip it first", files=3, example="x.zip")
    assert collector.summarize("own", [zips]).files_left_out == [
        LeftOut(reason="byte 7: no MIDI event", files=2, example="b.mid"),
        LeftOut(reason="same notes as another file", files=1, example="d.mid"),
        zips,
    ]


def test_damage_that_was_skipped_is_counted_by_cause() -> None:
    after = Fix("bytes after End of Track", 2, 90, 1)
    summary = summarize_pieces(
        a=make_facts(1, fixes=(after, Fix("system real-time bytes", 7, 50, 1))),
        b=make_facts(2, fixes=(after, after)),
    )
    assert [(row.cause, row.count, row.files, row.example) for row in summary.damage] == [
        ("bytes after End of Track", 6, 2, "a.mid"),
        ("system real-time bytes", 7, 1, "a.mid"),
    ]


@pytest.mark.slow
@pytest.mark.parametrize("is_rejected", [False, True])
def test_memory_does_not_grow_with_the_number_of_pieces(is_rejected: bool) -> None:
    num_pieces = 4000
    instruments = [Instrument(program, False, 5) for program in range(40)]
    facts = make_facts(1, instruments=instruments, chosen=instruments)
    collector = PieceCollector()
    tracemalloc.start()
    try:
        for number in range(num_pieces):
            notes_hash = bytes(32) if is_rejected else number.to_bytes(32)
            copied = replace(facts, notes_hash=notes_hash, instruments=instruments.copy())
            taken = collector.add_piece(make_piece(f"{number}.mid"), copied)
            assert taken != is_rejected or number == 0
        kept = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    assert kept / num_pieces < 8
    # SQLite is not traced; it holds this much at most.
    assert CACHE_KIB * 1024 < 20e6
