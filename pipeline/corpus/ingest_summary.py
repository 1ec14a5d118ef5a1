"""What ingest took of a corpus, what it left out, why, and how many: `data/notes/summary.json`.

`ingest` writes and prints it (`ingest_counts` counts); `doctor` and the report show the same lines.
"""

import heapq
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import ValidationError
from rich.table import Table
from rich.text import Text

from pipeline.config.schema import StrictModel
from pipeline.core import files
from pipeline.core.console import make_console
from pipeline.core.errors import DataError, sanitize_line
from pipeline.corpus.manifest import LeftOut
from pipeline.corpus.splits import SPLITS

if TYPE_CHECKING:
    from pipeline.corpus.tables import PieceRow

MAX_SPLIT_SHARE = 0.95
"""Share of the notes, above which one split has nearly all."""
MIN_SPLIT_SHARE = 0.02
"""Share of the notes, below which a split is too small to decide anything."""
MAX_LISTED = 20
"""Instruments, and shortest pieces, in the summary."""
LEAK_HINT = "give all files of a work one split in the manifest, or leave them out"


class SplitCount(StrictModel):
    """What a split has."""

    pieces: int
    notes: int
    seconds: float


class InstrumentCount(StrictModel):
    """What a program of General MIDI has."""

    name: str
    files: int
    notes: int


class ShortPiece(StrictModel):
    """One of the shortest pieces."""

    member: str
    split: str
    notes: int


class Damage(StrictModel):
    """Damage of one kind that was skipped in files that were read."""

    cause: str
    count: int
    files: int
    example: str


class WorkFile(StrictModel):
    """One file of a work that has several."""

    member: str
    split: str
    composition: str


class IngestSummary(StrictModel):
    """What was taken, what was not, why, and how many."""

    corpus: str
    splits: dict[str, SplitCount]
    files_left_out: list[LeftOut]
    notes_left_out: list[LeftOut]
    instruments: list[InstrumentCount]
    """Those that were read, most notes first."""
    merged_files: int
    """Files whose instruments became one part."""
    max_instruments: int
    """Instruments of one of these files at most."""
    shortest_pieces: list[ShortPiece]
    """Shortest first; at most `MAX_LISTED`."""
    damage: list[Damage]
    """What was skipped in files that are damaged and were read all the same."""
    near_duplicates: list[list[WorkFile]]
    """Files that are the same work, by their notes: in another key, tempo or export."""


@dataclass(frozen=True)
class SummaryLine:
    """One line for people."""

    topic: str
    message: str
    hint: str = ""
    """What to do, where something is amiss."""


def save_summary(path: Path, summary: IngestSummary) -> None:
    """Write a summary; equal summaries give equal bytes."""
    files.write_text(path, summary.model_dump_json(indent=1) + "\n")


def load_summary(path: Path) -> IngestSummary:
    """Read a summary.

    Raises:
        DataError: the file is missing or not a summary.
    """
    try:
        return IngestSummary.model_validate_json(path.read_bytes())
    except ValidationError as error:
        raise DataError(f"{path}: no summary here; run 'dvc repro -f -s ingest'") from error
    except OSError as error:
        problem = f"cannot be read ({error.strerror}); run 'dvc repro ingest'"
        raise files.make_read_error(path, error, problem) from error


def find_near_duplicate_leaks(
    summary: IngestSummary, accepted: Collection[str] = (), splits: Collection[str] = SPLITS
) -> list[str]:
    """Return which works have files in several splits, by their notes; one phrase for each.

    Args:
        summary: of ingest.
        accepted: compositions that the manifest lets be in several splits.
        splits: those that are looked at.
    """
    leaks = []
    accepted = frozenset(accepted)
    for group in summary.near_duplicates:
        files_by_split = {
            file.split: file
            for file in reversed(group)
            if file.composition not in accepted and file.split in splits
        }
        if len(files_by_split) > 1:
            first, *others = sorted(files_by_split.values(), key=lambda file: file.split != "train")
            names = " and ".join(f"{file.member} ({file.split})" for file in others)
            leaks.append(f"{first.member} ({first.split}) is the same work as {names}")
    return leaks


