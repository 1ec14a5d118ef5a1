"""Replicates: an architecture is trained several times, each time from another seed, to measure how far results vary.

Under cross-validation each replicate also holds out other compositions, so that every composition is held out once.
Fold r decides for replicate r and fold r + 1 chooses the epoch; neither is trained on.

Source: k-fold cross-validation, Stone, "Cross-validatory choice and assessment of statistical predictions",
J. R. Statist. Soc. B 36, 1974. Training sets of replicates overlap, so their results are not quite independent: Bengio
and Grandvalet, "No unbiased estimator of the variance of k-fold cross-validation", JMLR 5, 2004.

Shapes: P pieces.
"""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipeline.config.schema import ReplicatesConfig
from pipeline.core.errors import DataError
from pipeline.dataset.windows import PieceNotes, WindowDataset, load_windows

MIN_FOLDS = 3
"""Of cross-validation: one fold decides, one chooses the epoch, the rest are trained on."""
MIN_COMPOSITIONS = 20
"""Held-out compositions from which on the splits of the corpus say enough of other music."""
UNUSED = "unused"
"""Split of training pieces beyond `windows.max_train_notes`."""


@dataclass(frozen=True)
class ReplicatePlan:
    """The replicates of a run."""

    dataset: WindowDataset
    """The corpus with its own splits."""
    count: int
    """Number of replicates."""
    folds: NDArray[np.int64] | None
    """[P] fold of each piece, from 1; none where the splits of the corpus stay and replicates are seeds."""

    @property
    def scheme(self) -> str:
        """`cross_validation` or `seeds`."""
        return "seeds" if self.folds is None else "cross_validation"

    def get_deciding_split(self, split: str) -> str:
        """Return the split that decides: the test fold under cross-validation, else the given split of the corpus."""
        return split if self.folds is None else "test"

    def select(self, replicate: int) -> WindowDataset:
        """Return the data of a replicate, numbered from 1: the corpus with the splits of the replicate."""
        splits = self.dataset.splits if self.folds is None else self._assign_splits(replicate)
        return replace(self.dataset, splits=_limit_training(self.dataset, splits))

    def _assign_splits(self, replicate: int) -> NDArray[np.str_]:
        """Return the split [P] of each piece in a replicate of the cross-validation."""
        validation_fold = replicate % self.count + 1
        splits = np.full(len(self.dataset.splits), "train", dtype="<U10")
        splits[self.folds == validation_fold] = "validation"
        splits[self.folds == replicate] = "test"
        return splits


@dataclass(frozen=True)
class HeldOutData:
    """The data of a replicate, and which of its splits decides."""

    dataset: WindowDataset
    split: str

    def select_pieces(self) -> PieceNotes:
        """Return the notes [n, 5] of each held-out piece."""
        return self.dataset.select_pieces(self.split)


def make_plan(dataset: WindowDataset, config: ReplicatesConfig) -> ReplicatePlan:
    """Return the replicates of a corpus.

    Raises:
        DataError: the corpus has too few compositions for the cross-validation that is asked for.
    """
    num_compositions = len(set(dataset.compositions))
    scheme: str = config.scheme
    if scheme == "auto":
        scheme = _choose_scheme(dataset, config.count, num_compositions)
    if scheme == "seeds":
        return ReplicatePlan(dataset, config.count, None)
    if not MIN_FOLDS <= config.count <= num_compositions:
        raise DataError(
            f"replicates.count is {config.count}, and cross-validation of {num_compositions} compositions needs "
            f"{MIN_FOLDS} to {num_compositions}; change it, or set replicates.scheme to seeds"
        )
    return ReplicatePlan(dataset, config.count, assign_folds(dataset, config.count))


def _choose_scheme(dataset: WindowDataset, count: int, num_compositions: int) -> str:
    """Return `cross_validation` where the corpus holds out few compositions and has enough for the folds."""
    num_held_out = len(set(dataset.compositions[dataset.splits == "validation"]))
    has_folds = MIN_FOLDS <= count <= num_compositions
    return "cross_validation" if num_held_out < MIN_COMPOSITIONS and has_folds else "seeds"


def assign_folds(dataset: WindowDataset, num_folds: int) -> NDArray[np.int64]:
    """Return the fold [P] of each piece, from 1: whole compositions, the longest first, each to the shortest fold."""
    lengths = dataset.piece_ends - dataset.piece_starts
    names, composition_of_piece = np.unique(dataset.compositions, return_inverse=True)
    num_notes = np.bincount(composition_of_piece, lengths)
    fold_notes = np.zeros(num_folds)
    fold_of_composition = np.empty(len(names), np.int64)
    # `names` is sorted, and a stable sort keeps its order among equal lengths.
    for index in np.argsort(-num_notes, kind="stable"):
        fold = int(fold_notes.argmin())
        fold_of_composition[index] = fold + 1
        fold_notes[fold] += num_notes[index]
    return fold_of_composition[composition_of_piece]


def _limit_training(dataset: WindowDataset, splits: NDArray[np.str_]) -> NDArray[np.str_]:
    """Return the splits [P] without training pieces that would exceed `max_train_notes`; 0 is no limit."""
    if not dataset.max_train_notes:
        return splits
    lengths = dataset.piece_ends - dataset.piece_starts
    num_notes = np.cumsum(np.where(splits == "train", lengths, 0))
    limited = splits.astype("<U10")
    limited[(splits == "train") & (num_notes > dataset.max_train_notes)] = UNUSED
    return limited


def load_first_replicate(path: Path, config: ReplicatesConfig, split: str) -> HeldOutData:
    """Return the data of the first replicate, whose model plays.

    Args:
        path: windows of the corpus.
        config: the replicates.
        split: split of the corpus that decides.
    """
    plan = make_plan(load_windows(path), config)
    return HeldOutData(plan.select(1), plan.get_deciding_split(split))


def derive_seed(seed: int, replicate: int) -> int:
    """Return the seed of a replicate: other replicates and other seeds of the run give unrelated ones."""
    return int(np.random.SeedSequence([seed, replicate]).generate_state(1)[0])
