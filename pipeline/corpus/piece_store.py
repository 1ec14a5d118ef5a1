"""What ingest keeps of each piece, in a temporary database, so that memory does not grow with the number of pieces.

The database is a file without a name in the temporary folder (`TMPDIR`), gone when the process ends. A piece takes about
1 kB there. SQLite holds `CACHE_KIB` of it in memory.

Shapes: S numbers of a sketch, K rows.
"""

import sqlite3
from collections.abc import Iterator
from dataclasses import fields
from operator import attrgetter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.core.errors import DiskError
from pipeline.corpus.sketches import SKETCH_SIZE, Sketch
from pipeline.corpus.tables import PieceRow

CACHE_KIB = 16_384
"""Memory of the database at most [KiB]."""
ROW_FIELDS = tuple(field.name for field in fields(PieceRow))
ROW_COLUMNS = ", ".join(f'"{name}"' for name in ROW_FIELDS)
SCHEMA = (
    """CREATE TABLE taken (
        "index" INTEGER PRIMARY KEY, member TEXT, composition TEXT, split TEXT, num_notes INTEGER,
        duration REAL, sha256 TEXT, notes_hash BLOB UNIQUE
    )""",
    "CREATE TABLE sketches (piece INTEGER PRIMARY KEY, sketch BLOB)",
    "CREATE TABLE rejected (member TEXT, reason TEXT)",
)

_get_values = attrgetter(*ROW_FIELDS)


class PieceStore:
    """The pieces that were taken, their sketches, and those that were rejected.

    Every method raises a `DiskError` if the temporary folder is full or may not be written.
    """

    def __init__(self) -> None:
        self._database = sqlite3.connect("", isolation_level=None)
        for line in (f"cache_size = -{CACHE_KIB}", "journal_mode = OFF", "temp_store = FILE"):
            self._execute(f"PRAGMA {line}")
        for statement in SCHEMA:
            self._execute(statement)
        self._execute("BEGIN")  # never committed: the database ends with the process
        self.num_taken = 0
        self.num_rejected = 0

    def _execute(self, statement: str, values: tuple[Any, ...] = ()) -> sqlite3.Cursor:
        """Run one statement."""
        try:
            return self._database.execute(statement, values)
        except sqlite3.OperationalError as error:
            raise _make_disk_error(error) from error

    def _iterate(self, statement: str, values: tuple[Any, ...] = ()) -> Iterator[Any]:
        """Yield the rows of one query."""
        try:
            yield from self._execute(statement, values)
        except sqlite3.OperationalError as error:
            raise _make_disk_error(error) from error

    def add_taken(self, row: PieceRow, notes_hash: bytes, sketch: Sketch) -> None:
        """Add a piece that is taken; its index is the number of those before it.

        Args:
            row: of the table of pieces.
            notes_hash: no other piece has it.
            sketch: [S].
        """
        values = (*_get_values(row), notes_hash)
        self._execute(
            f"INSERT INTO taken ({ROW_COLUMNS}, notes_hash) VALUES (?,?,?,?,?,?,?,?)", values
        )
        self._execute("INSERT INTO sketches VALUES (?,?)", (row.index, sketch.tobytes()))
        self.num_taken += 1

    def add_rejected(self, member: str, reason: str) -> None:
        """Add a piece that is not taken."""
        self._execute("INSERT INTO rejected VALUES (?,?)", (member, reason))
        self.num_rejected += 1

    def find_same_notes(self, notes_hash: bytes) -> str:
        """Return the member of the piece that has these notes, or an empty text."""
        query = "SELECT member FROM taken WHERE notes_hash = ?"
        return next((member for (member,) in self._iterate(query, (notes_hash,))), "")

    def get_row(self, index: int) -> PieceRow:
        """Return the row of a piece that was taken."""
        query = f'SELECT {ROW_COLUMNS} FROM taken WHERE "index" = ?'
        return PieceRow(*next(self._iterate(query, (index,))))

    def iterate_rows(self) -> Iterator[PieceRow]:
        """Yield the rows of all pieces that were taken, by index."""
        for values in self._iterate(f'SELECT {ROW_COLUMNS} FROM taken ORDER BY "index"'):
            yield PieceRow(*values)

    def iterate_rejected(self) -> Iterator[tuple[str, str]]:
        """Yield member and reason of each piece that was not taken, by member."""
        return self._iterate("SELECT member, reason FROM rejected ORDER BY member, reason")

    def read_sketches(self, start: int, stop: int) -> list[bytes]:
        """Return the bytes of the sketches of pieces from `start` to before `stop`."""
        query = "SELECT sketch FROM sketches WHERE piece >= ? AND piece < ? ORDER BY piece"
        return [sketch for (sketch,) in self._iterate(query, (start, stop))]

    def read_sketch(self, piece: int) -> bytes:
        """Return the bytes of the sketch of one piece."""
        query = "SELECT sketch FROM sketches WHERE piece = ?"
        sketch: bytes = next(self._iterate(query, (piece,)))[0]
        return sketch


class StoredSketches:
    """The sketches of a store; rows are read when they are asked for, as those of an array [P, S]."""

    def __init__(self, store: PieceStore) -> None:
        self._store = store

    def __len__(self) -> int:
        return self._store.num_taken

    def __getitem__(self, rows: slice | NDArray[np.int64]) -> NDArray[np.uint32]:
        """Return the sketches [K, S] of a slice without a step, or of indices [K]."""
        if isinstance(rows, slice):
            start, stop, _ = rows.indices(len(self))
            return _stack_bytes(self._store.read_sketches(start, stop))
        pieces, places = np.unique(rows, return_inverse=True)
        return _stack_bytes([self._store.read_sketch(piece) for piece in pieces.tolist()])[places]


def _stack_bytes(sketches: list[bytes]) -> NDArray[np.uint32]:
    """Return sketches as one array [K, S]."""
    return np.frombuffer(b"".join(sketches), np.uint32).reshape(-1, SKETCH_SIZE)


def _make_disk_error(error: sqlite3.Error) -> DiskError:
    """Return the error of a temporary folder that cannot be written."""
    return DiskError(
        f"the temporary folder cannot be written ({error}); free space there (1 kB a file of the corpus), "
        "or name another folder in TMPDIR"
    )
