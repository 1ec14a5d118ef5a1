"""From a manifest to verified pieces: one module for each kind of corpus.

`open_source` of each returns the pieces and a function that reads the bytes of one. Bytes are verified against the
manifest before anything else uses them.
"""

from collections.abc import Callable

from pipeline.corpus.bundle import CorpusPiece

PieceSource = tuple[list[CorpusPiece], Callable[[CorpusPiece], bytes]]
"""Pieces, and the function that reads the bytes of one."""
