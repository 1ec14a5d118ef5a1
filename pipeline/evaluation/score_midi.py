"""How surprised a model is by MIDI files: bits of every note, per head.

Shapes: N notes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

from pipeline.core import files
from pipeline.core.errors import DataError, MidiError, sanitize_line
from pipeline.midi import reader, validate
from pipeline.models import scoring
from pipeline.models.model_io import TrainedModel
from pipeline.notes import quantize
from pipeline.notes.note import NOTE_COLUMNS, Notes
from pipeline.notes.quantize import SCORED_FEATURES


@dataclass(frozen=True)
class FileScore:
    """One file under a model."""

    path: Path
    notes: Notes
    """[N]"""
    bits: NDArray[np.float64]
    """[N - 1, 3] of all notes but the first, columns as `HEADS`; a fourth is of velocity, where the model tells it."""

    @property
    def features(self) -> tuple[str, ...]:
        """Names of the columns."""
        return (*SCORED_FEATURES, "velocity")[: self.bits.shape[1]]


def score_files(model: TrainedModel, paths: Sequence[Path]) -> list[FileScore]:
    """Score MIDI files.

    Raises:
        MidiError: names the file that cannot be read or has fewer than two notes.
        DataError: the model tells a note of a file in bits that are no number.
    """
    return [_score_file(model, path) for path in paths]


def _score_file(model: TrainedModel, path: Path) -> FileScore:
    try:
        notes = reader.read_notes(validate.read_file(path), "symusic", model.sustain_pedal)
    except (OSError, MidiError) as error:
        raise MidiError(f"{path}: {error}; give a MIDI file with notes") from error
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


def print_scores(scores: Sequence[FileScore]) -> None:
    """Print one row a file."""
    out = Table(
        Column("file", overflow="fold"),
        "notes",
        "bits per note",
        *(scores[0].features if scores else SCORED_FEATURES),
    )
    for each in scores:
        mean = each.bits.mean(axis=0)
        told = (mean[: len(SCORED_FEATURES)].sum(), *mean)
        out.add_row(
            Text(sanitize_line(str(each.path))),
            f"{len(each.notes):,}",
            *(f"{value:.3f}" for value in told),
        )
    Console(highlight=False).print(out)


def write_note_scores(scores: Sequence[FileScore], path: Path) -> None:
    """Write one row a note: file, the note, and its bits per head; those of a first note are null."""
    import pyarrow as pa  # of the extra `train`
    import pyarrow.parquet as pq

    parts = []
    for each in scores:
        name = (
            str(each.path).encode("utf-8", "backslashreplace").decode()
        )  # a name need not be UTF-8
        columns = {"file": pa.array([name] * len(each.notes), pa.string())}
        columns |= {name: pa.array(each.notes[name]) for name in NOTE_COLUMNS}
        bits = np.concatenate([np.full((1, len(each.features)), np.nan), each.bits])
        columns |= {
            f"bits_{head}": pa.array(bits[:, place], pa.float64(), from_pandas=True)
            for place, head in enumerate(each.features)
        }
        parts.append(pa.table(columns))
    with files.atomic_path(path) as temporary:
        pq.write_table(
            pa.concat_tables(parts), temporary, compression="zstd", write_page_checksum=True
        )
