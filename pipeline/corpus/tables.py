"""Notes and pieces as Parquet tables, with units in the schema.

    notes/part-00000.parquet   piece, onset [s], duration [s], pitch, velocity, pedal; one row per note, piece after piece
    pieces.parquet             index, member, composition, split, num_notes, duration [s], sha256; one row per piece

A part has the notes of 1,000 pieces, the last one of fewer, so a piece is in the part of its index divided by 1,000. A
piece is never split between row groups, so a reader reads only the groups that it needs, and needs no more memory for a
larger corpus. Every page has a checksum, which is verified on reading. Equal notes give equal bytes.

Shapes: N notes of a piece, P pieces.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from pipeline.core import files
from pipeline.core.errors import DataError
from pipeline.notes.note import NOTE_COLUMNS, NOTE_DTYPE, Notes

PIECES_PER_PART = 1000
"""Pieces in a part of the table of notes."""
ROW_GROUP_SIZE = 65_536
"""Notes in a row group, about: whole pieces are added until there are as many."""
PIECES_PER_ROW_GROUP = 16_384
"""Rows in a row group of the table of pieces."""


def _make_field(name: str, data_type: object, description: str, unit: str = "") -> Any:
    """Return a column with its description and, where it is a physical quantity, its unit."""
    return pa.field(
        name,
        data_type,
        nullable=False,
        metadata={"what": description} | ({"unit": unit} if unit else {}),
    )


NOTES_SCHEMA = pa.schema(
    [
        _make_field("piece", pa.int32(), "index of the piece, its row in pieces.parquet"),
        _make_field("onset", pa.float64(), "since the start of the piece", "s"),
        _make_field("duration", pa.float64(), "held", "s"),
        _make_field("pitch", pa.uint8(), "MIDI 0..127, 60 is middle C"),
        _make_field("velocity", pa.uint8(), "MIDI 1..127"),
        _make_field("pedal", pa.uint8(), "sustain pedal at the onset: 0 up, 1 held, 2 pressed"),
    ]
)
PIECES_SCHEMA = pa.schema(
    [
        _make_field("index", pa.int32(), "index of the piece, from 0"),
        _make_field("member", pa.string(), "name in the corpus"),
        _make_field("composition", pa.string(), "what is played"),
        _make_field("split", pa.string(), "train, validation or test"),
        _make_field("num_notes", pa.int64(), "number of notes"),
        _make_field("duration", pa.float64(), "when the last note ends", "s"),
        _make_field("sha256", pa.string(), "of the MIDI file"),
    ]
)
TEXT_DTYPE = np.dtypes.StringDType()
"""Of an array of texts, each of its own length."""
_WRITE_OPTIONS: dict[str, Any] = {
    "compression": "zstd",
    "write_page_checksum": True,
    "store_schema": True,
}
# Hardly two onsets are equal, so a dictionary of them costs time and disk; their upper bytes are alike.
_NOTES_WRITE_OPTIONS = _WRITE_OPTIONS | {
    "use_dictionary": ["piece", "duration", "pitch", "velocity", "pedal"],
    "use_byte_stream_split": ["onset"],
}


@dataclass(frozen=True, slots=True)
class PieceRow:
    """One row of the table of pieces."""

    index: int
    """Number of the piece, counted from 0."""
    member: str
    composition: str
    split: str
    num_notes: int
    """Number of notes."""
    duration: float
    """When the last note ends [s]."""
    sha256: str


@dataclass(frozen=True)
class PieceColumns:
    """Columns [P] of the table of pieces, without a Python object for each piece."""

    members: NDArray[np.str_]
    """Of `TEXT_DTYPE`, as compositions and splits."""
    compositions: NDArray[np.str_]
    splits: NDArray[np.str_]
    num_notes: NDArray[np.int64]
    """Number of notes of each piece."""

    def __len__(self) -> int:
        return len(self.num_notes)


def get_part_path(folder: Path, piece_index: int) -> Path:
    """Return the part of the table of notes that has a piece."""
    return folder / f"part-{piece_index // PIECES_PER_PART:05}.parquet"


class NotesWriter:
    """Writes notes piece by piece; holds no more than one row group in memory."""

    def __init__(self, folder: Path) -> None:
        """Prepare a table; its parts are in `folder` once the `with` block has ended without an error."""
        self._folder = folder
        self._stack = ExitStack()
        self._part_path = Path()
        self._writer: Any = None
        self._pending: list[Any] = []
        self._num_pending = 0

    def __enter__(self) -> Self:
        self._temporary = self._stack.enter_context(files.atomic_folder(self._folder))
        self._stack.callback(self._close_part)
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is not None:
            self._pending, self._num_pending = [], 0
        self._stack.__exit__(exc_type, error, trace)

    def write_piece(self, piece_index: int, notes: Notes) -> None:
        """Add the notes [N] of a piece; the indices of pieces must increase."""
        path = get_part_path(self._temporary, piece_index)
        if path != self._part_path:
            self._close_part()
            self._part_path = path
            self._writer = pq.ParquetWriter(path, NOTES_SCHEMA, **_NOTES_WRITE_OPTIONS)
        columns = [pa.array(np.full(len(notes), piece_index, np.int32))]
        columns += [pa.array(np.ascontiguousarray(notes[name])) for name in NOTE_COLUMNS]
        self._pending.append(pa.Table.from_arrays(columns, schema=NOTES_SCHEMA))
        self._num_pending += len(notes)
        if self._num_pending >= ROW_GROUP_SIZE:
            self._flush()

    def _flush(self) -> None:
        if self._pending:
            self._writer.write_table(
                pa.concat_tables(self._pending), row_group_size=self._num_pending
            )
        self._pending, self._num_pending = [], 0

    def _close_part(self) -> None:
        """Write what is pending and end the part, if there is one."""
        if self._writer is None:
            return
        try:
            self._flush()
        finally:
            self._writer.close()
            self._writer = None


def write_pieces(path: Path, pieces: Iterable[PieceRow]) -> None:
    """Write the table of pieces, completely or not at all, with one row group in memory at a time."""
    remaining = iter(pieces)
    with (
        files.atomic_path(path) as temporary,
        pq.ParquetWriter(temporary, PIECES_SCHEMA, **_WRITE_OPTIONS) as writer,
    ):
        while rows := list(islice(remaining, PIECES_PER_ROW_GROUP)):
            columns = {name: [getattr(row, name) for row in rows] for name in PIECES_SCHEMA.names}
            writer.write_table(pa.Table.from_pydict(columns, schema=PIECES_SCHEMA))


def read_pieces(path: Path) -> list[PieceRow]:
    """Read the table of pieces, in order of their numbers; `iterate_pieces` needs less memory.

    Raises:
        DataError: the file is missing, incomplete, or another table.
    """
    return list(iterate_pieces(path))


def iterate_pieces(path: Path) -> Iterator[PieceRow]:
    """Yield the rows of the table of pieces, in order of their numbers, with few in memory at a time.

    Raises:
        DataError: the file is missing, incomplete, or another table.
    """
    for batch in _iterate_batches(path, PIECES_SCHEMA.names):
        for row in batch.to_pylist():
            yield PieceRow(**row)


def read_piece_columns(path: Path) -> PieceColumns:
    """Read the columns of the table of pieces that later stages index, in order of the numbers of pieces.

    Raises:
        DataError: the file is missing, incomplete, or another table.
    """
    names = ("member", "composition", "split", "num_notes")
    parts: list[list[Any]] = [
        [_make_column(batch[name]) for name in names] for batch in _iterate_batches(path, names)
    ]
    empty = [np.empty(0, TEXT_DTYPE)] * 3 + [np.empty(0, np.int64)]
    return PieceColumns(*map(np.concatenate, zip(empty, *parts, strict=True)))


def _make_column(column: Any) -> NDArray[Any]:
    """Return a column of a batch as an array; texts as those of `TEXT_DTYPE`."""
    values: NDArray[Any] = column.to_numpy(zero_copy_only=False)
    return values.astype(TEXT_DTYPE) if pa.types.is_string(column.type) else values


def _iterate_batches(path: Path, names: Sequence[str]) -> Iterator[Any]:
    """Yield columns of the table of pieces in batches of rows.

    Raises:
        DataError: the file is missing, incomplete, or another table.
    """
    file = _open_table(path, PIECES_SCHEMA)
    try:
        yield from file.iter_batches(PIECES_PER_ROW_GROUP, columns=names)
    except (OSError, pa.ArrowException) as error:
        raise _make_read_error(path, error) from error


def read_notes(folder: Path, piece_indices: Iterable[int]) -> Iterator[Notes]:
    """Read the notes of pieces, one array per piece, in the given order; one row group is in memory at a time.

    Args:
        folder: the parts of the table of notes.
        piece_indices: indices of the pieces; increasing ones are read fastest.

    Raises:
        DataError: a part is missing, incomplete, or another table, or a piece is not in it.
    """
    part: _NotesPart | None = None
    for piece in piece_indices:
        path = get_part_path(folder, piece)
        if part is None or part.path != path:
            part = _NotesPart(path)
        yield part.read_piece(piece)


class _NotesPart:
    """One part of the table of notes, open for reading, and the row group that was read last."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = _open_table(path, NOTES_SCHEMA)
        self._group = -1
        self._column = np.empty(0, np.int32)
        self._notes: Notes = np.empty(0, NOTE_DTYPE)

    def read_piece(self, piece_index: int) -> Notes:
        """Return the notes [N] of a piece."""
        group = _find_row_group(self._file.metadata, piece_index)
        if group is None:
            raise DataError(f"{self.path}: no piece {piece_index}; run 'dvc repro ingest'")
        if group != self._group:
            self._column, self._notes = _read_row_group(self.path, self._file, group)
            self._group = group
        start, end = np.searchsorted(self._column, [piece_index, piece_index + 1])
        return self._notes[start:end]


