"""Training data for a loss after every note: passages of a piece, cut into segments.

A passage is a run of notes of one piece, read in segments of T notes; the state is carried from one segment to the
next, and gradients are not. Passages start at other notes in every pass over the corpus. In each pass every note of a
piece, except the first, is a target once.

Shapes: B passages side by side, T notes of a segment.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count

import numpy as np
from numpy.typing import NDArray

from pipeline.config.schema import StatefulTraining
from pipeline.core.errors import DataError
from pipeline.dataset import windows
from pipeline.dataset.permutation import hash_numbers
from pipeline.dataset.windows import WindowDataset
from pipeline.notes import active_notes, recall
from pipeline.notes.quantize import DURATION, GRID_SIZE, PITCH, STEP, VELOCITY, QuantizedNotes

_SHIFT_KEY = 2**63
"""In the place that the number of a pass has in the key of an order, so that no shift is a hash of an order too."""


@dataclass(frozen=True)
class Segment:
    """One batch."""

    notes: QuantizedNotes
    """[B, T + 1, 4] the notes and, one later, their targets."""
    active: active_notes.ActiveNotes
    """[B, T + 1, 128] cells that remain of active notes at the onset of each note."""
    mask: NDArray[np.float32]
    """[B, T] 1 where there is a target, 0 beyond the end of a piece."""
    is_first: bool
    """Whether passages start here, so that the state is the initial one."""
    hints: recall.Hints | None = None
    """[B, T, 5] after each of the first T notes; None without `recall`."""


class SegmentSampler:
    """All passages of the training pieces, in an order that is a function of (seed, epoch).

    Shapes: P training pieces of two notes or more, Q passages of a pass.
    """

    def __init__(
        self, dataset: WindowDataset, config: StatefulTraining, seed: int, has_hints: bool = False
    ) -> None:
        self.has_hints = has_hints
        self.notes = dataset.notes
        self.config = config
        self.seed = seed
        self.passage_length = config.bptt_length * config.segments_per_passage
        num_targets = dataset.piece_ends - dataset.piece_starts - 1
        is_training = (dataset.splits == "train") & (num_targets > 0)
        if not is_training.any():
            raise DataError(
                "no training piece has two notes; give some pieces the split 'train' in the manifest"
            )
        num_targets = num_targets[is_training]
        num_passages = -(-num_targets // self.passage_length)
        self.piece_starts = dataset.piece_starts[is_training]
        """[P] first note of each piece."""
        self.piece_ends = dataset.piece_ends[is_training]
        """[P] index after the last note of each piece."""
        self.slack = num_passages * self.passage_length - num_targets
        """[P] notes by which the passages of a piece are longer than the piece."""
        self.passage_ends = np.cumsum(num_passages)
        """[P] number of passages in the pieces up to each one, which is included."""

    @property
    def num_passages(self) -> int:
        """Passages of a pass, Q."""
        return int(self.passage_ends[-1])

    def sample_epoch(self, epoch: int, max_notes: int) -> Iterator[Segment]:
        """Yield the batches of an epoch.

        Args:
            epoch: number of the epoch, from 0.
            max_notes: upper limit of the target notes of an epoch; batches of passages are complete.
        """
        batch_size = self.config.batch_size
        num_drawn = max_notes // (batch_size * self.passage_length) * batch_size
        first = epoch * num_drawn
        drawn = windows.draw_batches(self.seed, self.num_passages, first, num_drawn, batch_size)
        rng = np.random.default_rng([self.seed, epoch, 2])
        for start, passage_numbers in zip(count(first, batch_size), drawn, strict=False):
            pass_numbers = np.arange(start, start + batch_size) // self.num_passages
            yield from self._cut_segments(passage_numbers, pass_numbers, rng)

    def _cut_segments(
        self,
        passage_numbers: NDArray[np.int64],
        pass_numbers: NDArray[np.int64],
        rng: np.random.Generator,
    ) -> Iterator[Segment]:
        """Yield the segments of passages [B], side by side."""
        note_indices, has_note = self._locate_notes(passage_numbers, pass_numbers)
        if self.has_hints:
            notes, hints = self._gather_with_hints(note_indices, rng)
        else:
            notes, hints = self._augment(self.notes.gather(note_indices), rng), None
        silence = active_notes.no_active_notes(len(notes))
        active, _ = active_notes.active_before_each(notes, silence)
        for start in range(0, self.passage_length, self.config.bptt_length):
            # The last note of a segment is a target only; it is also the first note of the next segment.
            segment = slice(start, start + self.config.bptt_length + 1)
            mask = has_note[:, segment][:, 1:]
            if mask.any():
                part = None if hints is None else hints[:, segment][:, :-1]
                yield Segment(notes[:, segment], active[:, segment], mask, start == 0, part)

    def _gather_with_hints(
        self, note_indices: NDArray[np.int64], rng: np.random.Generator
    ) -> tuple[QuantizedNotes, recall.Hints]:
        """Return augmented notes [B, N, 5] and the hints [B, N, 5] after them, from all of their piece before."""
        levels, source_indices = self._find_sources(note_indices)
        shape = (*note_indices.shape, 1)
        all_indices = np.concatenate([note_indices.reshape(shape), source_indices], axis=2)
        flat = all_indices.reshape(len(note_indices), -1)
        augmented = self._augment(self.notes.gather(flat), rng)
        by_note = augmented.reshape(*all_indices.shape, augmented.shape[-1])
        notes, sources = by_note[:, :, 0], by_note[:, :, 1:]
        return notes, recall.make_hints(notes[..., PITCH], sources, levels)

    def _find_sources(
        self, note_indices: NDArray[np.int64]
    ) -> tuple[NDArray[np.int16], NDArray[np.int64]]:
        """Return the levels [B, N] of the hints after notes [B, N], and the indices [B, N, 3] of their sources."""
        levels = np.empty(note_indices.shape, np.int16)
        sources = np.empty((*note_indices.shape, 3), np.int64)
        for row, indices in enumerate(note_indices):
            piece = np.searchsorted(self.piece_starts, indices[0], side="right") - 1
            start = max(int(self.piece_starts[piece]), int(indices[0]) - recall.HISTORY_NOTES)
            known = self.notes.view(start, int(indices[-1]) + 1)
            places, known_levels = recall.find_places(known[:, PITCH])
            levels[row] = known_levels[indices - start]
            sources[row] = start + recall.locate_sources(places)[indices - start]
        return levels, sources

    def _locate_notes(
        self, passage_numbers: NDArray[np.int64], pass_numbers: NDArray[np.int64]
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Return the index of each note of passages [B, passage + 1], and 1 where there is one.

        Beyond the end of a passage the index is that of its last note.
        """
        pieces = np.searchsorted(self.passage_ends, passage_numbers, side="right")
        passages_before = np.where(pieces > 0, self.passage_ends[pieces - 1], 0)
        offsets = (passage_numbers - passages_before) * self.passage_length
        return self._list_notes(pieces, offsets - self._draw_shifts(pass_numbers, pieces))

    def _list_notes(
        self, pieces: NDArray[np.int64], offsets: NDArray[np.int64]
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Return what `_locate_notes` does, of passages [B] of pieces [B]; `offsets` [B] is below 0 before a piece."""
        starts = self.piece_starts[pieces] + np.maximum(offsets, 0)
        ends = self.piece_starts[pieces] + offsets + self.passage_length + 1
        ends = np.minimum(ends, self.piece_ends[pieces])
        indices = starts[:, None] + np.arange(self.passage_length + 1)
        has_note = (indices < ends[:, None]).astype(np.float32)
        return np.minimum(indices, ends[:, None] - 1), has_note

    def _draw_shifts(
        self, pass_numbers: NDArray[np.int64], pieces: NDArray[np.int64]
    ) -> NDArray[np.int64]:
        """Return by how many notes all passages of a piece start earlier in a pass [B]; they still reach its end."""
        hashed = hash_numbers(self.seed, _SHIFT_KEY, pass_numbers, pieces)
        num_shifts = (self.slack[pieces] + 1).astype(np.uint64)
        return (hashed % num_shifts).astype(np.int64)

    def _augment(self, notes: QuantizedNotes, rng: np.random.Generator) -> QuantizedNotes:
        """Change pitch, tempo and velocity of each passage [B, N, 5] by one random value each; all stay on the grid."""
        config, batch_size = self.config, len(notes)
        out = notes.copy()
        semitones = rng.integers(-config.max_transpose, config.max_transpose + 1, batch_size)
        lowest, highest = notes[..., PITCH].min(axis=1), notes[..., PITCH].max(axis=1)
        semitones = np.clip(semitones, -lowest, 127 - highest).astype(np.int16)
        out[..., PITCH] += semitones[:, None]
        tempo = 1 + rng.uniform(-config.max_tempo_change, config.max_tempo_change, batch_size)
        for column in (STEP, DURATION):
            cells = np.rint(notes[..., column] * tempo[:, None])
            out[..., column] = np.clip(cells, 0, GRID_SIZE - 1)
        max_shift = config.max_velocity_shift
        shift = rng.integers(-max_shift, max_shift + 1, batch_size)
        out[..., VELOCITY] = np.clip(notes[..., VELOCITY] + shift[:, None], 1, 127)
        return out
