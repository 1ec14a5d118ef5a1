"""Stage ingest: read MIDI files and write a table of notes and a table of pieces.

Pieces are numbered in the order test, validation, train, by name within each. Where two files have the same notes, the
held-out one is first and is kept, so that a model is never tested on what it was trained on. Files are read by workers
that can be stopped (`processes`), so that no file can stop the run; of many files, on a Dask cluster (`cluster`).
"""

import csv
import shutil
from collections.abc import Iterable, Sequence

from pipeline.config import Params
from pipeline.core import checksums, console, files, paths
from pipeline.core.errors import CorpusError
from pipeline.core.processes import TaskFailure
from pipeline.corpus import ingest_summary
from pipeline.corpus.bundle import CorpusBundle, CorpusPiece
from pipeline.corpus.ingest_counts import PieceCollector, held_out_first
from pipeline.corpus.ingest_summary import IngestSummary
from pipeline.corpus.manifest import LeftOut, load_accepted_leaks
from pipeline.corpus.read_corpus import PieceReader, PieceResult, read_pieces
from pipeline.corpus.tables import NotesWriter, write_pieces
from pipeline.stages.runner import run_stage

PARAM_SECTIONS = ("corpus", "ingest")
"""What it reads of params.yaml."""


def run(params: Params) -> None:
    """Write the tables of notes and pieces, the list of rejected files and the summary.

    Raises:
        CorpusError: not one file could be read.
    """
    path = paths.get_corpus_archive(params.corpus)
    corpus = CorpusBundle(path)
    pieces = sorted(corpus.pieces, key=held_out_first)
    reader = PieceReader(path.resolve(), params.ingest, corpus.url)
    answers = read_pieces(reader, pieces, params.corpus)
    results = console.track_progress(answers, "reading MIDI", len(pieces))
    summary = write_tables(params.corpus, zip(pieces, results, strict=True), corpus.left_out)
    shutil.rmtree(paths.get_unfinished_ingest_dir(params.corpus), ignore_errors=True)
    accepted = load_accepted_leaks(paths.get_manifest_path(params.corpus))
    ingest_summary.print_lines(ingest_summary.describe_summary(summary, accepted=accepted))


def write_tables(
    corpus: str,
    results: Iterable[tuple[CorpusPiece, PieceResult]],
    left_out: Sequence[LeftOut] = (),
) -> IngestSummary:
    """Write the tables of what was read, the list of rejected files, the summary and the checksums.

    Args:
        corpus: name of the corpus.
        results: all pieces, the held-out ones first, and what was read of each.
        left_out: files that are not in the corpus at all.

    Raises:
        CorpusError: not one file could be read.
    """
    collector = PieceCollector()
    with NotesWriter(paths.NOTES) as writer:
        for piece, result in results:
            if isinstance(result, TaskFailure):
                collector.add_piece(piece, result)
            elif collector.add_piece(piece, result.facts):
                writer.write_piece(collector.num_taken - 1, result.notes)
        if not collector.num_taken:
            path = paths.get_corpus_archive(corpus)
            count, first = collector.num_rejected, ": ".join(collector.first_rejected)
            raise CorpusError(f"{path}: none of {count:,} files is music; the first: {first}")
    write_pieces(paths.PIECES, collector.iterate_rows())
    _write_rejected(collector.iterate_rejected())
    summary = collector.summarize(corpus, left_out)
    ingest_summary.save_summary(paths.INGEST_SUMMARY, summary)
    checksums.write_checksums(paths.NOTES.parent)
    return summary


def _write_rejected(rejected: Iterable[tuple[str, str]]) -> None:
    """Write the list of rejected files, which are sorted; the header alone when there are none."""
    with (
        files.atomic_path(paths.REJECTED) as temporary,
        temporary.open("w", encoding="utf-8", newline="") as file,
    ):
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(("member", "reason"))
        rows.writerows(rejected)


if __name__ == "__main__":
    run_stage(run, PARAM_SECTIONS)
