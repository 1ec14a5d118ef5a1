"""Simulate experiments whose true difference is known: scores of two models by replicate and piece.

The difference of the two models in replicate r and composition c is, in bits per note,

    truth + effect of r + effect of c + interaction of both

so that the standard deviation of each effect decides what makes experiments differ.

Shapes: E experiments, R replicates, P pieces, C compositions.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.dataset import replicates
from pipeline.dataset.sharded_notes import ShardedNotes
from pipeline.dataset.windows import WindowDataset
from pipeline.evaluation.bits import PieceScores

Float64Array = NDArray[np.float64]
Draw = Callable[[np.random.Generator, tuple[int, ...]], Float64Array]
LOGNORMAL_MEAN, LOGNORMAL_STD = np.exp(0.5), np.sqrt((np.e - 1) * np.e)
DISTRIBUTIONS: dict[str, Draw] = {
    "normal": lambda rng, shape: rng.normal(size=shape),
    "heavy tails (t, 3 degrees)": lambda rng, shape: rng.standard_t(3, shape) / np.sqrt(3),
    "skewed (exponential)": lambda rng, shape: rng.exponential(size=shape) - 1,
    "very skewed (lognormal)": lambda rng, shape: (
        (rng.lognormal(size=shape) - LOGNORMAL_MEAN) / LOGNORMAL_STD
    ),
}
"""Of effects: mean 0, standard deviation 1."""
SAMPLE_CORPUS_NOTES = [20449, 2366, 18361, 5322, 14225, 12417, 3141, 5550, 11585, 8475]
"""Notes of each piece of the default corpus."""
MAESTRO_LOG_LENGTH = (8.37, 0.78)
"""Mean and standard deviation of the logarithm of the number of notes of a piece in MAESTRO."""
PERFORMANCES = [1] * 60 + [2] * 20 + [3] * 12 + [4] * 4 + [6] * 4
"""Files of each work, assumed; their numbers are those of the test split of MAESTRO: 176 of 100 works."""
INTERACTION_SHARE = 0.5
"""Standard deviation of the interaction, and of performances of one work, in those of compositions."""


@dataclass(frozen=True)
class Design:
    """Which replicate scored which piece."""

    name: str
    num_replicates: int
    num_notes: NDArray[np.int64]
    """[P] notes of each piece."""
    composition_of_piece: NDArray[np.int64]
    """[P] number of the composition of each piece."""
    folds: NDArray[np.int64] | None = None
    """[P] replicate that scored each piece, from 1; none where every replicate scored every piece."""

    def compute_effective_compositions(self) -> float:
        """Return how many compositions of equal length would give a mean as sure as these do."""
        notes = np.bincount(self.composition_of_piece, self.num_notes)
        return float(notes.sum() ** 2 / (notes**2).sum())


@dataclass(frozen=True)
class EffectSizes:
    """Standard deviations of effects [bits per note]."""

    replicate: float
    composition: float
    interaction: float
    """Of a composition in a replicate."""
    performance: float = 0.0
    """Of a piece among the performances of its composition."""


def make_nested_design(name: str, num_folds: int, num_notes: Sequence[int]) -> Design:
    """Return a cross-validation of compositions of one piece each, with the folds of the pipeline."""
    notes, numbers = np.array(num_notes), np.arange(len(num_notes))
    names = np.array([f"{number:04}" for number in numbers])
    dataset = WindowDataset(
        notes=ShardedNotes([]),
        piece_ends=np.cumsum(notes),
        splits=np.full(len(notes), "train"),
        piece_names=names,
        compositions=names,
        sequence_length=1,
        stride=1,
        max_train_notes=0,
    )
    return Design(name, num_folds, notes, numbers, replicates.assign_folds(dataset, num_folds))


def make_crossed_design(name: str, num_replicates: int, num_compositions: int) -> Design:
    """Return replicates that score the same compositions, as long as those of MAESTRO."""
    rng = np.random.default_rng(num_compositions)
    lengths = rng.lognormal(*MAESTRO_LOG_LENGTH, num_compositions)
    notes = np.maximum(60, lengths).astype(np.int64)
    return Design(name, num_replicates, notes, np.arange(num_compositions))


def make_performances_design(name: str, num_replicates: int) -> Design:
    """Return replicates that score the same works, of which some were recorded several times."""
    rng = np.random.default_rng(len(PERFORMANCES))
    lengths = np.maximum(60, rng.lognormal(*MAESTRO_LOG_LENGTH, len(PERFORMANCES)))
    notes = np.repeat(lengths, PERFORMANCES).astype(np.int64)
    return Design(
        name, num_replicates, notes, np.repeat(np.arange(len(PERFORMANCES)), PERFORMANCES)
    )


def choose_effect_sizes(
    design: Design, replicate_share: float, standard_error: float
) -> EffectSizes:
    """Return effects for which the mean has about a standard error, of whose square replicates make up a share."""
    variance = standard_error**2
    replicate = np.sqrt(replicate_share * design.num_replicates * variance)
    num_compositions = design.compute_effective_compositions()
    composition = float(np.sqrt((1 - replicate_share) * num_compositions * variance))
    smaller = INTERACTION_SHARE * composition
    has_performances = len(set(design.composition_of_piece)) < len(design.num_notes)
    return EffectSizes(float(replicate), composition, smaller, smaller if has_performances else 0.0)


def draw_differences(
    rng: np.random.Generator, design: Design, sizes: EffectSizes, draw: Draw, count: int
) -> Float64Array:
    """Return differences [E, R, P] in bits per note, whose truth is 0."""
    num_pieces, num_replicates = len(design.num_notes), design.num_replicates
    num_compositions = int(design.composition_of_piece.max()) + 1
    by_replicate = sizes.replicate * draw(rng, (count, num_replicates, 1))
    by_composition = sizes.composition * draw(rng, (count, 1, num_compositions))
    rest = sizes.interaction * draw(rng, (count, num_replicates, num_compositions))
    by_piece = sizes.performance * draw(rng, (count, 1, num_pieces))
    effects = by_replicate + by_composition + rest
    return np.asarray(effects[:, :, design.composition_of_piece] + by_piece)


def tabulate_units(
    design: Design, bits_per_note: Float64Array, composition_of_piece: NDArray[np.int64]
) -> tuple[Float64Array, Float64Array]:
    """Return bits [E, R, C] and notes [R, C] by replicate and composition, of bits per note [E, R, P]."""
    replicate_of_row = np.arange(1, design.num_replicates + 1)[:, None]
    is_scored = np.ones(bits_per_note.shape[1:], bool)
    if design.folds is not None:
        is_scored = design.folds == replicate_of_row
    notes = is_scored * design.num_notes
    is_of_composition = composition_of_piece[:, None] == np.unique(composition_of_piece)
    return (bits_per_note * notes) @ is_of_composition, notes @ is_of_composition.astype(float)


def make_scores(design: Design, bits_per_note: Float64Array) -> PieceScores:
    """Return scores of bits per note [R, P]; of a nested design, those of each fold only."""
    shape = design.num_replicates, len(design.num_notes)
    rows, columns = np.indices(shape).reshape(2, -1)
    if design.folds is not None:
        rows, columns = design.folds - 1, np.arange(shape[1])
    notes = design.num_notes[columns]
    return PieceScores(
        replicates=rows + 1,
        compositions=np.char.mod("%04d", design.composition_of_piece[columns]),
        piece_names=np.char.mod("%04d", columns),
        num_notes=notes,
        bits=np.outer(bits_per_note[rows, columns] * notes, [1, 0, 0]),
    )
