"""The training windows of a corpus, and the order in which training reads them.

A window is T consecutive notes of one piece, followed by its target. The files have every note once; windows are
gathered when a batch is made, so a longer window takes no more disk space. No array is as long as the corpus: a window
is a number, and its piece and its place there follow from the number of windows of each piece.

    index.npz          pieces, names as `text_columns`, and the sha256 of each shard; sealed, so that its own sha256
                       identifies the whole
    notes-00000.npy    notes of whole pieces, see `sharded_notes`

Shapes: N notes of all pieces, P pieces, W windows, T window.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import Any, overload
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from pipeline.core import checksums, files
from pipeline.core.errors import DataError
from pipeline.dataset import sharded_notes
from pipeline.dataset.permutation import hash_numbers, permute_numbers
from pipeline.dataset.sharded_notes import ShardedNotes
from pipeline.dataset.text_columns import decode_texts, encode_texts
from pipeline.notes.quantize import QuantizedNotes

MAX_VERIFIED_NOTES = 2**25
"""Notes up to which each reader verifies the sha256 of all shards; a corpus of more, only their sizes."""
MAX_DRAWN_NUMBERS = 2**16
"""Numbers of windows or passages in memory at a time, about."""

MIN_SHARE = 2
"""Notes of a piece at least when pieces are cut: one is read, and one is a target."""


class PieceNotes(Sequence[QuantizedNotes]):
    """The notes [n, 5] of several pieces, each read when it is asked for."""

    def __init__(
        self, notes: ShardedNotes, starts: NDArray[np.int64], ends: NDArray[np.int64]
    ) -> None:
        """Take the first note of each piece, and the index after its last."""
        self._notes = notes
        self._starts = starts
        self._ends = ends

    def __len__(self) -> int:
        return len(self._starts)

    @overload
    def __getitem__(self, index: int) -> QuantizedNotes: ...

    @overload
    def __getitem__(self, index: slice) -> "PieceNotes": ...

    def __getitem__(self, index: int | slice) -> "QuantizedNotes | PieceNotes":
        if isinstance(index, slice):
            return PieceNotes(self._notes, self._starts[index], self._ends[index])
        return self._notes.view(int(self._starts[index]), int(self._ends[index]))

    def truncate(self, max_notes: int) -> "PieceNotes":
        """Return the first notes of each piece, `max_notes` at most."""
        ends = np.minimum(self._ends, self._starts + max_notes)
        return PieceNotes(self._notes, self._starts, ends)


@dataclass(frozen=True)
class WindowDataset:
    """All pieces of a corpus as quantized notes; training windows are those of the pieces in the split `train`."""

    notes: ShardedNotes
    """[N, 5], piece after piece."""
    piece_ends: NDArray[np.int64]
    """[P] index after the last note of each piece."""
    splits: NDArray[np.str_]
    """[P] split of each piece."""
    piece_names: NDArray[np.str_]
    """[P] name of each piece in the corpus."""
    compositions: NDArray[np.str_]
    """[P] composition of each piece."""
    sequence_length: int
    """Notes in a window, T."""
    stride: int
    """Notes between the starts of windows."""
    max_train_notes: int
    """Training notes used at most, whole pieces; 0 uses all."""

    @cached_property
    def piece_starts(self) -> NDArray[np.int64]:
        """[P] first note of each piece."""
        return np.concatenate([np.zeros(1, np.int64), self.piece_ends[:-1]])

    @cached_property
    def window_ends(self) -> NDArray[np.int64]:
        """[P] number of training windows in the pieces up to each one, which is included."""
        lengths = self.piece_ends - self.piece_starts
        counts = count_windows(lengths, self.sequence_length, self.stride)
        return np.cumsum(np.where(self.splits == "train", counts, 0))

    @cached_property
    def _window_origins(self) -> NDArray[np.int64]:
        """[P] where window 0 would start if all windows before those of a piece were of this piece too."""
        windows_before = np.concatenate([np.zeros(1, np.int64), self.window_ends[:-1]])
        return self.piece_starts - windows_before * self.stride

    @property
    def num_windows(self) -> int:
        """Training windows, W."""
        return int(self.window_ends[-1])

    @property
    def pieces(self) -> PieceNotes:
        """The notes [n, 5] of all pieces."""
        return PieceNotes(self.notes, self.piece_starts, self.piece_ends)

    def select_pieces(self, split: str) -> PieceNotes:
        """Return the notes [n, 5] of each piece of a split.

        Raises:
            DataError: the split is empty.
        """
        in_split = self.splits == split
        if not in_split.any():
            raise DataError(
                f"the corpus has no piece in the split {split!r}; give one that split in its manifest"
            )
        return PieceNotes(self.notes, self.piece_starts[in_split], self.piece_ends[in_split])

    def select_piece_names(self, split: str) -> list[str]:
        """Return the names of the pieces of a split, in the order of `select_pieces`."""
        return [str(name) for name in self.piece_names[self.splits == split]]

    def select_compositions(self, split: str) -> list[str]:
        """Return the compositions of the pieces of a split, in the order of `select_pieces`."""
        return [str(name) for name in self.compositions[self.splits == split]]

    def locate_windows(self, window_numbers: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the first note of training windows [B], by their numbers from 0 to W - 1."""
        pieces = np.searchsorted(self.window_ends, window_numbers, side="right")
        return self._window_origins[pieces] + window_numbers * self.stride

    def gather(self, window_numbers: NDArray[np.int64]) -> QuantizedNotes:
        """Return the notes and the target [B, T + 1, 4] of training windows, by their numbers from 0 to W - 1."""
        starts = self.locate_windows(window_numbers)
        return self.notes.gather(starts[:, None] + np.arange(self.sequence_length + 1))


