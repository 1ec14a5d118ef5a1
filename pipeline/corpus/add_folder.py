"""Make a folder of MIDI files a corpus: list its files, read them, and say what the corpus would be.

The files are read as ingest reads them, so that what would go wrong later is said now: files that cannot be read, one
piece only, splits with next to no notes, pieces shorter than a training window, and files that are the same work.
"""

from dataclasses import dataclass
from pathlib import Path

from pipeline.config.schema import IngestConfig
from pipeline.core import paths, processes
from pipeline.core.console import log_message, track_progress
from pipeline.core.errors import CorpusError, MidiError
from pipeline.core.processes import TaskFailure, TaskLimits
from pipeline.corpus.ingest_counts import PieceCollector, held_out_first
from pipeline.corpus.ingest_summary import SummaryLine, describe_summary
from pipeline.corpus.manifest import FolderManifest, LeftOut, validate_name
from pipeline.corpus.near_duplicates import group_near_duplicates, stack_sketches
from pipeline.corpus.piece_reader import PieceFacts, read_content
from pipeline.corpus.sources import folder
from pipeline.corpus.sources.folder_changes import compare_files
from pipeline.corpus.sources.folder_scan import FolderScan, hash_files, scan_folder

MIN_PIECES = 2
"""One to train on and one to score."""
PieceResult = PieceFacts | TaskFailure
"""What is known of a file, or why it cannot be read."""


@dataclass(frozen=True)
class AddedFolder:
    """A folder that is a corpus now."""

    manifest_path: Path
    manifest: FolderManifest
    changes: str
    """What changed since the manifest before, if there was one."""
    lines: list[SummaryLine]
    """What the corpus has and lacks."""

    def __str__(self) -> str:
        """Return one line with the number of files and the changes."""
        return (
            f"{self.manifest_path}: {len(self.manifest.files):,} MIDI files, split by {self.manifest.split_by}"
            + (f"; {self.changes}" if self.changes else "")
        )


@dataclass(frozen=True)
class FolderReader:
    """Reads files of a folder in a worker. It is given names, not bytes."""

    root: Path
    config: IngestConfig

    def __call__(self, member: str) -> PieceResult:
        """Read one file."""
        try:
            return read_content((self.root / member).read_bytes(), self.config).facts
        except MidiError as error:
            return TaskFailure(str(error))
        except OSError as error:
            return TaskFailure(f"cannot be read ({error.strerror})")


def add_folder(
    name: str, root: Path | None, config: IngestConfig, sequence_length: int
) -> AddedFolder:
    """Write the manifest of a folder of MIDI files; what a user added to an earlier manifest is kept.

    Args:
        name: name of the corpus.
        root: the folder; if there is none, that of the earlier manifest.
        config: how MIDI is read.
        sequence_length: notes in a training window.

    Raises:
        CorpusError: the name is not valid, a corpus of another kind has it, or the folder has fewer than two MIDI files.
    """
    path = paths.get_manifest_path(validate_name(name))
    previous = folder.load_previous(name, path)
    root = root or _get_root(name, previous)
    scan = scan_folder(root)
    for problem in scan.problems:
        log_message(f"skipped: {problem}")
    _check_num_files(root, scan)
    hashes = dict(hash_files(root, scan.members))
    results = _read_files(root, scan.members, config)
    place = folder.relative_to_project(root, paths.get_project_root())
    left_out = scan.summarize_left_out()
    manifest = folder.make_manifest(name, place, hashes, previous).model_copy(
        update={"near_duplicates": _find_near_duplicates(results), "left_out": left_out}
    )
    lines = _describe_corpus(name, manifest, results, sequence_length)
    folder.save_manifest(manifest, path)
    return AddedFolder(path, manifest, _describe_changes(previous, hashes), lines)


def _get_root(name: str, previous: FolderManifest | None) -> Path:
    """Return the folder of the earlier manifest."""
    if previous is None:
        raise CorpusError(
            f"corpus {name!r} has no manifest; name its folder: music-rnn add-corpus {name} FOLDER"
        )
    return paths.get_project_root() / previous.root


def _describe_changes(previous: FolderManifest | None, hashes: dict[str, str]) -> str:
    """Return what is new and gone since the manifest before, if there was one."""
    if previous is None:
        return ""
    return str(compare_files(previous.files, hashes)) or "no change"


def _check_num_files(root: Path, scan: FolderScan) -> None:
    """Refuse a folder with fewer than two MIDI files, and say what it has instead."""
    rows = scan.summarize_left_out()
    others = f"; there is {'; '.join(map(_format_left_out, rows[:3]))}" if rows else ""
    if not scan.members:
        raise CorpusError(f"{root}: no file in it ends in {', '.join(paths.MIDI_SUFFIXES)}{others}")
    if len(scan.members) < MIN_PIECES:
        raise CorpusError(
            f"{root}: {scan.members[0]} is its only MIDI file; a corpus needs {MIN_PIECES} pieces at least, "
            f"one to train on and one to score: add music{others}"
        )


def _format_left_out(row: LeftOut) -> str:
    return f"{row.files:,} × {row.reason}, such as {row.example}"


def _read_files(root: Path, members: list[str], config: IngestConfig) -> dict[str, PieceResult]:
    """Read all files, in workers that can be stopped."""
    limits = TaskLimits(num_workers=processes.choose_num_workers(len(members)))
    answers = processes.bounded_map(FolderReader(root, config), members, limits)
    results = track_progress(answers, "reading MIDI", len(members))
    return dict(zip(members, results, strict=True))


def _find_near_duplicates(results: dict[str, PieceResult]) -> dict[str, str]:
    """Return the first file of the same work for each file that has one, itself included."""
    facts = {name: facts for name, facts in results.items() if isinstance(facts, PieceFacts)}
    members = list(facts)
    groups = group_near_duplicates(stack_sketches(piece.sketch for piece in facts.values()))
    first_of = {index: group[0] for group in groups for index in group}
    return {members[index]: members[first_of[index]] for index in sorted(first_of)}


def _describe_corpus(
    name: str, manifest: FolderManifest, results: dict[str, PieceResult], sequence_length: int
) -> list[SummaryLine]:
    """Return what ingest would say of the corpus, and whether it has too few works.

    Raises:
        CorpusError: a top folder is no split.
    """
    hint = f"run 'music-rnn add-corpus {name}' again"
    pieces = sorted(folder.make_pieces(manifest, hint), key=held_out_first)
    collector = PieceCollector()
    works = {
        piece.composition for piece in pieces if collector.add_piece(piece, results[piece.member])
    }
    lines = describe_summary(collector.summarize(name, manifest.left_out), sequence_length)
    if len(works) < MIN_PIECES:
        message = f"{len(works)} can be told apart; a corpus needs {MIN_PIECES} at least, one to train on and one to score"
        lines.append(SummaryLine("works", message, "add other music"))
    return lines