def describe_summary(
    summary: IngestSummary, sequence_length: int = 0, accepted: Collection[str] = ()
) -> list[SummaryLine]:
    """Return a summary as lines for people: for the terminal, `doctor` and the report.

    Args:
        summary: of ingest.
        sequence_length: notes in a training window; 0 where that is not known.
        accepted: compositions that the manifest lets be in several splits.
    """
    total = sum(split.notes for split in summary.splits.values())
    num_pieces = sum(split.pieces for split in summary.splits.values())
    hours = sum(split.seconds for split in summary.splits.values()) / 3600
    lines = [
        SummaryLine(
            "taken", f"{total:,} notes in {_count(num_pieces, 'piece')}, {hours:,.1f} hours"
        ),
        *_describe_splits(summary, total),
        *_describe_instruments(summary),
    ]
    lines += [
        SummaryLine("notes left out", f"{row.notes:,} in {_count(row.files, 'file')}: {row.reason}")
        for row in summary.notes_left_out
    ]
    lines += [
        SummaryLine("files left out", f"{row.files:,}: {row.reason}" + _format_example(row.example))
        for row in summary.files_left_out
    ]
    if not summary.notes_left_out and not summary.files_left_out:
        lines.append(SummaryLine("left out", "nothing"))
    lines += [
        SummaryLine(
            "damage skipped",
            f"{row.count:,} {row.cause} in {_count(row.files, 'file')}"
            + _format_example(row.example),
        )
        for row in summary.damage
    ]
    lines += describe_short_pieces(summary.shortest_pieces, sequence_length)
    return [*lines, *_describe_near_duplicates(summary, accepted)]


def _count(number: int, noun: str) -> str:
    """Return a number of things, such as `1 file`."""
    return f"{number:,} {noun}" + ("s" if number != 1 else "")


def _format_example(example: str) -> str:
    return f" ({example})" if example else ""


def _describe_near_duplicates(
    summary: IngestSummary, accepted: Collection[str]
) -> Iterable[SummaryLine]:
    """Say how many files are the same work as another, and which works are in several splits."""
    if summary.near_duplicates:
        num_files = sum(map(len, summary.near_duplicates))
        works = _count(len(summary.near_duplicates), "work")
        yield SummaryLine(
            "same works", f"{num_files:,} files are {works}, in other keys, tempos or exports"
        )
    if leaks := find_near_duplicate_leaks(summary, accepted):
        more = f"; and {len(leaks) - 3:,} more" if len(leaks) > 3 else ""
        yield SummaryLine("leaks", "; ".join(leaks[:3]) + more, LEAK_HINT)
    elif accepted:
        names = ", ".join(accepted)
        yield SummaryLine("leaks", f"none but those that the manifest accepts: {names}")
    else:
        yield SummaryLine("leaks", "none")


def print_lines(lines: Iterable[SummaryLine]) -> None:
    """Print lines as a table; one that starts with an exclamation mark has a remedy."""
    table = Table(box=None, show_header=False, pad_edge=False)
    for line in lines:
        parts = [line.message, *([f"-> {line.hint}"] if line.hint else [])]
        text = Text("\n".join(map(sanitize_line, parts)))
        table.add_row("!" if line.hint else " ", line.topic, text)
    make_console().print(table)


def _describe_splits(summary: IngestSummary, total: int) -> Iterable[SummaryLine]:
    for split, count in summary.splits.items():
        share = count.notes / max(1, total)
        message = f"{count.notes:,} notes in {_count(count.pieces, 'piece')} ({100 * share:.1f} %)"
        hint = ""
        if not count.pieces:
            message, hint = "no piece", "add music, or give a piece this split in the manifest"
        elif share > MAX_SPLIT_SHARE:
            hint = (
                "the other splits have next to nothing; add music, or move pieces in the manifest"
            )
        elif share < MIN_SPLIT_SHARE:
            hint = "too little to decide; add music, or move pieces in the manifest"
        yield SummaryLine(split, message, hint)


def _describe_instruments(summary: IngestSummary) -> Iterable[SummaryLine]:
    names = [f"{part.name} {part.notes:,}" for part in summary.instruments]
    if len(names) > 1:
        yield SummaryLine("instruments", ", ".join(names))
    if summary.merged_files:
        yield SummaryLine(
            "merged",
            f"up to {summary.max_instruments} instruments became one part in "
            f"{_count(summary.merged_files, 'file')}; ingest.instruments in params.yaml chooses",
        )


def list_shortest_pieces(rows: Iterable["PieceRow"]) -> list[ShortPiece]:
    """Return the shortest pieces, shortest first; at most `MAX_LISTED`."""
    shortest = heapq.nsmallest(MAX_LISTED, rows, key=lambda row: (row.num_notes, row.member))
    return [ShortPiece(member=row.member, split=row.split, notes=row.num_notes) for row in shortest]


def describe_short_pieces(
    shortest_pieces: Sequence[ShortPiece], sequence_length: int
) -> list[SummaryLine]:
    """Say which pieces are shorter than a training window and its target.

    Args:
        shortest_pieces: shortest first; at most `MAX_LISTED`.
        sequence_length: notes in a training window.
    """
    short = [piece for piece in shortest_pieces if piece.notes <= sequence_length]
    if not short:
        return []
    more = " or more" if len(short) == MAX_LISTED else ""
    first = ", ".join(f"{piece.member} ({piece.notes}, {piece.split})" for piece in short[:3])
    message = f"{len(short)}{more} with fewer notes than a training window and its target ({sequence_length + 1}): {first}"
    hint = "leave them out of the corpus, or lower windows.sequence_length"
    return [SummaryLine("short pieces", message, hint)]
