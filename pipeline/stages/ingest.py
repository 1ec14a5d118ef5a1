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

from pipeline.config import Params
from pipeline.config.schema import IngestConfig
from pipeline.core import checksums, files, paths, processes
from pipeline.core.console import log_message, track_progress
from pipeline.core.errors import CorpusError, MidiError
from pipeline.core.processes import TaskFailure, TaskLimits
from pipeline.corpus import splits
from pipeline.corpus.bundle import CorpusBundle, CorpusPiece
from pipeline.corpus.tables import NotesWriter, PieceRow, write_pieces
from pipeline.midi.reader import read_notes
from pipeline.notes.note import Notes
from pipeline.stages.runner import run_stage

PARAM_SECTIONS = ("corpus", "ingest")
"""What it reads of params.yaml."""
PieceResult = Notes | TaskFailure
"""The notes of a piece, or why it has none."""


def run(params: Params) -> None:
    """Write the tables of notes and pieces, and the list of rejected files.

    Raises:
        CorpusError: not one file could be read.
    """
    path = paths.get_corpus_archive(params.corpus)
    pieces = sorted(CorpusBundle(path).pieces, key=_held_out_first)
    limits = TaskLimits(num_workers=_choose_num_workers(len(pieces)))
    answers = processes.bounded_map(PieceReader(path, params.ingest), pieces, limits)
    results = track_progress(answers, "reading MIDI", len(pieces))
    rows: list[PieceRow] = []
    rejected: list[tuple[str, str]] = []
    member_of_notes: dict[bytes, str] = {}
    with NotesWriter(paths.NOTES) as writer:
        for piece, result in zip(pieces, results, strict=True):
            if isinstance(result, TaskFailure):
                rejected.append((piece.member, result.reason))
            elif reason := _find_duplicate(result, piece, member_of_notes):
                rejected.append((piece.member, reason))
            else:
                writer.write_piece(len(rows), result)
                rows.append(_make_piece_row(len(rows), piece, result))
        if not rows:
            raise CorpusError(
                f"{path}: none of {len(pieces):,} files is music; the first: {': '.join(rejected[0])}"
            )
    write_pieces(paths.PIECES, rows)
    _write_rejected(rejected)
    checksums.write_checksums(paths.NOTES.parent)
    _log_summary(rows, rejected)


def _held_out_first(piece: CorpusPiece) -> tuple[int, CorpusPiece]:
    """Return the sort key of a piece: test, validation, train, by name within each."""
    return -splits.SPLITS.index(piece.split), piece


def _find_duplicate(notes: Notes, piece: CorpusPiece, member_of_notes: dict[bytes, str]) -> str:
    """Return of which earlier piece these notes are a copy, or an empty text."""
    key = hashlib.sha256(notes.tobytes()).digest()
    first = member_of_notes.setdefault(key, piece.member)
    return "" if first == piece.member else f"duplicate of {first}"


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


def _log_summary(rows: list[PieceRow], rejected: list[tuple[str, str]]) -> None:
    """Log how much was read and rejected, and which splits are empty."""
    num_notes = sum(row.num_notes for row in rows)
    hours = sum(row.duration for row in rows) / 3600
    log_message(f"{num_notes:,} notes in {len(rows):,} pieces, {hours:,.1f} hours")
    copies = sum(reason.startswith("duplicate of ") for _, reason in rejected)
    if copies:
        log_message(
            f"{copies:,} files have the same notes as another and are dropped; see {paths.REJECTED}"
        )
    if len(rejected) > copies:
        log_message(f"{len(rejected) - copies:,} files are rejected; see {paths.REJECTED}")
    for split in splits.SPLITS:
        if not any(row.split == split for row in rows):
            log_message(f"warning: no piece in the split {split}")


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
            data = self._corpus.read_piece(piece)
            return read_notes(data, self.config.reader, self.config.sustain_pedal)
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
