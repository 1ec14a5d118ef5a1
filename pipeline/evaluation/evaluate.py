"""Bits of every note of held-out pieces, and calibration statistics of some of them.

Reading the pieces takes most of the time, so they are read once for both.

Shapes: N notes, P pieces, K targets, H width of the hidden vector.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from pipeline.evaluation import calibration
from pipeline.evaluation.calibration import CalibrationStats
from pipeline.models import scoring
from pipeline.models.model_io import TrainedModel
from pipeline.models.numpy.autoregressive_heads import AutoregressiveHeads
from pipeline.models.numpy.heads import Context, RegressionHeads
from pipeline.models.numpy.network import Network
from pipeline.notes.quantize import FEATURES, SCORED_FEATURES, QuantizedNotes

MAX_CALIBRATION_NOTES = 20_000
"""Notes at most whose whole distributions are examined, evenly spaced."""
CHUNK = 256
"""Distributions held at once."""
CONTEXT_LENGTHS = (1, 2, 4, 8, 16, 32, 64, 128, 256)
"""Numbers of notes read before a target."""
CONTEXT_TARGETS = 256
"""Targets scored for each context length, evenly spaced."""
CONTEXT_BATCH = 64
"""Targets scored at once."""


ContextBits = list[tuple[int, int, dict[str, float]]]
"""Rows of context length, number of targets, and mean bits of each feature that counts."""


def evaluate_pieces(
    model: TrainedModel,
    pieces: Sequence[QuantizedNotes],
    batch_size: int,
    max_calibration_notes: int = MAX_CALIBRATION_NOTES,
) -> tuple[NDArray[np.float64], dict[str, CalibrationStats]]:
    """Score pieces as `scoring.score_pieces` does, and keep calibration statistics of evenly spaced notes.

    Memory grows by the sums of a piece, not by its notes.

    Args:
        model: the model.
        pieces: P pieces [N, 5] each.
        batch_size: pieces read side by side.
        max_calibration_notes: notes at most whose whole distributions are examined.

    Returns:
        Bits [P, 3 to 5] of each piece, summed over all its notes but the first, and statistics of each feature over
        the evenly spaced notes.
    """
    heads = scoring.make_heads(model)
    sums = np.zeros((len(pieces), scoring.count_bits_columns(model)))
    calibration_notes = _CalibrationNotes(heads, pieces, max_calibration_notes)
    for index, part, context in scoring.iterate_contexts(model, pieces, batch_size):
        notes = pieces[index][part]
        sums[index] += heads.bits(context, notes).sum(axis=0)
        calibration_notes.score_part(index, part, notes, context)
    return sums, calibration_notes.concatenate_stats()


class _CalibrationNotes:
    """Calibration statistics of notes evenly spaced over all pieces."""

    def __init__(
        self,
        heads: RegressionHeads | AutoregressiveHeads,
        pieces: Sequence[QuantizedNotes],
        max_notes: int,
    ) -> None:
        self._heads = heads
        ends = _count_targets(pieces, 1)
        self._starts = np.concatenate([[0], ends[:-1]])
        self._interval = max(1, -(-int(ends[-1]) // max(1, max_notes)))
        self._parts: dict[tuple[int, int], dict[str, CalibrationStats]] = {}

    def score_part(self, index: int, part: slice, notes: QuantizedNotes, context: Context) -> None:
        """Score the distributions of some notes of a part [N, 5] of a piece."""
        # Targets are numbered from 1 through all pieces, so that short pieces have their share of them.
        numbers = self._starts[index] + np.arange(part.start, part.stop)
        chosen = np.flatnonzero(numbers % self._interval == 0)
        for begin in range(0, len(chosen), CHUNK):
            rows = chosen[begin : begin + CHUNK]
            distributions = self._heads.distributions(context.select(rows), notes[rows])
            self._parts[index, part.start + int(rows[0])] = {
                name: calibration.score_distributions(probs, notes[rows, FEATURES[name].column])
                for name, probs in distributions.items()
            }

    def concatenate_stats(self) -> dict[str, CalibrationStats]:
        """Return the statistics of each feature in the order of the music, whatever the order of reading."""
        in_order = [self._parts[key] for key in sorted(self._parts)]
        return {
            name: calibration.concatenate_stats([stats[name] for stats in in_order])
            for name in in_order[0]
        }


def _count_targets(pieces: Sequence[QuantizedNotes], num_context_notes: int) -> NDArray[np.int64]:
    """Return how many notes of each piece and all before it [P] come after so many notes of their piece."""
    lengths = np.array([len(piece) for piece in pieces], np.int64)
    return np.maximum(lengths - num_context_notes, 0).cumsum()


def _space_targets(
    pieces: Sequence[QuantizedNotes], num_context_notes: int, num_targets: int
) -> list[tuple[int, int]]:
    """Return the piece and the place in it of evenly spaced notes that come after so many notes of their piece."""
    ends = _count_targets(pieces, num_context_notes)
    numbers = np.unique(np.linspace(0, ends[-1] - 1, num_targets).astype(np.int64))
    indices = np.searchsorted(ends, numbers, side="right")
    places = [
        int(number - ends[index]) + len(pieces[index])
        for number, index in zip(numbers, indices, strict=True)
    ]
    return list(zip(indices.tolist(), places, strict=True))


def compute_bits_by_context(
    model: TrainedModel, pieces: Sequence[QuantizedNotes], num_targets: int = CONTEXT_TARGETS
) -> ContextBits:
    """Return the bits of the same notes after 1, 2, 4, … 256 notes of context.

    How bits fall along a piece would mix up what a model has read with how pieces begin; here nothing differs but the
    number of notes read. A model with a window ignores all before it.

    Args:
        model: the model.
        pieces: [N, 5] each, N of 2 or more.
        num_targets: targets scored for each context length at most, evenly spaced.

    Source: Khandelwal et al., "Sharp nearby, fuzzy far away: how neural language models use context", ACL 2018,
    section 4, which cuts the context of the same targets.
    """
    max_context = max(map(len, pieces)) - 1
    lengths = [length for length in CONTEXT_LENGTHS if length <= max_context]
    chosen = _space_targets(pieces, lengths[-1], num_targets)
    targets = np.stack([pieces[index][at] for index, at in chosen])
    network = Network(model.config, model.weights)
    heads = scoring.make_heads(model)
    rows = []
    for length in lengths:
        reach = length if model.config.stateful else min(length, model.sequence_length)
        total = np.zeros(len(SCORED_FEATURES))
        for begin in range(0, len(chosen), CONTEXT_BATCH):
            batch = chosen[begin : begin + CONTEXT_BATCH]
            read = np.stack([pieces[index][at - reach : at] for index, at in batch])
            context = network.forward_window(read)
            bits = heads.bits(context, targets[begin : begin + CONTEXT_BATCH])
            total += bits[:, : len(SCORED_FEATURES)].sum(axis=0)
        mean = dict(zip(SCORED_FEATURES, (total / len(chosen)).tolist(), strict=True))
        rows.append((length, len(chosen), mean))
    return rows


def merge_context_bits(parts: Sequence[ContextBits]) -> ContextBits:
    """Return the mean over all targets of several replicates."""
    merged = []
    for length in sorted({row[0] for part in parts for row in part}):
        rows = [row for part in parts for row in part if row[0] == length]
        num_targets = sum(row[1] for row in rows)
        mean = {
            name: sum(row[1] * row[2][name] for row in rows) / num_targets
            for name in SCORED_FEATURES
        }
        merged.append((length, num_targets, mean))
    return merged
