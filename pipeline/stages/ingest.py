"""Stage ingest: MIDI files become rows of notes, each with its piece and its split.

Pieces are numbered in the order test, validation, train, by name within each. So, where two files hold the same notes,
the copy that is held out comes first and stays, and a model is never tested on what it was trained on. Files are read
by workers that can be stopped (`limits`), so that no file costs the run.
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
    pieces = sorted(
        CorpusBundle(path).pieces, key=lambda piece: (-splits.SPLITS.index(piece.split), piece)
    )
    answers = processes.bounded_map(
        PieceReader(path, params.ingest),
        pieces,
        TaskLimits(num_workers=_choose_num_workers(len(pieces))),
    )
    results = track_progress(answers, "reading MIDI", len(pieces))
    rows: list[PieceRow] = []
    rejected: list[tuple[str, str]] = []
    seen: dict[bytes, str] = {}
    with NotesWriter(paths.NOTES) as writer:
        for piece, result in zip(pieces, results, strict=True):
            reason = (
                result.reason
                if isinstance(result, TaskFailure)
                else _find_duplicate(result, piece, seen)
            )
            if isinstance(result, TaskFailure) or reason:
                rejected.append((piece.member, reason))
                continue
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


def _find_duplicate(notes: Notes, piece: CorpusPiece, seen: dict[bytes, str]) -> str:
    """Return of which earlier piece these notes are a copy, or nothing."""
    key = hashlib.sha256(notes.tobytes()).digest()
    first = seen.setdefault(key, piece.member)
    return "" if first == piece.member else f"duplicate of {first}"


def _make_piece_row(index: int, piece: CorpusPiece, notes: Notes) -> PieceRow:
    """Describe a piece by its notes."""
    seconds = float((notes["onset"] + notes["duration"]).max())
    return PieceRow(
        index, piece.member, piece.composition, piece.split, len(notes), seconds, piece.sha256
    )


def _write_rejected(rejected: list[tuple[str, str]]) -> None:
    """Write the list of rejected files, sorted; the header alone when there are none."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([("member", "reason"), *sorted(rejected)])
    files.write_text(paths.REJECTED, text.getvalue())


def _log_summary(rows: list[PieceRow], rejected: list[tuple[str, str]]) -> None:
    """Say what there is, and what there is not."""
    hours = sum(row.duration for row in rows) / 3600
    log_message(
        f"{sum(row.num_notes for row in rows):,} notes in {len(rows):,} pieces, {hours:,.1f} hours"
    )
    copies = sum(reason.startswith("duplicate of ") for _, reason in rejected)
    if copies:
        log_message(
            f"{copies:,} files hold the notes of another and are left out; see {paths.REJECTED}"
        )
    if len(rejected) > copies:
        log_message(f"{len(rejected) - copies:,} files are rejected; see {paths.REJECTED}")
    for split in splits.SPLITS:
        if not any(row.split == split for row in rows):
            log_message(f"warning: no piece in the split {split}")


@dataclass
class PieceReader:
    """Reads pieces in a worker, which opens the zip itself and is sent names, not bytes."""

    path: Path
    config: IngestConfig

    @cached_property
    def _corpus(self) -> CorpusBundle:
        return CorpusBundle(self.path)

    def __call__(self, piece: CorpusPiece) -> PieceResult:
        """Read one piece."""
        try:
            return read_notes(
                self._corpus.read_piece(piece), self.config.reader, self.config.sustain_pedal
            )
        except MidiError as error:
            return TaskFailure(str(error))


def _choose_num_workers(num_pieces: int) -> int:
    """Return how many workers are worth their start."""
    cores = (
        len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    )
    return max(1, min(cores, num_pieces // processes.PREFETCH))


if __name__ == "__main__":
    run_stage(run, PARAM_SECTIONS)