def count_windows(
    lengths: NDArray[np.int64], sequence_length: int, stride: int
) -> NDArray[np.int64]:
    """Return how many windows, each with its target, lie inside a piece [P].

    Args:
        lengths: [P] notes of each piece.
        sequence_length: notes in a window, T.
        stride: notes between the starts of windows.
    """
    return np.maximum(0, -(-(lengths - sequence_length) // stride))


def shuffled_order(seed: int, num_windows: int, first: int, count: int) -> NDArray[np.int64]:
    """Return the numbers of `count` windows that training reads, from its `first` on.

    The order is an endless sequence of permutations, one for each pass over the corpus, and depends on the seed only:
    a run that was stopped continues with the windows that it would have read. It is computed for these windows alone.

    Raises:
        DataError: there are no windows.
    """
    if num_windows == 0:
        raise DataError(
            "no training window: every training piece is shorter than windows.length + 1 notes"
        )
    pass_numbers, places = np.divmod(np.arange(first, first + count), num_windows)
    return permute_numbers(places, num_windows, hash_numbers(seed, pass_numbers))


def draw_batches(
    seed: int, num_windows: int, first: int, count: int, batch_size: int
) -> Iterator[NDArray[np.int64]]:
    """Yield what `shuffled_order` returns in arrays [B] of `batch_size` numbers; the last may be shorter.

    Raises:
        DataError: there are no windows.
    """
    num_drawn = max(1, MAX_DRAWN_NUMBERS // batch_size) * batch_size
    for begin in range(0, count, num_drawn):
        order = shuffled_order(seed, num_windows, first + begin, min(num_drawn, count - begin))
        for start in range(0, len(order), batch_size):
            yield order[start : start + batch_size]


def truncate_pieces(pieces: PieceNotes, max_notes: int) -> PieceNotes:
    """Cut pieces to equal shares of about `max_notes` in all, from their first notes on; 0 cuts none."""
    if not max_notes:
        return pieces
    return pieces.truncate(max(MIN_SHARE, max_notes // len(pieces)))


def sample_beginnings(pieces: PieceNotes, max_notes: int) -> PieceNotes:
    """Cut pieces as `truncate_pieces`; of more than half as many pieces as notes, take a systematic sample."""
    if not max_notes:
        return pieces
    max_pieces = max(1, max_notes // MIN_SHARE)
    step = -(-len(pieces) // max_pieces)
    return truncate_pieces(pieces[::step], max_notes)


INDEX_NAMES = tuple(field.name for field in fields(WindowDataset) if field.name != "notes")
"""What the index has of a dataset."""
_NUMBER_NAMES = ("sequence_length", "stride", "max_train_notes")
_TEXT_NAMES = ("piece_names", "compositions")
"""Columns of text of any length, see `text_columns`."""


def save_windows(
    dataset: WindowDataset, path: Path, shard_notes: int = sharded_notes.SHARD_NOTES
) -> None:
    """Write a dataset with its notes; arguments as of `write_windows`."""
    write_windows(dataset, dataset.pieces, path, shard_notes)


def write_windows(
    dataset: WindowDataset,
    pieces: Iterable[QuantizedNotes],
    path: Path,
    shard_notes: int = sharded_notes.SHARD_NOTES,
) -> None:
    """Write an index and shards, with one piece in memory at a time; equal windows give equal bytes.

    The index is removed first and written last, so that a run that is killed leaves no windows that can be read.

    Args:
        dataset: all but the notes, which are not read.
        pieces: the notes [n, 5] of each piece of the dataset, in order.
        path: the index; the shards are written beside it.
        shard_notes: notes in a shard, about.

    Raises:
        DataError: a piece has another length than in the dataset.
    """
    folder = path.parent
    path.unlink(missing_ok=True)
    sharded_notes.remove_shards(folder)
    lengths = dataset.piece_ends - dataset.piece_starts
    shard_lengths = sharded_notes.write_shards(folder, pieces, lengths, shard_notes)
    arrays: dict[str, Any] = {name: np.asarray(getattr(dataset, name)) for name in INDEX_NAMES}
    for name in _TEXT_NAMES:
        arrays[name], arrays[f"{name}_ends"] = encode_texts(getattr(dataset, name))
    arrays["shard_lengths"] = np.array(shard_lengths, np.int64)
    paths = [sharded_notes.get_shard_path(folder, number) for number in range(len(shard_lengths))]
    arrays["shard_sha256"] = np.array([checksums.hash_file(shard) for shard in paths])
    with files.atomic_path(path) as temporary:
        temporary.write_bytes(files.encode_npz(arrays))
        files.append_zip_checksum(temporary)


def load_windows(path: Path, verify_all: bool = False) -> WindowDataset:
    """Read an index, and map the shards beside it into memory.

    The index is verified always, and with it the sizes of the shards. Their sha256 is verified where the corpus has up
    to `MAX_VERIFIED_NOTES`, which takes a fraction of a second. To hash the 48 GB of the largest corpora takes a minute
    or more, and every process of every stage loads them, so those are left to `music-rnn verify`.

    Args:
        path: the index.
        verify_all: whether to verify all bytes of a larger corpus too.

    Raises:
        DataError: a file is missing, incomplete, or was changed.
    """
    try:
        values = _read_index(path)
        shard_lengths = values.pop("shard_lengths").tolist()
        shard_sha256 = values.pop("shard_sha256").tolist()
        if verify_all or sum(shard_lengths) <= MAX_VERIFIED_NOTES:
            _verify_shards(path.parent, shard_sha256)
        notes = sharded_notes.map_shards(path.parent, shard_lengths)
    except (OSError, ValueError, KeyError, EOFError, BadZipFile) as error:
        raise DataError(
            f"{path}: no windows here ({error}); make them with 'dvc repro windows'"
        ) from error
    numbers = {name: int(values[name]) for name in _NUMBER_NAMES}
    return WindowDataset(notes=notes, **values | numbers)


def _verify_shards(folder: Path, hashes: Sequence[str]) -> None:
    """Raise a ValueError if the sha256 of a shard is another than when it was written."""
    for number, sha256 in enumerate(hashes):
        path = sharded_notes.get_shard_path(folder, number)
        if checksums.hash_file(path) != sha256:
            raise ValueError(f"{path.name}: changed since it was written")


def _read_index(path: Path) -> dict[str, Any]:
    """Return the arrays of an index.

    Raises:
        ValueError: it was changed.
    """
    with path.open("rb") as file:
        if not files.has_valid_checksum(file):
            raise ValueError("torn, or changed since it was written")
        with np.load(file, allow_pickle=False) as arrays:
            values: dict[str, Any] = {
                name: arrays[name] for name in (*INDEX_NAMES, "shard_lengths", "shard_sha256")
            }
            for name in _TEXT_NAMES:
                values[name] = decode_texts(values[name], arrays[f"{name}_ends"])
            return values
