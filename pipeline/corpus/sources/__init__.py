"""From a manifest to verified pieces: one file for each kind of corpus.

`read` in each returns the pieces and a function that gives the bytes of one. Bytes are verified against the manifest
before anything else sees them.
"""

from collections.abc import Callable

from pipeline.corpus.bundle import CorpusPiece

PieceSource = tuple[list[CorpusPiece], Callable[[CorpusPiece], bytes]]
"""Pieces, and what gives the bytes of one."""
