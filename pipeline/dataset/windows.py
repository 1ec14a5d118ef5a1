"""Where the windows of a piece start, and in which order training reads them.

A window is T consecutive notes of one piece, followed by its target. Nothing is materialised: the file holds every
note once, and windows are gathered when a batch is made, so that their length costs no disk.

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
    """All pieces of a corpus as codes, and where training windows start."""

    notes: QuantizedNotes
    """[N, 4], piece after piece."""
    piece_ends: NDArray[np.int64]
    """[P] index after the last note of each piece."""
    splits: NDArray[np.str_]
    """[P] split of each piece."""
    piece_names: NDArray[np.str_]
    """[P] name of each piece in the corpus."""
    window_starts: NDArray[np.int32]
    """[W] first note of each training window."""
    sequence_length: int
    """Notes in a window, T."""

    def select_pieces(self, split: str) -> list[QuantizedNotes]:
        """Return the codes [n, 4] of each piece of a split.

        Raises:
            DataError: the split is empty.
        """
        found = [
            self.notes[begin:end]
            for begin, end, its in zip(
                self._compute_piece_starts(), self.piece_ends, self.splits, strict=True
            )
            if its == split
        ]
        if not found:
            raise DataError(
                f"the corpus has no piece in the split {split!r}; give one that split in its manifest"
            )
        return found

    def select_piece_names(self, split: str) -> list[str]:
        """Return the names of the pieces of a split, in the order of `pieces`."""
        return [
            str(name)
            for name, its in zip(self.piece_names, self.splits, strict=True)
            if its == split
        ]

    def _compute_piece_starts(self) -> NDArray[np.int64]:
        return np.concatenate([[0], self.piece_ends[:-1]])

    def gather(self, window_indices: NDArray[np.integer]) -> tuple[QuantizedNotes, QuantizedNotes]:
        """Return the notes [B, T, 4] and the target [B, 4] of training windows, given by number."""
        first = self.window_starts[window_indices].astype(np.int64)
        return self.notes[first[:, None] + np.arange(self.sequence_length)], self.notes[
            first + self.sequence_length
        ]


ARRAY_NAMES = tuple(field.name for field in fields(WindowDataset))
"""Names of the arrays in the file."""


def window_starts(
    piece_ends: Sequence[int], sequence_length: int, stride: int
) -> NDArray[np.int32]:
    """Return the first note of every window that, with its target, lies inside one piece.

    Args:
        piece_ends: index after the last note of each piece; the first piece begins at 0.
        sequence_length: notes in a window, T.
        stride: notes between window starts.
    """
    begins = [0, *piece_ends[:-1]]
    ranges = [
        np.arange(begin, end - sequence_length, stride)
        for begin, end in zip(begins, piece_ends, strict=True)
    ]
    return np.concatenate([np.empty(0, np.int64), *ranges]).astype(np.int32)


def shuffled_order(seed: int, num_windows: int, first: int, count: int) -> NDArray[np.int64]:
    """Return which windows training reads, from its `first` on, `count` of them.

    The order is an endless row of permutations, one for each pass over the corpus, and a function of the seed alone:
    a run that was stopped goes on with the windows it would have read.

    Raises:
        DataError: there are no windows.
    """
    if num_windows == 0:
        raise DataError(
            "no training window: every training piece is shorter than windows.length + 1 notes"
        )
    passes = range(first // num_windows, (first + count - 1) // num_windows + 1)
    row = np.concatenate(
        [np.random.default_rng([seed, k]).permutation(num_windows) for k in passes]
    )
    skip = first - passes.start * num_windows
    return row[skip : skip + count]


def truncate_pieces(pieces: Sequence[QuantizedNotes], max_notes: int) -> list[QuantizedNotes]:
    """Cut pieces to their beginnings, of equal length where they are long enough, about `notes` in all; 0 cuts none."""
    if not max_notes:
        return list(pieces)
    share = max(2, max_notes // len(pieces))
    return [codes[:share] for codes in pieces]


def save_windows(dataset: WindowDataset, path: Path) -> None:
    """Write windows as a sealed npz; equal windows give equal bytes."""
    with files.atomic_path(path) as temporary:
        temporary.write_bytes(
            files.encode_npz({name: np.asarray(getattr(dataset, name)) for name in ARRAY_NAMES})
        )
        files.append_zip_checksum(temporary)


def load_windows(path: Path) -> WindowDataset:
    """Read windows.

    Raises:
        DataError: the file is missing, torn, or a bit of it is another than was written.
    """
    try:
        # Of a file that is no zip, np.load would leave the handle open.
        data = io.BytesIO(path.read_bytes())
        if not files.has_valid_checksum(data):
            raise ValueError("torn, or changed since it was written")
        with np.load(data, allow_pickle=False) as arrays:
            values = {name: arrays[name] for name in ARRAY_NAMES}
    except (OSError, ValueError, KeyError, EOFError, BadZipFile) as error:
        raise DataError(
            f"{path}: no windows here ({error}); make them with 'dvc repro windows'"
        ) from error
    return WindowDataset(**{**values, "sequence_length": int(values["sequence_length"])})
