"""The starts of training windows, and the order in which training reads them.

A window is T consecutive notes of one piece, followed by its target. The file has every note once; windows are
gathered when a batch is made, so a longer window takes no more disk space.

Shapes: N notes of all pieces, P pieces, W windows, T window.
"""

import io
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from pipeline.core import files
from pipeline.core.errors import DataError
from pipeline.notes.quantize import QuantizedNotes


@dataclass(frozen=True)
class WindowDataset:
    """All pieces of a corpus as quantized notes, and the starts of training windows."""

    notes: QuantizedNotes
    """[N, 4], piece after piece."""
    piece_ends: NDArray[np.int64]
    """[P] index after the last note of each piece."""
    splits: NDArray[np.str_]
    """[P] split of each piece."""
    piece_names: NDArray[np.str_]
    """[P] name of each piece in the corpus."""
    compositions: NDArray[np.str_]
    """[P] composition of each piece."""
    window_starts: NDArray[np.int32]
    """[W] first note of each window: of all pieces in the file, of the training pieces in a replicate."""
    sequence_length: int
    """Notes in a window, T."""
    max_train_notes: int
    """Training notes used at most, whole pieces; 0 uses all."""

    def compute_piece_starts(self) -> NDArray[np.int64]:
        """Return the first note of each piece [P]."""
        return np.concatenate([[0], self.piece_ends[:-1]])

    def select_pieces(self, split: str) -> list[QuantizedNotes]:
        """Return the notes [n, 4] of each piece of a split.

        Raises:
            DataError: the split is empty.
        """
        in_split = self.splits == split
        starts, ends = self.compute_piece_starts()[in_split], self.piece_ends[in_split]
        if not len(starts):
            raise DataError(
                f"the corpus has no piece in the split {split!r}; give one that split in its manifest"
            )
        return [self.notes[start:end] for start, end in zip(starts, ends, strict=True)]

    def select_piece_names(self, split: str) -> list[str]:
        """Return the names of the pieces of a split, in the order of `select_pieces`."""
        return [str(name) for name in self.piece_names[self.splits == split]]

    def select_compositions(self, split: str) -> list[str]:
        """Return the compositions of the pieces of a split, in the order of `select_pieces`."""
        return [str(name) for name in self.compositions[self.splits == split]]

    def gather(self, window_indices: NDArray[np.integer]) -> tuple[QuantizedNotes, QuantizedNotes]:
        """Return the notes [B, T, 4] and the target [B, 4] of training windows, by their numbers."""
        starts = self.window_starts[window_indices].astype(np.int64)
        indices = starts[:, None] + np.arange(self.sequence_length)
        return self.notes[indices], self.notes[starts + self.sequence_length]


ARRAY_NAMES = tuple(field.name for field in fields(WindowDataset))
"""Names of the arrays in the file."""


def window_starts(
    piece_ends: Sequence[int], sequence_length: int, stride: int
) -> NDArray[np.int32]:
    """Return the first note of every window that, with its target, lies inside one piece.

    Args:
        piece_ends: index after the last note of each piece; the first piece starts at 0.
        sequence_length: notes in a window, T.
        stride: notes between window starts.
    """
    piece_starts = [0, *piece_ends[:-1]]
    ranges = [
        np.arange(start, end - sequence_length, stride)
        for start, end in zip(piece_starts, piece_ends, strict=True)
    ]
    return np.concatenate([np.empty(0, np.int64), *ranges]).astype(np.int32)


def shuffled_order(seed: int, num_windows: int, first: int, count: int) -> NDArray[np.int64]:
    """Return the numbers of `count` windows that training reads, from its `first` on.

    The order is an endless sequence of permutations, one for each pass over the corpus, and depends on the seed only:
    a run that was stopped continues with the windows that it would have read.

    Raises:
        DataError: there are no windows.
    """
    if num_windows == 0:
        raise DataError(
            "no training window: every training piece is shorter than windows.length + 1 notes"
        )
    passes = range(first // num_windows, (first + count - 1) // num_windows + 1)
    permutations = [
        np.random.default_rng([seed, number]).permutation(num_windows) for number in passes
    ]
    skip = first - passes.start * num_windows
    return np.concatenate(permutations)[skip : skip + count]


def truncate_pieces(pieces: Sequence[QuantizedNotes], max_notes: int) -> list[QuantizedNotes]:
    """Cut pieces to equal shares of about `max_notes` in all, from their first notes on; 0 cuts none."""
    if not max_notes:
        return list(pieces)
    share = max(2, max_notes // len(pieces))
    return [notes[:share] for notes in pieces]


def save_windows(dataset: WindowDataset, path: Path) -> None:
    """Write windows as an npz with a checksum; equal windows give equal bytes."""
    arrays = {name: np.asarray(getattr(dataset, name)) for name in ARRAY_NAMES}
    with files.atomic_path(path) as temporary:
        temporary.write_bytes(files.encode_npz(arrays))
        files.append_zip_checksum(temporary)


def load_windows(path: Path) -> WindowDataset:
    """Read windows.

    Raises:
        DataError: the file is missing, incomplete, or was changed.
    """
    try:
        # From bytes, because np.load does not close a file that is no zip.
        data = io.BytesIO(path.read_bytes())
        if not files.has_valid_checksum(data):
            raise ValueError("torn, or changed since it was written")
        with np.load(data, allow_pickle=False) as arrays:
            values = {name: arrays[name] for name in ARRAY_NAMES}
    except (OSError, ValueError, KeyError, EOFError, BadZipFile) as error:
        raise DataError(
            f"{path}: no windows here ({error}); make them with 'dvc repro windows'"
        ) from error
    numbers = {name: int(values[name]) for name in ("sequence_length", "max_train_notes")}
    return WindowDataset(**values | numbers)
