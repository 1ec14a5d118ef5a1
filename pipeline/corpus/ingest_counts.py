"""Count what ingest takes of a corpus and what it leaves out, for the summary."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

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
from pipeline.corpus.piece_store import PieceStore, StoredSketches
from pipeline.corpus.splits import SPLITS
from pipeline.corpus.tables import PieceRow
from pipeline.midi.instruments import Instrument

DUPLICATE_PREFIX = "duplicate of "
"""Of the reason of a file that has the same notes as another."""


@dataclass
class Tally:
    """How many of something there are, in how many files, and in which, for example."""

    example: str
    count: int = 0
    files: int = 0


class FactCounts:
    """Adds up what is known of pieces, so that nothing is kept of each."""

    def __init__(self) -> None:
        self.merged_files = 0
        """Files whose instruments became one part."""
        self.max_instruments = 0
        """Instruments of one of these files at most."""
        self._notes_left_out: dict[str, Tally] = {}
        self._instruments: dict[str, Tally] = {}
        self._damage: dict[str, Tally] = {}

    def add_piece(self, member: str, facts: PieceFacts) -> None:
        """Add what is known of a piece."""
        num_programs = len({part.program for part in facts.chosen})
        self.merged_files += num_programs > 1
        self.max_instruments = max(self.max_instruments, num_programs)
        _add_counts(self._notes_left_out, member, _count_notes_left_out(facts))
        instruments: Counter[str] = Counter()
        for part in facts.chosen:
            instruments[part.name] += part.num_notes
        _add_counts(self._instruments, member, instruments)
        damage: Counter[str] = Counter()
        for fix in facts.fixes:
            damage[fix.cause] += fix.count
        _add_counts(self._damage, member, damage)

    def list_notes_left_out(self) -> list[LeftOut]:
        """Return the notes that files have but the corpus has not, by reason."""
        return [
            LeftOut(reason=reason, files=tally.files, notes=tally.count, example=tally.example)
            for reason, tally in sorted(self._notes_left_out.items())
        ]

    def list_instruments(self) -> list[InstrumentCount]:
        """Return the programs that were read, most notes first; at most `MAX_LISTED`."""
        tallies = self._instruments
        by_notes = sorted(tallies, key=lambda name: (-tallies[name].count, name))[:MAX_LISTED]
        return [
            InstrumentCount(name=name, files=tallies[name].files, notes=tallies[name].count)
            for name in by_notes
        ]

    def list_damage(self) -> list[Damage]:
        """Return the damage that was skipped in files that were read, by cause."""
        return [
            Damage(cause=cause, count=tally.count, files=tally.files, example=tally.example)
            for cause, tally in sorted(self._damage.items())
        ]


def _add_counts(tallies: dict[str, Tally], member: str, counts: Mapping[str, int]) -> None:
    """Add the positive counts of one file."""
    for name, count in counts.items():
        if count > 0:
            tally = tallies.setdefault(name, Tally(member))
            tally.count += count
            tally.files += 1
            tally.example = min(tally.example, member)


def _count_notes_left_out(facts: PieceFacts) -> dict[str, int]:
    """Return how many notes of a file the corpus has not, by reason."""
    drums = _count_notes(part for part in facts.instruments if part.is_drum)
    pitched = _count_notes(facts.instruments) - drums
    chosen = _count_notes(facts.chosen)
    return {
        "drums (channel 10), which have no pitch": drums,
        "not in ingest.instruments": pitched - chosen,
        "no length, so they cannot be played": chosen - facts.num_notes,
    }


class PieceCollector:
    """Decides which pieces of a corpus are taken, and counts.

    What it keeps of each piece is in a temporary database (`piece_store`), not in memory.

    Pieces must come with the held-out ones first (`held_out_first`): of files with the same notes the first is taken.
    """

    def __init__(self) -> None:
        self.first_rejected = ("", "")
        """Member and reason of the first piece that was not taken."""
        self._counts = FactCounts()
        self._store = PieceStore()

    @property
    def num_taken(self) -> int:
        """Pieces that were taken."""
        return self._store.num_taken

    @property
    def num_rejected(self) -> int:
        """Pieces that were not."""
        return self._store.num_rejected

    def iterate_rows(self) -> Iterator[PieceRow]:
        """Yield the rows of the pieces that were taken, in their order."""
        return self._store.iterate_rows()

    def iterate_rejected(self) -> Iterator[tuple[str, str]]:
        """Yield member and reason of each piece that was not taken, sorted."""
        return self._store.iterate_rejected()

    def add_piece(self, piece: CorpusPiece, result: PieceFacts | TaskFailure) -> bool:
        """Add a piece; return whether it is taken.

        Raises:
            DiskError: the temporary folder is full.
        """
        if reason := self._find_problem(result):
            if not self.num_rejected:
                self.first_rejected = (piece.member, reason)
            self._store.add_rejected(piece.member, reason)
            return False
        assert isinstance(result, PieceFacts)
        self._counts.add_piece(piece.member, result)
        row = PieceRow(
            self.num_taken,
            piece.member,
            piece.composition,
            piece.split,
            result.num_notes,
            result.duration,
            piece.sha256,
        )
        self._store.add_taken(row, result.notes_hash, result.sketch)
        return True

    def _find_problem(self, result: PieceFacts | TaskFailure) -> str:
        """Return why a piece is not taken, or an empty text."""
        if isinstance(result, TaskFailure):
            return result.reason
        first = self._store.find_same_notes(result.notes_hash)
        return "" if not first else f"{DUPLICATE_PREFIX}{first}"

    def summarize(self, corpus: str, left_out: Sequence[LeftOut]) -> IngestSummary:
        """Count what was taken and what was not.

        Args:
            corpus: name of the corpus.
            left_out: files that are not in the corpus at all.
        """
        groups = group_near_duplicates(StoredSketches(self._store))
        return IngestSummary(
            corpus=corpus,
            splits=_count_splits(self.iterate_rows()),
            files_left_out=[*_group_rejected(self.iterate_rejected()), *left_out],
            notes_left_out=self._counts.list_notes_left_out(),
            instruments=self._counts.list_instruments(),
            merged_files=self._counts.merged_files,
            max_instruments=self._counts.max_instruments,
            shortest_pieces=list_shortest_pieces(self.iterate_rows()),
            damage=self._counts.list_damage(),
            near_duplicates=[
                [_describe_piece(self._store.get_row(index)) for index in group] for group in groups
            ],
        )


def held_out_first(piece: CorpusPiece) -> tuple[int, CorpusPiece]:
    """Return the sort key of a piece: test, validation, train, by name within each."""
    return -SPLITS.index(piece.split), piece


def _describe_piece(row: PieceRow) -> WorkFile:
    return WorkFile(member=row.member, split=row.split, composition=row.composition)


def _count_splits(rows: Iterable[PieceRow]) -> dict[str, SplitCount]:
    """Count pieces, notes and seconds of each split."""
    pieces, notes = dict.fromkeys(SPLITS, 0), dict.fromkeys(SPLITS, 0)
    seconds = dict.fromkeys(SPLITS, 0.0)
    for row in rows:
        pieces[row.split] += 1
        notes[row.split] += row.num_notes
        seconds[row.split] += row.duration
    return {
        split: SplitCount(
            pieces=pieces[split], notes=notes[split], seconds=round(seconds[split], 3)
        )
        for split in SPLITS
    }


def _group_rejected(rejected: Iterable[tuple[str, str]]) -> list[LeftOut]:
    """Count rejected files by reason.

    Numbers in a reason differ from file to file and do not count; those of the example are shown.

    Args:
        rejected: member and reason of each, sorted.
    """
    tallies: dict[str, Tally] = {}
    reasons: dict[str, str] = {}
    for member, reason in rejected:
        text = "same notes as another file" if reason.startswith(DUPLICATE_PREFIX) else reason
        pattern = re.sub(r"\d[\d,.]*", "…", text)
        tallies.setdefault(pattern, Tally(member)).files += 1
        reasons.setdefault(pattern, text)
    return [
        LeftOut(
            reason=reasons[pattern], files=tallies[pattern].files, example=tallies[pattern].example
        )
        for pattern in sorted(tallies, key=lambda pattern: (-tallies[pattern].files, pattern))
    ]


def _count_notes(instruments: Iterable[Instrument]) -> int:
    return sum(part.num_notes for part in instruments)
