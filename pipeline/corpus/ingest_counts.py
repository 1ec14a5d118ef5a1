"""Count what ingest takes of a corpus and what it leaves out, for the summary."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pipeline.corpus.ingest_summary import (
    MAX_LISTED,
    IngestSummary,
    InstrumentCount,
    SplitCount,
    list_shortest_pieces,
)
from pipeline.corpus.manifest import LeftOut
from pipeline.corpus.piece_reader import PieceContent
from pipeline.corpus.splits import SPLITS
from pipeline.corpus.tables import PieceRow
from pipeline.midi.instruments import Instrument

DUPLICATE_PREFIX = "duplicate of "
"""Of the reason of a file that has the same notes as another."""


@dataclass(frozen=True)
class PieceFacts:
    """What a summary needs of a piece that was read."""

    member: str
    instruments: list[Instrument]
    chosen: list[Instrument]
    num_notes: int

    @classmethod
    def from_content(cls, member: str, content: PieceContent) -> "PieceFacts":
        """Keep what is needed, without the notes."""
        return cls(member, content.instruments, content.chosen, len(content.notes))


def summarize_ingest(
    corpus: str,
    rows: Sequence[PieceRow],
    facts: Sequence[PieceFacts],
    rejected: Iterable[tuple[str, str]],
    left_out: Sequence[LeftOut],
) -> IngestSummary:
    """Count what was taken and what was not.

    Args:
        corpus: name of the corpus.
        rows: pieces that were taken.
        facts: of each of them.
        rejected: member and reason of each file of the corpus that was not.
        left_out: files that are not in the corpus at all.
    """
    merged = [len({part.program for part in piece.chosen}) for piece in facts]
    return IngestSummary(
        corpus=corpus,
        splits={split: _count_split(rows, split) for split in SPLITS},
        files_left_out=[*_group_rejected(rejected), *left_out],
        notes_left_out=_count_notes_left_out(facts),
        instruments=_count_instruments(facts),
        merged_files=sum(count > 1 for count in merged),
        max_instruments=max(merged, default=0),
        shortest_pieces=list_shortest_pieces(rows),
    )


def _count_split(rows: Sequence[PieceRow], split: str) -> SplitCount:
    members = [row for row in rows if row.split == split]
    notes = sum(row.num_notes for row in members)
    seconds = round(sum(row.duration for row in members), 3)
    return SplitCount(pieces=len(members), notes=notes, seconds=seconds)


def _group_rejected(rejected: Iterable[tuple[str, str]]) -> list[LeftOut]:
    """Count rejected files by reason; numbers in a reason differ from file to file and do not count."""
    members: dict[str, list[str]] = {}
    for member, reason in rejected:
        is_copy = reason.startswith(DUPLICATE_PREFIX)
        key = "same notes as another file" if is_copy else re.sub(r"\d[\d,]*", "…", reason)
        members.setdefault(key, []).append(member)
    return [
        LeftOut(reason=reason, files=len(names), example=min(names))
        for reason, names in sorted(members.items(), key=lambda item: (-len(item[1]), item[0]))
    ]


def _count_notes_left_out(facts: Sequence[PieceFacts]) -> list[LeftOut]:
    """Count the notes that files have but the corpus has not, by reason."""
    by_reason: dict[str, list[tuple[str, int]]] = {}
    for piece in facts:
        drums = _count_notes(part for part in piece.instruments if part.is_drum)
        pitched = _count_notes(piece.instruments) - drums
        chosen = _count_notes(piece.chosen)
        counts = {
            "drums (channel 10), which have no pitch": drums,
            "not in ingest.instruments": pitched - chosen,
            "no length, so they cannot be played": chosen - piece.num_notes,
        }
        for reason, count in counts.items():
            if count > 0:
                by_reason.setdefault(reason, []).append((piece.member, count))
    return [
        LeftOut(
            reason=reason,
            files=len(pieces),
            notes=sum(count for _, count in pieces),
            example=pieces[0][0],
        )
        for reason, pieces in sorted(by_reason.items())
    ]


def _count_notes(instruments: Iterable[Instrument]) -> int:
    return sum(part.num_notes for part in instruments)


def _count_instruments(facts: Sequence[PieceFacts]) -> list[InstrumentCount]:
    """Count notes and files of each program that was read."""
    notes: Counter[str] = Counter()
    num_files: Counter[str] = Counter()
    for piece in facts:
        num_files.update({part.name for part in piece.chosen})
        for part in piece.chosen:
            notes[part.name] += part.num_notes
    by_notes = sorted(notes, key=lambda name: (-notes[name], name))[:MAX_LISTED]
    return [
        InstrumentCount(name=name, files=num_files[name], notes=notes[name]) for name in by_notes
    ]
