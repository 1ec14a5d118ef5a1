"""Stage windows: quantize the notes of a corpus, and index its pieces."""

import numpy as np

from pipeline.config import Params
from pipeline.core import checksums, console, paths
from pipeline.core.errors import DataError
from pipeline.corpus import tables
from pipeline.corpus.ingest_summary import describe_short_pieces, list_shortest_pieces
from pipeline.corpus.tables import PieceRow
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
    rows = tables.read_pieces(paths.PIECES)
    _check_splits(rows)
    lengths = np.array([row.num_notes for row in rows], np.int64)
    dataset = WindowDataset(
        notes=ShardedNotes([]),
        piece_ends=np.cumsum(lengths),
        splits=np.array([row.split for row in rows]),
        piece_names=np.array([row.member for row in rows]),
        compositions=np.array([row.composition for row in rows]),
        sequence_length=config.sequence_length,
        stride=config.stride,
        max_train_notes=config.max_train_notes,
    )
    pieces = tables.read_notes(paths.NOTES, [row.index for row in rows])
    progress = console.track_progress(pieces, "quantizing pieces", len(rows))
    windows.write_windows(dataset, map(quantize.quantize, progress), paths.WINDOWS)
    for line in describe_short_pieces(list_shortest_pieces(rows), config.sequence_length):
        console.log_message(f"warning: {line.topic}: {line.message}; {line.hint}")
    num_windows = windows.count_windows(lengths, config.sequence_length, config.stride).sum()
    num_training = lengths[dataset.splits == "train"].sum()
    console.log_message(
        f"windows: {num_windows:,} of {config.sequence_length} notes; the corpus has {num_training:,} notes for "
        f"training and {lengths.sum() - num_training:,} held out"
    )


def _check_splits(rows: list[PieceRow]) -> None:
    """Refuse a corpus that no stage after this one could use."""
    for split in ("train", "validation"):
        if not any(row.split == split for row in rows):
            raise DataError(
                f"{paths.PIECES}: {len(rows):,} pieces and none in the split {split}; add music, "
                "or give a piece this split in the manifest"
            )


if __name__ == "__main__":
    run_stage(run, PARAM_SECTIONS)
