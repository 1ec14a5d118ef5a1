"""Count what ingest takes of a corpus and what it leaves out, for the summary."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence

from pipeline.core.processes import TaskFailure
from pipeline.corpus.bundle import CorpusPiece
from pipeline.corpus.ingest_summary import (
    MAX_LISTED,
    Damage,
    IngestSummary,
    InstrumentCount,
    SplitCount,
    WorkFile,
    list_shortest_pieces,
)
from pipeline.corpus.manifest import LeftOut
from pipeline.corpus.near_duplicates import group_near_duplicates
from pipeline.corpus.piece_reader import PieceFacts
from pipeline.corpus.splits import SPLITS
from pipeline.corpus.tables import PieceRow
from pipeline.midi.instruments import Instrument

DUPLICATE_PREFIX = "duplicate of "
"""Of the reason of a file that has the same notes as another."""


class PieceCollector:
    """Decides which pieces of a corpus are taken, and counts.

    Pieces must come with the held-out ones first (`held_out_first`): of files with the same notes the first is taken.
    """

    def __init__(self) -> None:
        self.rows: list[PieceRow] = []
        """Pieces that were taken."""
        self.rejected: list[tuple[str, str]] = []
        """Member and reason of each piece that was not."""
        self._facts: list[PieceFacts] = []
        self._member_of_notes: dict[bytes, str] = {}

    def add_piece(self, piece: CorpusPiece, result: PieceFacts | TaskFailure) -> bool:
        """Add a piece; return whether it is taken."""
        if reason := self._find_problem(piece, result):
            self.rejected.append((piece.member, reason))
            return False
        assert isinstance(result, PieceFacts)
        self._facts.append(result)
        self.rows.append(
            PieceRow(
                len(self.rows),
                piece.member,
                piece.composition,
                piece.split,
                result.num_notes,
                result.duration,
                piece.sha256,
            )
        )
        return True

    def _find_problem(self, piece: CorpusPiece, result: PieceFacts | TaskFailure) -> str:
        """Return why a piece is not taken, or an empty text."""
        if isinstance(result, TaskFailure):
            return result.reason
        first = self._member_of_notes.setdefault(result.notes_hash, piece.member)
        return "" if first == piece.member else f"{DUPLICATE_PREFIX}{first}"

    def summarize(self, corpus: str, left_out: Sequence[LeftOut]) -> IngestSummary:
        """Count what was taken and what was not.

        Args:
            corpus: name of the corpus.
            left_out: files that are not in the corpus at all.
        """
        merged = [len({part.program for part in piece.chosen}) for piece in self._facts]
        groups = group_near_duplicates([piece.fingerprints for piece in self._facts])
        named_facts = [
            (row.member, piece) for row, piece in zip(self.rows, self._facts, strict=True)
        ]
        return IngestSummary(
            corpus=corpus,
            splits={split: _count_split(self.rows, split) for split in SPLITS},
            files_left_out=[*_group_rejected(self.rejected), *left_out],
            notes_left_out=_count_notes_left_out(named_facts),
            instruments=_count_instruments(self._facts),
            merged_files=sum(count > 1 for count in merged),
            max_instruments=max(merged, default=0),
            shortest_pieces=list_shortest_pieces(self.rows),
            damage=_count_damage(named_facts),
            near_duplicates=[
                [_describe_piece(self.rows[index]) for index in group] for group in groups
            ],
        )


def held_out_first(piece: CorpusPiece) -> tuple[int, CorpusPiece]:
    """Return the sort key of a piece: test, validation, train, by name within each."""
    return -SPLITS.index(piece.split), piece


def _describe_piece(row: PieceRow) -> WorkFile:
    return WorkFile(member=row.member, split=row.split, composition=row.composition)


def _count_split(rows: Sequence[PieceRow], split: str) -> SplitCount:
    members = [row for row in rows if row.split == split]
    notes = sum(row.num_notes for row in members)
    seconds = round(sum(row.duration for row in members), 3)
    return SplitCount(pieces=len(members), notes=notes, seconds=seconds)


def _group_rejected(rejected: Iterable[tuple[str, str]]) -> list[LeftOut]:
    """Count rejected files by reason.

    Numbers in a reason differ from file to file and do not count; those of the example are shown.
    """
    groups: dict[str, list[tuple[str, str]]] = {}
    for member, reason in rejected:
        text = "same notes as another file" if reason.startswith(DUPLICATE_PREFIX) else reason
        groups.setdefault(re.sub(r"\d[\d,.]*", "…", text), []).append((member, text))
    rows = []
    for pattern in sorted(groups, key=lambda pattern: (-len(groups[pattern]), pattern)):
        example, reason = min(groups[pattern])
        rows.append(LeftOut(reason=reason, files=len(groups[pattern]), example=example))
    return rows


def _count_notes_left_out(named_facts: Sequence[tuple[str, PieceFacts]]) -> list[LeftOut]:
    """Count the notes that files have but the corpus has not, by reason.

    Args:
        named_facts: name and facts of each piece.
    """
    by_reason: dict[str, list[tuple[str, int]]] = {}
    for member, piece in named_facts:
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
                by_reason.setdefault(reason, []).append((member, count))
    return [
        LeftOut(
            reason=reason,
            files=len(pieces),
            notes=sum(count for _, count in pieces),
            example=pieces[0][0],
        )
        for reason, pieces in sorted(by_reason.items())
    ]


def _count_damage(named_facts: Sequence[tuple[str, PieceFacts]]) -> list[Damage]:
    """Count the damage that was skipped in files that were read, by cause.

    Args:
        named_facts: name and facts of each piece.
    """
    num_events: Counter[str] = Counter()
    members: dict[str, set[str]] = {}
    for member, piece in named_facts:
        for fix in piece.fixes:
            num_events[fix.cause] += fix.count
            members.setdefault(fix.cause, set()).add(member)
    return [
        Damage(cause=cause, count=num_events[cause], files=len(names), example=min(names))
        for cause, names in sorted(members.items())
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
