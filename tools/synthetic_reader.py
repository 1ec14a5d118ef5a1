"""A reader of files that are made when they are read; a module, so that workers can import it."""

from dataclasses import dataclass

import numpy as np

from pipeline.core.processes import TaskFailure
from pipeline.corpus.bundle import CorpusPiece
from pipeline.corpus.piece_reader import read_content
from pipeline.corpus.read_corpus import PieceReader, PieceResult

BAD_EVERY = 1000
"""One file in so many is no music."""


@dataclass
class SyntheticReader(PieceReader):
    """Makes a file of random notes and reads it."""

    num_notes: int = 100

    def __call__(self, piece: CorpusPiece) -> PieceResult:
        """Read one file."""
        number = int(piece.member.partition(".")[0])
        if number % BAD_EVERY == BAD_EVERY - 1:
            return TaskFailure("no music")
        return read_content(make_midi(number, self.num_notes), self.config)


def make_midi(seed: int, num_notes: int) -> bytes:
    """Return a MIDI file of random notes, one after the other."""
    rng = np.random.default_rng(seed)
    pitch = rng.integers(30, 100, num_notes)
    events = np.empty((num_notes, 8), np.uint8)
    events[:] = (0, 0x90, 0, 64, 0, 0x80, 0, 0)
    events[:, 2] = events[:, 6] = pitch
    events[:, 3] = rng.integers(30, 110, num_notes)
    events[:, 4] = rng.integers(20, 100, num_notes)
    track = events.tobytes() + bytes.fromhex("00ff2f00")
    header = b"MThd" + bytes.fromhex("00000006000000010060")
    return header + b"MTrk" + len(track).to_bytes(4, "big") + track
