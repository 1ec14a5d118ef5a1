"""How surprised a model is by MIDI files: bits of every note, per head.

Shapes: N notes.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

from pipeline.core import files
from pipeline.core.console import track_progress
from pipeline.core.errors import DataError, MidiError, describe_error, sanitize_line
from pipeline.core.paths import MIDI_SUFFIXES
from pipeline.evaluation import performance_events
from pipeline.midi import reader
from pipeline.models import scoring
from pipeline.models.model_io import TrainedModel
from pipeline.notes import quantize
from pipeline.notes.note import NOTE_COLUMNS, Notes
from pipeline.notes.quantize import SCORED_FEATURES

MIN_SHOWN = 20
"""Files from which on the progress is shown."""


@dataclass(frozen=True)
class FileScore:
    """One file under a model."""

    path: Path
    notes: Notes
    """[N]"""
    bits: NDArray[np.float64]
    """[N - 1, 3] of all notes but the first, columns as `SCORED_FEATURES`; then of velocity and pedal, where the model tells
    them."""

    @property
    def features(self) -> tuple[str, ...]:
        """Names of the columns."""
        return quantize.list_bits_columns(self.bits.shape[1])

    @property
    def total_bits_per_note(self) -> float:
        """Mean bits of a note: those of pitch, step and duration together."""
        return float(self.bits[:, : len(SCORED_FEATURES)].sum(axis=1).mean())


@dataclass(frozen=True)
class FileFailure:
    """One file that cannot be scored, and why."""

    path: Path
    reason: str


def score_files(
    model: TrainedModel, paths: Iterable[Path]
) -> tuple[list[FileScore], list[FileFailure]]:
    """Score MIDI files, and those in folders; a file that cannot be read does not stop the others.

    Raises:
        DataError: the model tells a note of a file in bits that are no number.
    """
    files_found, failures = find_midi_files(paths)
    scores: list[FileScore] = []
    progress = track_progress(files_found, "scoring files", len(files_found), min_total=MIN_SHOWN)
    for path in progress:
        try:
            scores.append(score_file(model, path))
        except MidiError as error:
            failures.append(FileFailure(path, str(error).removeprefix(f"{path}: ")))
    return scores, failures


def find_midi_files(paths: Iterable[Path]) -> tuple[list[Path], list[FileFailure]]:
    """Return the files that are named, and the MIDI files in the folders that are named, in order of name.

    Hidden files and folders are left out.
    """
    midi_files: dict[Path, None] = {}
    failures = []
    for path in paths:
        members = [path]
        if path.is_dir():
            members = [member for member in sorted(path.rglob("*")) if _is_midi_file(member, path)]
        if not members:
            failures.append(
                FileFailure(path, f"no file in this folder ends in {', '.join(MIDI_SUFFIXES)}")
            )
        midi_files |= dict.fromkeys(members)
    return list(midi_files), failures


def _is_midi_file(path: Path, folder: Path) -> bool:
    is_hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
    return path.suffix.lower() in MIDI_SUFFIXES and not is_hidden and path.is_file()


def score_file(model: TrainedModel, path: Path) -> FileScore:
    """Score a MIDI file.

    Raises:
        MidiError: names the file that cannot be read or has fewer than two notes.
        DataError: the model tells a note in bits that are no number.
    """
    try:
        notes = reader.read_file_notes(path, model.sustain_pedal)
    except (OSError, MidiError) as error:
        raise MidiError(f"{path}: {describe_error(error)}; give a MIDI file with notes") from error
    if len(notes) < 2:
        raise MidiError(
            f"{path}: one note only; the first is never scored, so give a file with two or more"
        )
    with np.errstate(all="ignore"):
        bits = scoring.score_pieces(model, [quantize.quantize(notes)], 1)[0]
    if bad := int((~np.isfinite(bits).all(axis=1)).sum()):
        why = f"under {model.architecture}, {bad:,} of {len(bits):,} notes have bits that are no number"
        raise DataError(f"{path}: {why}; its weights are no use, so train the model again")
    return FileScore(path, notes, bits)


def compute_nats_per_event(scores: Sequence[FileScore]) -> float | None:
    """Return mean nats of an event of the Performance encoding over all files; None for a model without velocity."""
    means = np.concatenate([score.bits for score in scores]).mean(axis=0)
    bits = dict(zip(scores[0].features, means.tolist(), strict=True))
    bits["bits_per_note"] = sum(bits[name] for name in SCORED_FEATURES)
    events = performance_events.collect_event_stats(
        quantize.quantize(score.notes) for score in scores
    )
    return events.compute_nats_per_event(bits)


def format_scores_json(scores: Sequence[FileScore], failures: Sequence[FileFailure]) -> str:
    """Return scores and failures as a JSON object; bits are means per note, nats are null without velocity."""
    entries = [
        {
            "file": _escape_path(score.path),
            "notes": len(score.notes),
            "bits_per_note": score.total_bits_per_note,
            "nats_per_event": compute_nats_per_event([score]),
            **dict(zip(score.features, score.bits.mean(axis=0).tolist(), strict=True)),
        }
        for score in scores
    ]
    errors = [
        {"file": _escape_path(failure.path), "reason": failure.reason} for failure in failures
    ]
    return json.dumps({"scores": entries, "errors": errors}, indent=1)


def _escape_path(path: Path) -> str:
    """Return a path as text that is valid UTF-8, which a name need not be."""
    return str(path).encode("utf-8", "backslashreplace").decode()


def print_scores(scores: Sequence[FileScore]) -> None:
    """Print one row a file, then in one line the nats per event over all of them, or why there is no such figure."""
    out = Table(
        Column("file", overflow="fold"),
        "notes",
        "bits per note",
        *(scores[0].features if scores else SCORED_FEATURES),
        padding=0,
    )
    for score in scores:
        values = (score.total_bits_per_note, *score.bits.mean(axis=0))
        out.add_row(
            Text(sanitize_line(str(score.path))),
            f"{len(score.notes):,}",
            *(f"{value:.3f}" for value in values),
        )
    console = Console(highlight=False)
    console.print(out)
    if scores:
        figure = performance_events.describe_figure(compute_nats_per_event(scores))
        console.print(figure, soft_wrap=True)


def write_note_scores(scores: Sequence[FileScore], path: Path) -> None:
    """Write one row a note: file, the note, and its bits per head; those of a first note are null."""
    import pyarrow as pa  # of the extra `train`
    import pyarrow.parquet as pq

    parts = []
    for score in scores:
        names = [_escape_path(score.path)] * len(score.notes)
        columns = {"file": pa.array(names, pa.string())}
        columns |= {name: pa.array(score.notes[name]) for name in NOTE_COLUMNS}
        bits = np.concatenate([np.full((1, len(score.features)), np.nan), score.bits])
        columns |= {
            f"bits_{head}": pa.array(bits[:, place], pa.float64(), from_pandas=True)
            for place, head in enumerate(score.features)
        }
        parts.append(pa.table(columns))
    with files.atomic_path(path) as temporary:
        pq.write_table(
            pa.concat_tables(parts), temporary, compression="zstd", write_page_checksum=True
        )
