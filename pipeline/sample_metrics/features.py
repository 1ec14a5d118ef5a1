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
from pipeline.notes.quantize import GRID_SECONDS, GRID_SIZE, DURATION, PITCH, STEP, VELOCITY, QuantizedNotes
from pipeline.sample_metrics import tonality
from pipeline.sample_metrics.memorization import Index, longest_copy

LEAST = 8
"""Notes that a passage needs to be measured."""
FAR = 1 << 40
"""Cells; later than the end of any piece."""

Shares = NDArray[np.float64]
"""[K] shares that sum to 1."""


def repeated(codes: QuantizedNotes, n: int, transposed: bool = False) -> float:
    """Return the share of the runs of n notes whose pitches came before in the same passage.

    Args:
        codes: [N, 4].
        n: notes of a run.
        transposed: compare the n - 1 intervals, so that a run counts as repeated on other pitches too.

    Returns:
        1 - distinct / all; 0 where there is no run of n notes.

    Source: seq-rep-n of Welleck et al., "Neural text generation with unlikelihood training", ICLR 2020, on pitches.
    """
    if len(codes) < n:
        return 0.0
    runs = np.lib.stride_tricks.sliding_window_view(codes[:, PITCH], n)
    distinct = np.unique(np.diff(runs, axis=1) if transposed else runs, axis=0)
    return 1 - len(distinct) / len(runs)


def longest_run(flags: NDArray[np.bool_]) -> int:
    """Return the length of the longest run of true flags [N]."""
    return int(np.diff(np.flatnonzero(~flags), prepend=-1, append=len(flags)).max()) - 1


def same_pitch_run(codes: QuantizedNotes) -> int:
    """Return how many notes of one pitch come one after the other at most: N of a model stuck on a key."""
    return longest_run(np.diff(codes[:, PITCH]) == 0) + 1 if len(codes) else 0


def step_zero_run(codes: QuantizedNotes) -> int:
    """Return how many steps of 0 come one after the other at most: N of a model whose time stands still."""
    return longest_run(codes[:, STEP] == 0)


def density(codes: QuantizedNotes) -> float:
    """Return notes per second: N over the sum of their steps [s], which is taken as one cell at least."""
    return len(codes) / (max(int(codes[:, STEP].sum(dtype=np.int64)), 1) * GRID_SECONDS)


def drift(codes: QuantizedNotes) -> dict[str, float]:
    """Return notes per second, mean pitch and mean velocity of each quarter of the notes, and the drift of density.

    Args:
        codes: [N, 4], N of 4 or more.

    Returns:
        `density_1` to `velocity_4`; `density_drift`, notes per second of the last quarter over those of the first.
    """
    quarters = np.array_split(codes, 4)
    found = {f"density_{k}": density(part) for k, part in enumerate(quarters, 1)}
    for name, column in (("pitch", PITCH), ("velocity", VELOCITY)):
        found |= {f"{name}_{k}": float(part[:, column].mean()) for k, part in enumerate(quarters, 1)}
    return {**found, "density_drift": found["density_4"] / found["density_1"]}


def pitch_classes(codes: QuantizedNotes) -> Shares:
    """Return the share of notes of each pitch class [12], C first.

    Source: pitch class histogram of Yang and Lerch, "On the evaluation of generative models in music", 2020.
    """
    return np.asarray(np.bincount(codes[:, PITCH] % 12, minlength=12) / len(codes))


def overlap(ours: Shares, theirs: Shares) -> float:
    """Return the area [0..1] that two histograms [K] have in common, 1 for equal ones.

    Of the histograms themselves, not of the distances between pieces that Yang and Lerch (2020) take it of.

    Source: histogram intersection of Swain and Ballard, "Color indexing", 1991.
    """
    return float(np.minimum(ours, theirs).sum())


