"""Stage windows: quantize the notes of a corpus and find the starts of windows."""

import numpy as np

from pipeline.config import Params
from pipeline.core import checksums, console, paths
from pipeline.core.errors import DataError
from pipeline.corpus import tables
from pipeline.corpus.ingest_summary import describe_short_pieces, list_shortest_pieces
from pipeline.corpus.tables import PieceRow
from pipeline.dataset import windows
from pipeline.dataset.windows import WindowDataset
from pipeline.notes import quantize
from pipeline.stages.runner import run_stage

PARAM_SECTIONS = ("windows",)
"""What it reads of params.yaml."""


def run(params: Params) -> None:
    """Write every note once, on the time grid, and the first note of every window.

    Raises:
        DataError: no piece is there to train on, or to validate with.
    """
    config = params.windows
    checksums.verify_checksums(paths.NOTES.parent, "run 'dvc repro -f -s ingest'")
    rows = tables.read_pieces(paths.PIECES)
    _check_splits(rows)
    pieces = tables.read_notes(paths.NOTES, [row.index for row in rows])
    progress = console.track_progress(pieces, "quantizing pieces", len(rows))
    quantized = [quantize.quantize(notes) for notes in progress]
    lengths = [len(notes) for notes in quantized]
    ends = np.cumsum(lengths)
    splits = np.array([row.split for row in rows])
    is_training = np.repeat(splits == "train", lengths)
    starts = windows.window_starts(ends.tolist(), config.sequence_length, config.stride)
    dataset = WindowDataset(
        notes=np.concatenate(quantized),
        piece_ends=ends,
        splits=splits,
        piece_names=np.array([row.member for row in rows]),
        compositions=np.array([row.composition for row in rows]),
        window_starts=starts,
        sequence_length=config.sequence_length,
        max_train_notes=config.max_train_notes,
    )
    windows.save_windows(dataset, paths.WINDOWS)
    for line in describe_short_pieces(list_shortest_pieces(rows), config.sequence_length):
        console.log_message(f"warning: {line.topic}: {line.message}; {line.hint}")
    num_training = int(is_training.sum())
    console.log_message(
        f"windows: {len(starts):,} of {config.sequence_length} notes; the corpus has {num_training:,} notes for "
        f"training and {len(is_training) - num_training:,} held out"
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
