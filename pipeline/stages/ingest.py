"""Stage ingest: read MIDI files and write a table of notes and a table of pieces.

Pieces are numbered in the order test, validation, train, by name within each. Where two files have the same notes, the
held-out one is first and is kept, so that a model is never tested on what it was trained on. Files are read by workers
that can be stopped (`processes`), so that no file can stop the run.
"""

import csv
import hashlib
import io
import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from rich.table import Table
from rich.text import Text

from pipeline.config import Params
from pipeline.config.schema import IngestConfig
from pipeline.core import checksums, console, files, paths, processes
from pipeline.core.errors import CorpusError, MidiError, sanitize_line
from pipeline.core.processes import TaskFailure, TaskLimits
from pipeline.corpus import splits
from pipeline.corpus.bundle import CorpusBundle, CorpusPiece
from pipeline.corpus.ingest_counts import DUPLICATE_PREFIX, PieceFacts, summarize_ingest
from pipeline.corpus.ingest_summary import IngestSummary, describe_summary, save_summary
from pipeline.corpus.piece_reader import PieceContent, read_content
from pipeline.corpus.tables import NotesWriter, PieceRow, write_pieces
from pipeline.notes.note import Notes
from pipeline.stages.runner import run_stage

PARAM_SECTIONS = ("corpus", "ingest")
"""What it reads of params.yaml."""
PieceResult = PieceContent | TaskFailure
"""What was read of a piece, or why it has no notes."""


def run(params: Params) -> None:
    """Write the tables of notes and pieces, the list of rejected files and the summary.

    Raises:
        CorpusError: not one file could be read.
    """
    path = paths.get_corpus_archive(params.corpus)
    corpus = CorpusBundle(path)
    pieces = sorted(corpus.pieces, key=_held_out_first)
    limits = TaskLimits(num_workers=_choose_num_workers(len(pieces)))
    answers = processes.bounded_map(PieceReader(path, params.ingest), pieces, limits)
    results = console.track_progress(answers, "reading MIDI", len(pieces))
    rows: list[PieceRow] = []
    facts: list[PieceFacts] = []
    rejected: list[tuple[str, str]] = []
    member_of_notes: dict[bytes, str] = {}
    with NotesWriter(paths.NOTES) as writer:
        for piece, result in zip(pieces, results, strict=True):
            if isinstance(result, TaskFailure):
                rejected.append((piece.member, result.reason))
            elif reason := _find_duplicate(result.notes, piece, member_of_notes):
                rejected.append((piece.member, reason))
            else:
                writer.write_piece(len(rows), result.notes)
                rows.append(_make_piece_row(len(rows), piece, result.notes))
                facts.append(PieceFacts.from_content(piece.member, result))
        if not rows:
            raise CorpusError(
                f"{path}: none of {len(pieces):,} files is music; the first: {': '.join(rejected[0])}"
            )
    write_pieces(paths.PIECES, rows)
    _write_rejected(rejected)
    summary = summarize_ingest(params.corpus, rows, facts, rejected, corpus.left_out)
    save_summary(paths.INGEST_SUMMARY, summary)
    checksums.write_checksums(paths.NOTES.parent)
    _print_summary(summary)


def _held_out_first(piece: CorpusPiece) -> tuple[int, CorpusPiece]:
    """Return the sort key of a piece: test, validation, train, by name within each."""
    return -splits.SPLITS.index(piece.split), piece


def _find_duplicate(notes: Notes, piece: CorpusPiece, member_of_notes: dict[bytes, str]) -> str:
    """Return of which earlier piece these notes are a copy, or an empty text."""
    key = hashlib.sha256(notes.tobytes()).digest()
    first = member_of_notes.setdefault(key, piece.member)
    return "" if first == piece.member else f"{DUPLICATE_PREFIX}{first}"


def _make_piece_row(index: int, piece: CorpusPiece, notes: Notes) -> PieceRow:
    """Return the row of a piece in the table of pieces."""
    duration = float((notes["onset"] + notes["duration"]).max())
    return PieceRow(
        index, piece.member, piece.composition, piece.split, len(notes), duration, piece.sha256
    )


def _write_rejected(rejected: list[tuple[str, str]]) -> None:
    """Write the list of rejected files, sorted; the header alone when there are none."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([("member", "reason"), *sorted(rejected)])
    files.write_text(paths.REJECTED, text.getvalue())


def _print_summary(summary: IngestSummary) -> None:
    """Print what was taken and what was not, as a table; a line that starts with an exclamation mark has a remedy."""
    table = Table(box=None, show_header=False, pad_edge=False)
    for line in describe_summary(summary):
        text = line.message + (f"\n-> {line.hint}" if line.hint else "")
        lines = Text("\n".join(map(sanitize_line, text.splitlines())))
        table.add_row("!" if line.hint else " ", line.topic, lines)
    console.make_console().print(table)


@dataclass
class PieceReader:
    """Reads pieces in a worker. It opens the zip itself and is given names, not bytes."""

    path: Path
    config: IngestConfig

    @cached_property
    def _corpus(self) -> CorpusBundle:
        return CorpusBundle(self.path)

    def __call__(self, piece: CorpusPiece) -> PieceResult:
        """Read one piece."""
        try:
            return read_content(self._corpus.read_piece(piece), self.config)
        except MidiError as error:
            return TaskFailure(str(error))


def _choose_num_workers(num_pieces: int) -> int:
    """Return the number of workers: one per core, but fewer for few pieces, because a worker takes time to start."""
    num_cores = os.cpu_count() or 1
    if hasattr(os, "sched_getaffinity"):
        num_cores = len(os.sched_getaffinity(0))
    return max(1, min(num_cores, num_pieces // processes.PREFETCH))


if __name__ == "__main__":
    run_stage(run, PARAM_SECTIONS)
