"""Stage ingest: read MIDI files and write a table of notes and a table of pieces.

Pieces are numbered in the order test, validation, train, by name within each. Where two files have the same notes, the
held-out one is first and is kept, so that a model is never tested on what it was trained on. Files are read by workers
that can be stopped (`processes`), so that no file can stop the run.
"""

import csv
import io
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from pipeline.config import Params
from pipeline.config.schema import IngestConfig
from pipeline.core import checksums, console, files, paths, processes
from pipeline.core.errors import CorpusError, MidiError
from pipeline.core.processes import TaskFailure, TaskLimits
from pipeline.corpus import ingest_summary
from pipeline.corpus.bundle import CorpusBundle, CorpusPiece
from pipeline.corpus.ingest_counts import PieceCollector, held_out_first
from pipeline.corpus.manifest import load_accepted_leaks
from pipeline.corpus.piece_reader import PieceContent, read_content
from pipeline.corpus.tables import NotesWriter, write_pieces
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
    pieces = sorted(corpus.pieces, key=held_out_first)
    limits = TaskLimits(num_workers=processes.choose_num_workers(len(pieces)))
    answers = processes.bounded_map(PieceReader(path, params.ingest), pieces, limits)
    results = console.track_progress(answers, "reading MIDI", len(pieces))
    collector = PieceCollector()
    with NotesWriter(paths.NOTES) as writer:
        for piece, result in zip(pieces, results, strict=True):
            if isinstance(result, TaskFailure):
                collector.add_piece(piece, result)
            elif collector.add_piece(piece, result.facts):
                writer.write_piece(len(collector.rows) - 1, result.notes)
        if not collector.rows:
            first = ": ".join(collector.rejected[0])
            raise CorpusError(f"{path}: none of {len(pieces):,} files is music; the first: {first}")
    write_pieces(paths.PIECES, collector.rows)
    _write_rejected(collector.rejected)
    summary = collector.summarize(params.corpus, corpus.left_out)
    ingest_summary.save_summary(paths.INGEST_SUMMARY, summary)
    checksums.write_checksums(paths.NOTES.parent)
    accepted = load_accepted_leaks(paths.get_manifest_path(params.corpus))
    ingest_summary.print_lines(ingest_summary.describe_summary(summary, accepted=accepted))


def _write_rejected(rejected: list[tuple[str, str]]) -> None:
    """Write the list of rejected files, sorted; the header alone when there are none."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([("member", "reason"), *sorted(rejected)])
    files.write_text(paths.REJECTED, text.getvalue())


@dataclass
class PieceReader:
    """Reads pieces in a worker. It opens the zip itself, which was verified, and is given names, not bytes."""

    path: Path
    config: IngestConfig

    @cached_property
    def _corpus(self) -> CorpusBundle:
        return CorpusBundle(self.path, is_verified=True)

    def __call__(self, piece: CorpusPiece) -> PieceResult:
        """Read one piece."""
        try:
            return read_content(self._corpus.read_piece(piece), self.config)
        except MidiError as error:
            return TaskFailure(str(error))


if __name__ == "__main__":
    run_stage(run, PARAM_SECTIONS)
