"""Measure what it costs to draw the batches of an epoch: `python benchmarks/batches.py [rounds]`, after `dvc repro windows`.

In turn, in one process, on the notes in data/windows: the batches as training draws them, with memory that does not
depend on the corpus; and the same with all notes in one array, the start of every window and passage in another, and a
stored permutation of them. Prints CPU milliseconds of an epoch and their ratio, as medians over rounds with minimum and
maximum, for an architecture that is trained on windows and for one that is trained on passages.
"""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from unittest import mock

import numpy as np
from numpy.typing import NDArray

from pipeline.benchmark import timing
from pipeline.config import Params, load_params
from pipeline.config.schema import StatefulTraining
from pipeline.core import paths
from pipeline.dataset import batches, replicates, windows
from pipeline.dataset.segments import SegmentSampler
from pipeline.dataset.sharded_notes import ShardedNotes
from pipeline.dataset.windows import WindowDataset

ARCHITECTURES = ("baseline", "expressive")
EPOCHS = 5
"""Epochs of a round."""


@dataclass(frozen=True)
class StoredWindows(WindowDataset):
    """A dataset with the start of every window."""

    window_starts: NDArray[np.int32]
    """[W] first note of each training window."""

    def locate_windows(self, window_numbers: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the first note of training windows [B]."""
        return self.window_starts[window_numbers].astype(np.int64)


class StoredSampler(SegmentSampler):
    """A sampler with the piece and the start of every passage, and the shifts of all pieces in a pass."""

    def __init__(self, dataset: WindowDataset, config: StatefulTraining, seed: int) -> None:
        super().__init__(dataset, config, seed)
        num_passages = np.diff(self.passage_ends, prepend=0)
        self.piece_indices = np.repeat(np.arange(len(num_passages)), num_passages)
        first_passages = (self.passage_ends - num_passages)[self.piece_indices]
        numbers = np.arange(self.num_passages)
        self.passage_offsets = (numbers - first_passages) * self.passage_length

    def _locate_notes(
        self, passage_numbers: NDArray[np.int64], pass_numbers: NDArray[np.int64]
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        pieces = self.piece_indices[passage_numbers]
        shifts = [
            np.random.default_rng([self.seed, int(number), 3]).integers(self.slack + 1)[piece]
            for number, piece in zip(pass_numbers, pieces, strict=True)
        ]
        return self._list_notes(pieces, self.passage_offsets[passage_numbers] - np.array(shifts))


def draw_stored_batches(
    seed: int, num_windows: int, first: int, count: int, batch_size: int
) -> Iterator[NDArray[np.int64]]:
    """Yield numbers from whole permutations, one for each pass."""
    passes = range(first // num_windows, (first + count - 1) // num_windows + 1)
    orders = [np.random.default_rng([seed, number]).permutation(num_windows) for number in passes]
    skip = first - passes.start * num_windows
    order = np.concatenate(orders)[skip : skip + count]
    for start in range(0, count, batch_size):
        yield order[start : start + batch_size]


def main(num_rounds: int) -> None:
    """Measure and print."""
    params = load_params(paths.PARAMS)
    data = replicates.load_first_replicate(
        paths.WINDOWS, params.replicates, params.compare.split
    ).dataset
    stored = store_all(data)
    for name in ARCHITECTURES:
        work = {
            "drawn": (partial(read_epoch, params, name, data), EPOCHS),
            "stored": (partial(read_stored_epoch, params, name, stored), EPOCHS),
        }
        timings = timing.time_in_turn(work, num_rounds, name, [("drawn", "stored")])
        drawn, reference = (1e3 * np.median(timing.list_medians(timings[key])) for key in work)
        ratios = timing.list_ratios(timings["drawn"], timings["stored"])
        ratio = timing.format_figure(timing.summarize_rounds(ratios, num_rounds, 3))
        print(f"{name}: {drawn:.1f} ms an epoch, stored {reference:.1f} ms, ratio {ratio}")


def store_all(data: WindowDataset) -> StoredWindows:
    """Return a dataset with all notes in one array and the start of every window in another."""
    starts = data.locate_windows(np.arange(data.num_windows)).astype(np.int32)
    values = {name: getattr(data, name) for name in windows.INDEX_NAMES}
    notes = ShardedNotes([np.concatenate(list(data.pieces))])
    return StoredWindows(notes=notes, **values, window_starts=starts)


def read_epoch(params: Params, name: str, data: WindowDataset) -> None:
    """Draw all batches of an epoch."""
    for _ in batches.epoch_batches(params, params.model[name], data, 0):
        pass


def read_stored_epoch(params: Params, name: str, data: WindowDataset) -> None:
    """Draw them from stored orders."""
    with (
        mock.patch.object(windows, "draw_batches", draw_stored_batches),
        mock.patch.object(batches, "SegmentSampler", StoredSampler),
    ):
        read_epoch(params, name, data)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 9)
