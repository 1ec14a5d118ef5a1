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

from pipeline.config.recipes import StatefulTraining
from pipeline.core.errors import DataError
from pipeline.dataset import windows
from pipeline.dataset.windows import WindowDataset
from pipeline.notes import active_notes
from pipeline.notes.quantize import DURATION, GRID_SIZE, PITCH, STEP, VELOCITY, QuantizedNotes


@dataclass(frozen=True)
class Segment:
    """One batch."""

    notes: QuantizedNotes
    """[B, T + 1, 4] the notes and, one later, their targets."""
    active: active_notes.ActiveNotes
    """[B, T + 1, 128] what is left of sounding keys at the onset of each note."""
    mask: NDArray[np.float32]
    """[B, T] 1 where there is a target, 0 beyond the end of a piece."""
    is_first: bool
    """Whether passages begin here, so that the state is silence."""


class SegmentSampler:
    """All passages of the training pieces, in an order that is a function of (seed, epoch)."""

    def __init__(self, dataset: WindowDataset, config: StatefulTraining, seed: int) -> None:
        self.notes, self.config, self.seed = dataset.notes, config, seed
        begins = np.concatenate([[0], dataset.piece_ends[:-1]])
        training = np.flatnonzero((dataset.splits == "train") & (dataset.piece_ends - begins > 1))
        if not len(training):
            raise DataError(
                "no training piece has two notes; give some pieces the split 'train' in the manifest"
            )
        self.passage_length = config.bptt_length * config.segments_per_passage
        counts = -(-(dataset.piece_ends[training] - begins[training] - 1) // self.passage_length)
        self.slack = counts * self.passage_length - (
            dataset.piece_ends[training] - begins[training] - 1
        )
        self.piece_indices = np.repeat(np.arange(len(training)), counts)
        self.piece_starts, self.piece_ends = begins[training], dataset.piece_ends[training]
        self.passage_offsets = (
            np.arange(len(self.piece_indices)) - np.repeat(np.cumsum(counts) - counts, counts)
        ) * self.passage_length

    def sample_epoch(self, epoch: int, max_notes: int) -> Iterator[Segment]:
        """Give the batches of an epoch.

        Args:
            epoch: of the epoch, from 0.
            max_notes: target notes of an epoch, at most; whole rounds of passages are given.
        """
        rounds = max_notes // (self.config.batch_size * self.passage_length)
        chosen = rounds * self.config.batch_size
        first = epoch * chosen
        order = windows.shuffled_order(self.seed, len(self.piece_indices), first, chosen)
        turn = (first + np.arange(chosen)) // len(self.piece_indices)
        rng = np.random.default_rng([self.seed, epoch, 2])
        for at in range(0, chosen, self.config.batch_size):
            some = slice(at, at + self.config.batch_size)
            yield from self._cut_segments(order[some], turn[some], rng)

    def _cut_segments(
        self,
        passage_indices: NDArray[np.int64],
        pass_numbers: NDArray[np.int64],
        rng: np.random.Generator,
    ) -> Iterator[Segment]:
        """Give the segments of some passages, side by side."""
        piece = self.piece_indices[passage_indices]
        shift = np.array(
            [
                self._draw_offsets(int(turn))[which]
                for turn, which in zip(pass_numbers, piece, strict=True)
            ]
        )
        start = self.piece_starts[piece] + np.clip(
            self.passage_offsets[passage_indices] - shift, 0, None
        )
        stop = np.minimum(
            self.piece_starts[piece]
            + self.passage_offsets[passage_indices]
            - shift
            + self.passage_length
            + 1,
            self.piece_ends[piece],
        )
        index = start[:, None] + np.arange(self.passage_length + 1)
        there = (index < stop[:, None]).astype(np.float32)
        codes = self._augment(self.notes[np.minimum(index, stop[:, None] - 1)], rng)
        left, _ = active_notes.active_before_each(codes, active_notes.no_active_notes(len(codes)))
        for begin in range(0, self.passage_length, self.config.bptt_length):
            # The last note of a segment is a target only; it is read as the first of the next.
            part = slice(begin, begin + self.config.bptt_length + 1)
            targets = there[:, part][:, 1:]
            if targets.any():
                yield Segment(codes[:, part], left[:, part], targets, begin == 0)

    def _draw_offsets(self, pass_number: int) -> NDArray[np.int64]:
        """Return how much earlier the passages of each piece begin in a pass; the last still reaches its end."""
        shift: NDArray[np.int64] = np.random.default_rng([self.seed, pass_number, 3]).integers(
            self.slack + 1
        )
        return shift

    def _augment(self, notes: QuantizedNotes, rng: np.random.Generator) -> QuantizedNotes:
        """Transpose, stretch and make louder each passage [B, N, 4] by its own draw; codes stay on the grid."""
        how, batch = self.config, len(notes)
        out = notes.copy()
        semitones = rng.integers(-how.max_transpose, how.max_transpose + 1, batch)
        low, high = notes[..., PITCH].min(axis=1), notes[..., PITCH].max(axis=1)
        out[..., PITCH] += np.clip(semitones, -low, 127 - high).astype(np.int16)[:, None]
        tempo = 1 + rng.uniform(-how.max_tempo_change, how.max_tempo_change, batch)
        for column in (STEP, DURATION):
            out[..., column] = np.clip(
                np.rint(notes[..., column] * tempo[:, None]), 0, GRID_SIZE - 1
            )
        louder = rng.integers(-how.max_velocity_shift, how.max_velocity_shift + 1, batch)
        out[..., VELOCITY] = np.clip(notes[..., VELOCITY] + louder[:, None], 1, 127)
        return out
