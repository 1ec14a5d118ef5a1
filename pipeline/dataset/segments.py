"""What a loss after every note is trained on: passages of a piece, in segments.

A passage is a run of notes of one piece, read in segments of T notes; the state is carried from one segment to the
next, and gradients are not. Passages begin at other notes in every pass over the corpus; each pass tells every note of
a piece but the first, once.

Shapes: B passages side by side, T notes of a segment.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.config.recipes import Every
from pipeline.core.errors import DataError
from pipeline.dataset import windows
from pipeline.dataset.windows import Windows
from pipeline.notes import active_notes
from pipeline.notes.quantize import CELLS, DURATION, PITCH, STEP, VELOCITY, Codes


@dataclass(frozen=True)
class Segment:
    """One batch."""

    codes: Codes
    """[B, T + 1, 4] the notes and, one later, their targets."""
    left: active_notes.Left
    """[B, T + 1, 128] what is left of sounding keys at the onset of each note."""
    there: NDArray[np.float32]
    """[B, T] 1 where there is a target, 0 beyond the end of a piece."""
    first: bool
    """Whether passages begin here, so that the state is silence."""


class Passages:
    """All passages of the training pieces, in an order that is a function of (seed, epoch)."""

    def __init__(self, data: Windows, how: Every, seed: int) -> None:
        self.codes, self.how, self.seed = data.codes, how, seed
        begins = np.concatenate([[0], data.ends[:-1]])
        training = np.flatnonzero((data.splits == "train") & (data.ends - begins > 1))
        if not len(training):
            raise DataError("no training piece has two notes; give some pieces the split 'train' in the manifest")
        self.size = how.segment * how.segments
        counts = -(-(data.ends[training] - begins[training] - 1) // self.size)
        self.slack = counts * self.size - (data.ends[training] - begins[training] - 1)
        self.piece = np.repeat(np.arange(len(training)), counts)
        self.begin, self.end = begins[training], data.ends[training]
        self.offset = (np.arange(len(self.piece)) - np.repeat(np.cumsum(counts) - counts, counts)) * self.size

    def epoch(self, number: int, notes: int) -> Iterator[Segment]:
        """Give the batches of an epoch.

        Args:
            number: of the epoch, from 0.
            notes: target notes of an epoch, at most; whole rounds of passages are given.
        """
        rounds = notes // (self.how.streams * self.size)
        chosen = rounds * self.how.streams
        first = number * chosen
        order = windows.order(self.seed, len(self.piece), first, chosen)
        turn = (first + np.arange(chosen)) // len(self.piece)
        rng = np.random.default_rng([self.seed, number, 2])
        for at in range(0, chosen, self.how.streams):
            some = slice(at, at + self.how.streams)
            yield from self._round(order[some], turn[some], rng)

    def _round(
        self, passages: NDArray[np.int64], turns: NDArray[np.int64], rng: np.random.Generator
    ) -> Iterator[Segment]:
        """Give the segments of some passages, side by side."""
        piece = self.piece[passages]
        shift = np.array([self._shift(int(turn))[which] for turn, which in zip(turns, piece, strict=True)])
        start = self.begin[piece] + np.clip(self.offset[passages] - shift, 0, None)
        stop = np.minimum(self.begin[piece] + self.offset[passages] - shift + self.size + 1, self.end[piece])
        index = start[:, None] + np.arange(self.size + 1)
        there = (index < stop[:, None]).astype(np.float32)
        codes = self._vary(self.codes[np.minimum(index, stop[:, None] - 1)], rng)
        left, _ = active_notes.read(codes, active_notes.start(len(codes)))
        for begin in range(0, self.size, self.how.segment):
            # The last note of a segment is a target only; it is read as the first of the next.
            part = slice(begin, begin + self.how.segment + 1)
            targets = there[:, part][:, 1:]
            if targets.any():
                yield Segment(codes[:, part], left[:, part], targets, begin == 0)

    def _shift(self, turn: int) -> NDArray[np.int64]:
        """Return how much earlier the passages of each piece begin in a pass; the last still reaches its end."""
        shift: NDArray[np.int64] = np.random.default_rng([self.seed, turn, 3]).integers(self.slack + 1)
        return shift

    def _vary(self, codes: Codes, rng: np.random.Generator) -> Codes:
        """Transpose, stretch and make louder each passage [B, N, 4] by its own draw; codes stay on the grid."""
        how, batch = self.how, len(codes)
        out = codes.copy()
        semitones = rng.integers(-how.transpose, how.transpose + 1, batch)
        low, high = codes[..., PITCH].min(axis=1), codes[..., PITCH].max(axis=1)
        out[..., PITCH] += np.clip(semitones, -low, 127 - high).astype(np.int16)[:, None]
        tempo = 1 + rng.uniform(-how.stretch, how.stretch, batch)
        for column in (STEP, DURATION):
            out[..., column] = np.clip(np.rint(codes[..., column] * tempo[:, None]), 0, CELLS - 1)
        louder = rng.integers(-how.louder, how.louder + 1, batch)
        out[..., VELOCITY] = np.clip(codes[..., VELOCITY] + louder[:, None], 1, 127)
        return out
