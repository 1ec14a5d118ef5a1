"""Stage windows: quantize the notes of a corpus, and index its pieces."""

import numpy as np

from pipeline.config import Params
from pipeline.core import checksums, console, paths
from pipeline.core.errors import DataError
from pipeline.corpus import tables
from pipeline.corpus.ingest_summary import describe_short_pieces, list_shortest_pieces
from pipeline.corpus.splits import SPLITS
from pipeline.corpus.tables import PieceColumns
from pipeline.dataset import windows
from pipeline.dataset.sharded_notes import ShardedNotes
from pipeline.dataset.windows import WindowDataset
from pipeline.notes import quantize
from pipeline.stages.runner import run_stage

PARAM_SECTIONS = ("windows",)
"""What it reads of params.yaml."""


def run(params: Params) -> None:
    """Write every note once, on the time grid, with one piece in memory at a time, and the index of all pieces.

    Raises:
        DataError: no piece is there to train on, or to validate with.
    """
    config = params.windows
    checksums.verify_checksums(paths.NOTES.parent, "run 'dvc repro -f -s ingest'")
    columns = tables.read_piece_columns(paths.PIECES)
    _check_splits(columns)
    lengths = columns.num_notes
    dataset = WindowDataset(
        notes=ShardedNotes([]),
        piece_ends=np.cumsum(lengths),
        splits=columns.splits.astype(f"<U{max(map(len, SPLITS))}"),
        piece_names=columns.members,
        compositions=columns.compositions,
        sequence_length=config.sequence_length,
        stride=config.stride,
        max_train_notes=config.max_train_notes,
    )
    pieces = tables.read_notes(paths.NOTES, range(len(columns)))
    progress = console.track_progress(pieces, "quantizing pieces", len(columns))
    windows.write_windows(dataset, map(quantize.quantize, progress), paths.WINDOWS)
    shortest = list_shortest_pieces(tables.iterate_pieces(paths.PIECES))
    for line in describe_short_pieces(shortest, config.sequence_length):
        console.log_message(f"warning: {line.topic}: {line.message}; {line.hint}")
    num_windows = windows.count_windows(lengths, config.sequence_length, config.stride).sum()
    num_training = lengths[dataset.splits == "train"].sum()
    console.log_message(
        f"windows: {num_windows:,} of {config.sequence_length} notes; the corpus has {num_training:,} notes for "
        f"training and {lengths.sum() - num_training:,} held out"
    )


def _check_splits(columns: PieceColumns) -> None:
    """Refuse a corpus that no stage after this one could use."""
    for split in ("train", "validation"):
        if not (columns.splits == split).any():
            raise DataError(
                f"{paths.PIECES}: {len(columns):,} pieces and none in the split {split}; add music, "
                "or give a piece this split in the manifest"
            )


if __name__ == "__main__":
    run_stage(run, PARAM_SECTIONS)
