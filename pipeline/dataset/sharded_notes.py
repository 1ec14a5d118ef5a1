"""Quantized notes of a corpus in flat files, mapped into memory: a reader loads only the notes that it asks for.

A shard is a .npy file of int16 [n, C] that holds whole pieces, one after the other, so that the notes of a piece are a
view of one shard. Pages that were read count as memory of the process until they are released, here after every
`RELEASE_BYTES`. A released page is read again from the system's cache of files.

Shapes: N notes of all pieces, S shards, C columns of a note.
"""

import mmap
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipeline.core import files
from pipeline.core.errors import DataError
from pipeline.notes.quantize import QuantizedNotes

SHARD_NOTES = 2**26
"""Notes in a shard, about: it ends with the piece that has the last of them. 512 MiB."""
RELEASE_BYTES = 2**27
"""Bytes that may be read before pages are released."""
_MAPPED_BYTES = 2**16
"""Bytes that the system maps around a note that is read."""
_NOTE_TYPE = np.dtype("<i2")


class ShardedNotes:
    """Notes [N, C] in several arrays, one after the other."""

    def __init__(
        self, shards: Sequence[QuantizedNotes], mapped_files: Sequence[mmap.mmap] = ()
    ) -> None:
        """Take notes.

        Args:
            shards: [n, C] each; none for a dataset of which no note is read.
            mapped_files: the files that the shards are views of.
        """
        self.shards = shards
        self.ends = np.cumsum([len(shard) for shard in shards], dtype=np.int64)
        """[S] index after the last note of each shard."""
        self._mapped_files = mapped_files
        self._unreleased_bytes = 0

    def __len__(self) -> int:
        return int(self.ends[-1]) if len(self.ends) else 0

    def gather(self, indices: NDArray[np.int64]) -> QuantizedNotes:
        """Return a copy [B, T, C] of runs of neighboring notes, by their indices [B, T]."""
        self._count_read(len(indices) * _MAPPED_BYTES + indices.size * _NOTE_TYPE.itemsize)
        if len(self.shards) == 1:
            return self.shards[0][indices]
        shard_numbers = np.searchsorted(self.ends, indices, side="right")
        notes = np.empty((*indices.shape, self.shards[0].shape[1]), np.int16)
        for number in np.unique(shard_numbers):
            in_shard = shard_numbers == number
            notes[in_shard] = self.shards[number][indices[in_shard] - self._find_start(number)]
        return notes

    def view(self, start: int, end: int) -> QuantizedNotes:
        """Return notes [end - start, C] of one piece without a copy."""
        number = min(int(np.searchsorted(self.ends, start, side="right")), len(self.shards) - 1)
        first = self._find_start(number)
        notes = self.shards[number][start - first : end - first]
        self._count_read(notes.nbytes)
        return notes

    def _find_start(self, number: int) -> int:
        """Return the index of the first note of a shard."""
        return int(self.ends[number]) - len(self.shards[number])

    def _count_read(self, num_bytes: int) -> None:
        """Release the pages of all files once enough was read; views of them stay valid."""
        self._unreleased_bytes += num_bytes
        if self._unreleased_bytes > RELEASE_BYTES:
            self._unreleased_bytes = 0
            for mapped in self._mapped_files:
                _release_pages(mapped)


def _release_pages(mapped: mmap.mmap) -> None:
    """Take the pages of a mapped file out of the memory of this process."""
    if hasattr(mmap, "MADV_DONTNEED"):  # not on Windows
        mapped.madvise(mmap.MADV_DONTNEED)


def get_shard_path(folder: Path, number: int) -> Path:
    """Return the file of a shard, numbered from 0."""
    return folder / f"notes-{number:05}.npy"


def remove_shards(folder: Path) -> None:
    """Delete all shards of a folder."""
    for path in folder.glob("notes-*.npy"):
        path.unlink()


def map_shards(folder: Path, lengths: Sequence[int]) -> ShardedNotes:
    """Map the shards of a folder into memory.

    Args:
        folder: of the shards.
        lengths: the number of notes in each shard.

    Raises:
        OSError: a file is missing.
        ValueError: a file is no shard, or has another size.
    """
    paths = [get_shard_path(folder, number) for number in range(len(lengths))]
    mapped = [_map_shard(path, length) for path, length in zip(paths, lengths, strict=True)]
    return ShardedNotes([notes for notes, _ in mapped], [file for _, file in mapped])


def _map_shard(path: Path, length: int) -> tuple[QuantizedNotes, mmap.mmap]:
    """Return the notes of a shard, and the mapped file that they are a view of."""
    with path.open("rb") as file:
        np.lib.format.read_magic(file)
        shape, is_fortran, note_type = np.lib.format.read_array_header_1_0(file)
        offset = file.tell()
        mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    num_bytes = offset + int(np.prod(shape)) * _NOTE_TYPE.itemsize
    is_notes = note_type == _NOTE_TYPE and not is_fortran and shape[:1] == (length,)
    if not is_notes or len(mapped) != num_bytes:
        raise ValueError(f"{path.name}: torn, or changed since it was written")
    return np.ndarray(shape, note_type, mapped, offset), mapped


def write_shards(
    folder: Path, pieces: Iterable[QuantizedNotes], lengths: NDArray[np.int64], shard_notes: int
) -> list[int]:
    """Write pieces into shards, with one piece in memory at a time.

    Args:
        folder: gets the files.
        pieces: notes [n, C] of each piece, in order.
        lengths: n of each piece.
        shard_notes: notes in a shard, about.

    Returns:
        The number of notes in each shard.

    Raises:
        DataError: a piece has another length.
    """
    starts = np.cumsum(lengths) - lengths
    first_pieces = np.flatnonzero(np.diff(starts // shard_notes)) + 1
    parts = np.split(lengths, first_pieces)
    remaining = iter(pieces)
    for number, part in enumerate(parts):
        _write_shard(get_shard_path(folder, number), islice(remaining, len(part)), part)
    return [int(part.sum()) for part in parts]


def _write_shard(path: Path, pieces: Iterator[QuantizedNotes], lengths: NDArray[np.int64]) -> None:
    """Write the pieces of one shard."""
    with files.atomic_path(path) as temporary, temporary.open("wb") as file:
        for notes, length in zip(pieces, lengths, strict=True):
            if file.tell() == 0:
                shape = (int(lengths.sum()), notes.shape[1])
                header = {"descr": _NOTE_TYPE.str, "fortran_order": False, "shape": shape}
                np.lib.format.write_array_header_1_0(file, header)
            if len(notes) != length:
                raise DataError(
                    f"{path}: a piece has {len(notes):,} notes, and {length:,} in the table of pieces; "
                    "run 'dvc repro -f -s ingest'"
                )
            file.write(notes.astype(_NOTE_TYPE).tobytes())