def times(codes: QuantizedNotes, column: int) -> Shares:
    """Return the share of notes [1001] in each cell of a column of time, `STEP` or `DURATION`."""
    return np.asarray(np.bincount(codes[:, column], minlength=GRID_SIZE) / len(codes))


def time_distance(ours: Shares, theirs: Shares) -> float:
    """Return the 1-Wasserstein distance of two distributions of time [1001], in octaves: of log2(1 + cells).

    It is how far times must move on average to turn one distribution into the other; 1 is twice as long.

    Source: Vallender, "Calculation of the Wasserstein distance between probability distributions on the line", 1974.
    """
    widths = np.diff(np.log2(1 + np.arange(GRID_SIZE)))
    return float(np.abs(np.cumsum(ours - theirs)[:-1]) @ widths)


def polyphony(codes: QuantizedNotes) -> float:
    """Return how many pitches sound at once on average, over the cells of time in which any sounds; at least 1.

    A note sounds in all cells from its onset on that it is held, and in one at least.

    Source: `polyphony` of MusPy 0.5 (Dong et al., ISMIR 2020); its versions before 0.2 counted something else.
    """
    begin = np.cumsum(codes[:, STEP], dtype=np.int64)
    end = begin + np.maximum(codes[:, DURATION], 1)
    apart = codes[:, PITCH].astype(np.int64) * FAR
    return _covered(begin + apart, end + apart) / _covered(begin, end)


def _covered(begin: NDArray[np.int64], end: NDArray[np.int64]) -> int:
    """Return how many cells lie in any of the intervals [begin, end) [N]."""
    order = np.argsort(begin, kind="stable")
    begin, latest = begin[order], np.maximum.accumulate(end[order])
    before = np.concatenate([begin[:1], latest[:-1]])
    return int(np.maximum(latest - np.maximum(begin, before), 0).sum())


@dataclass(frozen=True)
class Training:
    """What samples are held against: all training music."""

    index: Index
    pitch_classes: Shares
    steps: Shares
    durations: Shares

    @classmethod
    def of(cls, pieces: Sequence[QuantizedNotes]) -> "Training":
        """Gather what is needed of pieces, codes [N, 4] each."""
        codes = np.concatenate(pieces)
        return cls(Index(pieces), pitch_classes(codes), times(codes, STEP), times(codes, DURATION))


def measure(codes: QuantizedNotes, training: Training) -> dict[str, float]:
    """Take all measures of a passage.

    Distances are to the training music, not to the held-out one, so that held-out passages can be measured alike.

    Args:
        codes: [N, 4] of one passage.
        training: what it is held against.

    Returns:
        Measures by name, always in the same order.

    Raises:
        ValueError: fewer than 8 notes.
    """
    if len(codes) < LEAST:
        raise ValueError(f"{len(codes)} notes cannot be measured; give a passage of {LEAST} or more")
    return {
        **_again(codes, training.index),
        "pitches_used": len(np.unique(codes[:, PITCH])) / NUM_PITCHES,
        "pitch_range": float(np.ptp(codes[:, PITCH])),
        "polyphony": polyphony(codes),
        "density": density(codes),
        **drift(codes),
        **tonality.tonality_features(codes),
        "pitch_class_overlap": overlap(pitch_classes(codes), training.pitch_classes),
        "step_distance": time_distance(times(codes, STEP), training.steps),
        "duration_distance": time_distance(times(codes, DURATION), training.durations),
    }


def _again(codes: QuantizedNotes, index: Index) -> dict[str, float]:
    """Take the measures of what was there before, in training or in the passage itself."""
    return {
        "copy": float(longest_copy(codes, index).notes),
        "copy_in_time": float(longest_copy(codes, index, tolerance=1).notes),
        **{f"repeated_{n}": repeated(codes, n) for n in (4, 8)},
        **{f"repeated_{n}_transposed": repeated(codes, n, transposed=True) for n in (4, 8)},
        "same_pitch_run": float(same_pitch_run(codes)),
        "step_zero_run": float(step_zero_run(codes)),
    }
