"""Stage ingest: MIDI files become rows of notes, each with its piece and its split.

Pieces are numbered in the order test, validation, train, by name within each. So, where two files hold the same notes,
the copy that is held out comes first and stays, and a model is never tested on what it was trained on.
"""

import csv
import hashlib
import io
import multiprocessing
import os
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

from pipeline import files, paths, splits
from pipeline.corpus import Corpus, Piece
from pipeline.errors import CorpusError, MidiError
from pipeline.midi import read_notes
from pipeline.note import Notes
from pipeline.params import Params
from pipeline.progress import say, track
from pipeline.sections import Ingest
from pipeline.stages import start
from pipeline.tables import NotesWriter, PieceRow, write_pieces

SECTIONS = ("corpus", "ingest")
"""What it reads of params.yaml."""
AHEAD = 8
"""Files read ahead per worker, which bounds the memory; for fewer, no further worker is worth its start."""
Result = Notes | str
"""The notes of a piece, or why it has none."""


def run(params: Params) -> None:
    """Write the tables of notes and pieces, and the list of rejected files.

    Raises:
        CorpusError: not one file could be read, or a reader died.
    """
    path = paths.corpus_zip(params.corpus)
    pieces = sorted(Corpus(path).pieces, key=lambda piece: (-splits.SPLITS.index(piece.split), piece))
    results = track(_read_all(path, pieces, params.ingest), "reading MIDI", len(pieces))
    rows: list[PieceRow] = []
    rejected: list[tuple[str, str]] = []
    seen: dict[bytes, str] = {}
    with NotesWriter(paths.NOTES) as writer:
        for piece, result in zip(pieces, results, strict=True):
            reason = result if isinstance(result, str) else _copied(result, piece, seen)
            if isinstance(result, str) or reason:
                rejected.append((piece.member, reason))
                continue
            writer.write(len(rows), result)
            rows.append(_row(len(rows), piece, result))
        if not rows:
            raise CorpusError(f"{path}: none of {len(pieces):,} files is music; the first: {': '.join(rejected[0])}")
    write_pieces(paths.PIECES, rows)
    _write_rejected(rejected)
    _tell(rows, rejected)


def _copied(notes: Notes, piece: Piece, seen: dict[bytes, str]) -> str:
    """Return of which earlier piece these notes are a copy, or nothing."""
    key = hashlib.sha256(notes.tobytes()).digest()
    first = seen.setdefault(key, piece.member)
    return "" if first == piece.member else f"duplicate of {first}"


def _row(number: int, piece: Piece, notes: Notes) -> PieceRow:
    """Describe a piece by its notes."""
    seconds = float((notes["onset"] + notes["duration"]).max())
    return PieceRow(number, piece.member, piece.composition, piece.split, len(notes), seconds, piece.sha256)


def _write_rejected(rejected: list[tuple[str, str]]) -> None:
    """Write the list of rejected files, sorted; the header alone when there are none."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([("member", "reason"), *sorted(rejected)])
    files.write_text(paths.REJECTED, text.getvalue())


def _tell(rows: list[PieceRow], rejected: list[tuple[str, str]]) -> None:
    """Say what there is, and what there is not."""
    hours = sum(row.seconds for row in rows) / 3600
    say(f"{sum(row.notes for row in rows):,} notes in {len(rows):,} pieces, {hours:,.1f} hours")
    copies = sum(reason.startswith("duplicate of ") for _, reason in rejected)
    if copies:
        say(f"{copies:,} files hold the notes of another and are left out; see {paths.REJECTED}")
    if len(rejected) > copies:
        say(f"{len(rejected) - copies:,} files are rejected; see {paths.REJECTED}")
    for split in splits.SPLITS:
        if not any(row.split == split for row in rows):
            say(f"warning: no piece in the split {split}")


def _read_all(path: Path, pieces: list[Piece], how: Ingest) -> Iterator[Result]:
    """Read pieces on all cores, in order; a worker opens the zip itself and is sent names, not bytes.

    Raises:
        CorpusError: a worker died, by a crash of the reader or for lack of memory.
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    # Workers are started afresh, not forked: a copy of a process that has threads can wait for ever.
    context = multiprocessing.get_context("spawn")
    workers = max(1, min(cores, len(pieces) // AHEAD))
    waiting: deque[tuple[Piece, Future[Result]]] = deque()
    with ProcessPoolExecutor(workers, context, _open, (path, how)) as pool:
        todo = iter(pieces)
        try:
            while True:
                while len(waiting) < workers * AHEAD and (piece := next(todo, None)):
                    waiting.append((piece, pool.submit(_read, piece)))
                if not waiting:
                    return
                yield waiting[0][1].result()
                waiting.popleft()
        except BrokenProcessPool as error:
            near = ", ".join(piece.member for piece, _ in list(waiting)[:workers])
            raise CorpusError(
                f"{path}: a reader died near {near}; take the file out, or free memory, and run again"
            ) from error
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


_open_corpus: list[tuple[Corpus, Ingest]] = []
"""Of a worker: the corpus it reads from, and how."""


def _open(path: Path, how: Ingest) -> None:
    """Prepare a worker."""
    _open_corpus.append((Corpus(path), how))


def _read(piece: Piece) -> Result:
    """Read one piece in a worker."""
    corpus, how = _open_corpus[0]
    try:
        return read_notes(corpus.read(piece), how.reader, how.pedal)
    except MidiError as error:
        return str(error)


if __name__ == "__main__":
    start(run, SECTIONS)
