"""Stage windows: quantize the notes of a corpus and find the starts of training windows."""

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
    """Write every note once, on the time grid, and the first note of every training window.

    Raises:
        DataError: no piece is there to train on, or to validate with.
    """
    config = params.windows
    checksums.verify_checksums(paths.NOTES.parent, "run 'dvc repro -f -s ingest'")
    rows = _select_pieces(tables.read_pieces(paths.PIECES), config.max_train_notes)
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
        window_starts=starts[is_training[starts]],
        sequence_length=config.sequence_length,
    )
    windows.save_windows(dataset, paths.WINDOWS)
    for line in describe_short_pieces(list_shortest_pieces(rows), config.sequence_length):
        console.log_message(f"warning: {line.topic}: {line.message}; {line.hint}")
    num_training = int(is_training.sum())
    console.log_message(
        f"windows: {len(dataset.window_starts):,} of {config.sequence_length} notes for training, "
        f"from {num_training:,} notes; {len(is_training) - num_training:,} notes held out"
    )


def _check_splits(rows: list[PieceRow]) -> None:
    """Refuse a corpus that no stage after this one could use."""
    for split in ("train", "validation"):
        if not any(row.split == split for row in rows):
            raise DataError(
                f"{paths.PIECES}: {len(rows):,} pieces and none in the split {split}; add music, "
                "or give a piece this split in the manifest"
            )


def _select_pieces(pieces: list[PieceRow], max_train_notes: int) -> list[PieceRow]:
    """Drop the training pieces with which the training notes would exceed the limit; 0 is no limit."""
    selected, train_notes = [], 0
    for piece in pieces:
        if piece.split == "train":
            train_notes += piece.num_notes
            if max_train_notes and train_notes > max_train_notes:
                continue
        selected.append(piece)
    return selected


if __name__ == "__main__":
    run_stage(run, PARAM_SECTIONS)
