"""Stage windows: the notes of a corpus to codes, and where training windows start."""

import numpy as np

from pipeline.config import Params
from pipeline.core import checksums, console, paths
from pipeline.corpus import tables
from pipeline.corpus.tables import PieceRow
from pipeline.dataset import windows
from pipeline.dataset.windows import WindowDataset
from pipeline.notes import quantize
from pipeline.stages.runner import run_stage

PARAM_SECTIONS = ("windows",)
"""What it reads of params.yaml."""


def run(params: Params) -> None:
    """Write every note once, on the time grid, and the first note of every training window."""
    how = params.windows
    checksums.verify_checksums(paths.NOTES.parent, "run 'dvc repro -f -s ingest'")
    pieces = _select_pieces(tables.read_pieces(paths.PIECES), how.max_train_notes)
    notes = tables.read_notes(paths.NOTES, [piece.index for piece in pieces])
    codes = [
        quantize.quantize(its)
        for its in console.track_progress(notes, "encoding pieces", len(pieces))
    ]
    ends = np.cumsum([len(its) for its in codes])
    splits = np.array([piece.split for piece in pieces])
    training = np.repeat(splits == "train", [len(its) for its in codes])
    starts = windows.window_starts([int(end) for end in ends], how.sequence_length, how.stride)
    made = WindowDataset(
        notes=np.concatenate(codes),
        piece_ends=ends,
        splits=splits,
        piece_names=np.array([piece.member for piece in pieces]),
        window_starts=starts[training[starts]],
        sequence_length=how.sequence_length,
    )
    windows.save_windows(made, paths.WINDOWS)
    console.log_message(
        f"windows: {len(made.window_starts):,} of {how.sequence_length} notes for training, from {int(training.sum()):,} notes; "
        f"{len(training) - int(training.sum()):,} notes held out"
    )


def _select_pieces(pieces: list[PieceRow], max_train_notes: int) -> list[PieceRow]:
    """Leave out the training pieces with which training notes would be more than the limit; 0 is no limit."""
    kept, taken = [], 0
    for piece in pieces:
        if piece.split == "train":
            taken += piece.num_notes
            if max_train_notes and taken > max_train_notes:
                continue
        kept.append(piece)
    return kept


if __name__ == "__main__":
    run_stage(run, PARAM_SECTIONS)
