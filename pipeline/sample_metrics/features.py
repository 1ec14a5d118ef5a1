"""Musical measures: does what a model plays behave like music, or does it copy, repeat itself or drift?

Bits per note say how well a model knows the next note, not what becomes of 2,000 notes of its own. Each measure here is
a function of codes alone. None has a best value: what counts is the distance from equally long held-out music.

Shapes: N notes.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.notes.note import NUM_PITCHES
from pipeline.notes.quantize import (
    DURATION,
    GRID_SECONDS,
    GRID_SIZE,
    PITCH,
    STEP,
    VELOCITY,
    QuantizedNotes,
)
from pipeline.sample_metrics import tonality
from pipeline.sample_metrics.memorization import Match, find_longest_matches
from pipeline.sample_metrics.note_counts import NoteCounts, count_notes

MIN_NOTES = 8
"""Notes that a passage needs to be measured."""
PITCH_OFFSET = 1 << 40
"""Cells; later than the end of any piece."""

Histogram = NDArray[np.float64]
"""[K] shares that sum to 1."""


def compute_ngram_repetition(notes: QuantizedNotes, n: int, transposed: bool = False) -> float:
    """Return the share of the runs of n notes whose pitches came before in the same passage.

    Args:
        notes: [N, 5].
        n: notes of a run.
        transposed: compare the n - 1 intervals, so that a run counts as repeated on other pitches too.

    Returns:
        1 - distinct / all; 0 where there is no run of n notes.

    Source: seq-rep-n of Welleck et al., "Neural text generation with unlikelihood training", ICLR 2020, on pitches.
    """
    if len(notes) < n:
        return 0.0
    runs = np.lib.stride_tricks.sliding_window_view(notes[:, PITCH], n)
    distinct = np.unique(np.diff(runs, axis=1) if transposed else runs, axis=0)
    return 1 - len(distinct) / len(runs)


def find_longest_run(flags: NDArray[np.bool_]) -> int:
    """Return the length of the longest run of true flags [N]."""
    return int(np.diff(np.flatnonzero(~flags), prepend=-1, append=len(flags)).max()) - 1


def count_same_pitch_run(notes: QuantizedNotes) -> int:
    """Return how many notes of one pitch come one after the other at most: N of a model stuck on a key."""
    return find_longest_run(np.diff(notes[:, PITCH]) == 0) + 1 if len(notes) else 0


def count_zero_step_run(notes: QuantizedNotes) -> int:
    """Return how many steps of 0 come one after the other at most: N of a model whose time stands still."""
    return find_longest_run(notes[:, STEP] == 0)


def compute_density(notes: QuantizedNotes) -> float:
    """Return notes per second: N over the sum of their steps [s], which is taken as one cell at least."""
    return len(notes) / (max(int(notes[:, STEP].sum(dtype=np.int64)), 1) * GRID_SECONDS)


def compute_silences(notes: QuantizedNotes) -> NDArray[np.int64]:
    """Return the time before each note but the first [N - 1] in which no key is down [cells]."""
    onset = np.cumsum(notes[:, STEP], dtype=np.int64)
    latest_end = np.maximum.accumulate(onset + notes[:, DURATION])
    return np.asarray(np.maximum(onset[1:] - latest_end[:-1], 0))


def compute_drift(notes: QuantizedNotes) -> dict[str, float]:
    """Return notes per second, mean pitch and mean velocity of each quarter of the notes, and the drift of density.

    Args:
        notes: [N, 5], N of 4 or more.

    Returns:
        `density_1` to `velocity_4`; `density_drift`, notes per second of the last quarter over those of the first.
    """
    quarters = np.array_split(notes, 4)
    values = {f"density_{k}": compute_density(part) for k, part in enumerate(quarters, 1)}
    for name, column in (("pitch", PITCH), ("velocity", VELOCITY)):
        values |= {
            f"{name}_{k}": float(part[:, column].mean()) for k, part in enumerate(quarters, 1)
        }
    return {**values, "density_drift": values["density_4"] / values["density_1"]}


def compute_pitch_class_histogram(notes: QuantizedNotes) -> Histogram:
    """Return the share of notes of each pitch class [12], C first.

    Source: pitch class histogram of Yang and Lerch, "On the evaluation of generative models in music", 2020.
    """
    return np.asarray(np.bincount(notes[:, PITCH] % 12, minlength=12) / len(notes))


def compute_histogram_overlap(histogram: Histogram, reference: Histogram) -> float:
    """Return the area [0..1] that two histograms [K] have in common, 1 for equal ones.

    Of the histograms themselves, not of the distances between pieces that Yang and Lerch (2020) take it of.

    Source: histogram intersection of Swain and Ballard, "Color indexing", 1991.
    """
    return float(np.minimum(histogram, reference).sum())


def compute_time_histogram(notes: QuantizedNotes, column: int) -> Histogram:
    """Return the share of notes [1001] in each cell of a column of time, `STEP` or `DURATION`."""
    return np.asarray(np.bincount(notes[:, column], minlength=GRID_SIZE) / len(notes))


def compute_log_time_wasserstein(histogram: Histogram, reference: Histogram) -> float:
    """Return the 1-Wasserstein distance of two distributions of time [1001], in octaves: of log2(1 + cells).

    It is how far times must move on average to turn one distribution into the other; 1 is twice as long.

    Source: Vallender, "Calculation of the Wasserstein distance between probability distributions on the line", 1974.
    """
    widths = np.diff(np.log2(1 + np.arange(GRID_SIZE)))
    return float(np.abs(np.cumsum(histogram - reference)[:-1]) @ widths)


def compute_polyphony(notes: QuantizedNotes) -> float:
    """Return how many pitches sound at once on average, over the cells of time in which any sounds; at least 1.

    A note sounds in all cells from its onset on that it is held, and in one at least.

    Source: `polyphony` of MusPy 0.5 (Dong et al., ISMIR 2020); its versions before 0.2 counted something else.
    """
    begin = np.cumsum(notes[:, STEP], dtype=np.int64)
    end = begin + np.maximum(notes[:, DURATION], 1)
    apart = notes[:, PITCH].astype(np.int64) * PITCH_OFFSET
    return _compute_union_length(begin + apart, end + apart) / _compute_union_length(begin, end)


def _compute_union_length(starts: NDArray[np.int64], ends: NDArray[np.int64]) -> int:
    """Return how many cells lie in any of the intervals [begin, end) [N]."""
    order = np.argsort(starts, kind="stable")
    starts, latest = starts[order], np.maximum.accumulate(ends[order])
    before = np.concatenate([starts[:1], latest[:-1]])
    return int(np.maximum(latest - np.maximum(starts, before), 0).sum())


@dataclass(frozen=True)
class TrainingReference:
    """What passages are held against: all training music, and what each passage copies of it.

    Shapes: K passages.
    """

    counts: NoteCounts
    """Of all training notes."""
    matches: Sequence[Match]
    """[K] the longest copy in each passage, in any rhythm."""
    matches_in_time: Sequence[Match]
    """[K] the longest copy in each passage whose steps agree too, within a cell."""

    @classmethod
    def from_pieces(
        cls, pieces: Sequence[QuantizedNotes], passages: Sequence[QuantizedNotes]
    ) -> "TrainingReference":
        """Read training pieces [N, 5] each, one after the other, and what passages [N, 5] each copy of them."""
        return cls(count_notes(pieces), *find_longest_matches(passages, pieces, (None, 1)))

    def select_first(self, num_passages: int) -> "TrainingReference":
        """Return the same for the first passages alone."""
        in_any_rhythm, in_time = self.matches[:num_passages], self.matches_in_time[:num_passages]
        return TrainingReference(self.counts, in_any_rhythm, in_time)


def compute_sample_features(
    passages: Sequence[QuantizedNotes], reference: TrainingReference
) -> list[dict[str, float]]:
    """Take all measures of each passage.

    Distances are to the training music, not to the held-out one, so that held-out passages can be measured alike.

    Args:
        passages: [N, 5] each.
        reference: what they are held against, made for these passages.

    Returns:
        Measures of each passage by name, always in the same order.

    Raises:
        ValueError: a passage of fewer than 8 notes.
    """
    training = reference.counts
    pitch_classes = training.compute_pitch_class_shares()
    steps, durations = (training.compute_time_shares(column) for column in (STEP, DURATION))
    rows = zip(passages, reference.matches, reference.matches_in_time, strict=True)
    return [
        {
            "copy": float(match.num_notes),
            "copy_in_time": float(match_in_time.num_notes),
            **_compute_own_features(notes),
            "pitch_class_overlap": compute_histogram_overlap(
                compute_pitch_class_histogram(notes), pitch_classes
            ),
            "step_distance": compute_log_time_wasserstein(
                compute_time_histogram(notes, STEP), steps
            ),
            "duration_distance": compute_log_time_wasserstein(
                compute_time_histogram(notes, DURATION), durations
            ),
        }
        for notes, match, match_in_time in rows
    ]


def _compute_own_features(notes: QuantizedNotes) -> dict[str, float]:
    """Take the measures for which a passage alone is enough.

    Raises:
        ValueError: fewer than 8 notes.
    """
    if len(notes) < MIN_NOTES:
        raise ValueError(
            f"{len(notes)} notes cannot be measured; give a passage of {MIN_NOTES} or more"
        )
    return {
        **_compute_repetition_features(notes),
        "pitches_used": len(np.unique(notes[:, PITCH])) / NUM_PITCHES,
        "pitch_range": float(np.ptp(notes[:, PITCH])),
        "polyphony": compute_polyphony(notes),
        "density": compute_density(notes),
        **compute_drift(notes),
        **tonality.tonality_features(notes),
    }


def _compute_repetition_features(notes: QuantizedNotes) -> dict[str, float]:
    """Take the measures of what came before in the passage itself."""
    return {
        **{f"repeated_{n}": compute_ngram_repetition(notes, n) for n in (4, 8)},
        **{
            f"repeated_{n}_transposed": compute_ngram_repetition(notes, n, transposed=True)
            for n in (4, 8)
        },
        "same_pitch_run": float(count_same_pitch_run(notes)),
        "step_zero_run": float(count_zero_step_run(notes)),
    }