def _find_row_group(metadata: Any, piece_index: int) -> int | None:
    """Return the row group that has a piece, or None."""
    for group in range(metadata.num_row_groups):
        pieces = metadata.row_group(group).column(0).statistics
        if pieces.min <= piece_index <= pieces.max:
            return group
    return None


def _read_row_group(
    path: Path, file: Any, group: int
) -> tuple[np.ndarray[Any, np.dtype[np.int32]], Notes]:
    """Read a row group: the index of the piece, and the note, of each row."""
    try:
        table = file.read_row_group(group)
    except (OSError, pa.ArrowException) as error:
        raise _make_read_error(path, error) from error
    notes = np.empty(table.num_rows, NOTE_DTYPE)
    for name in NOTE_COLUMNS:
        notes[name] = table[name].to_numpy()
    return table["piece"].to_numpy(), notes


def _open_table(path: Path, schema: Any) -> Any:
    """Open a table and check its schema.

    Raises:
        DataError: the file is missing, incomplete, or another table.
    """
    try:
        file = pq.ParquetFile(path, page_checksum_verification=True)
    except (OSError, pa.ArrowException) as error:
        raise _make_read_error(path, error) from error
    if not file.schema_arrow.equals(schema):
        raise DataError(
            f"{path}: columns {file.schema_arrow.names} are not {schema.names}; run 'dvc repro ingest'"
        )
    return file


def _make_read_error(path: Path, error: Exception) -> DataError:
    """Return the error of a file that is missing or incomplete, or that may not be read."""
    message = " ".join(str(error).split())[:200]
    return files.make_read_error(path, error, f"no table here ({message}); run 'dvc repro ingest'")
