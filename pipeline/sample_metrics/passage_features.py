"""Features of a short passage by which a classifier may know real music from generated music.

None is of velocity, which some models do not generate, or of which pitch classes are used: a composition has its own.

Shapes: N notes, F features.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipeline.notes.quantize import DURATION, PITCH, STEP, QuantizedNotes
from pipeline.sample_metrics import features, overlap, tonality

CHORD_CELLS = 3
"""Notes closer than this many cells, 30 ms, are struck together."""
RHYTHM_NOTES = 4
"""Steps of a rhythm."""

Float64Array = NDArray[np.float64]


class PassageFeature(NamedTuple):
    """A number of a passage, and what it means that generated music has more or less of it."""

    compute: Callable[[QuantizedNotes], float]
    more: str
    less: str


def compute_restruck_share(notes: QuantizedNotes) -> float:
    """Return the share of notes whose key still sounds when they are struck; 0 on a keyboard, but for rounding."""
    begin = np.cumsum(notes[:, STEP], dtype=np.int64)
    begin += notes[:, PITCH].astype(np.int64) * features.PITCH_OFFSET
    order = np.argsort(begin, kind="stable")
    begin, end = begin[order], (begin + notes[:, DURATION])[order]
    latest_end = np.maximum.accumulate(end)
    return float((begin[1:] < latest_end[:-1]).sum() / len(notes))


def compute_chord_share(notes: QuantizedNotes) -> float:
    """Return the share of notes that are struck together with the note before."""
    return float((notes[:, STEP] < CHORD_CELLS).mean())


def compute_semitone_share(notes: QuantizedNotes) -> float:
    """Return the share of notes struck together with the note before that are a semitone from it, in any octave."""
    is_chord = notes[1:, STEP] < CHORD_CELLS
    interval_classes = np.abs(np.diff(notes[:, PITCH]))[is_chord] % 12
    return float(np.isin(interval_classes, (1, 11)).sum() / max(1, is_chord.sum()))


def compute_silent_share(notes: QuantizedNotes) -> float:
    """Return the share of time, from the first onset to the last, in which no key is down."""
    length = notes[1:, STEP].sum(dtype=np.int64)
    return float(features.compute_silences(notes).sum() / max(1, length))


def compute_line_leap(notes: QuantizedNotes, is_top: bool) -> float:
    """Return the mean interval [semitones] from the top (or bottom) note of a chord to that of the next.

    A note alone is a chord of one.
    """
    starts = np.flatnonzero(np.append(True, notes[1:, STEP] >= CHORD_CELLS))
    select_outer = np.maximum if is_top else np.minimum
    line = select_outer.reduceat(notes[:, PITCH], starts)
    return float(np.abs(np.diff(line)).mean()) if len(line) > 1 else 0.0


def compute_rhythm_repetition(notes: QuantizedNotes) -> float:
    """Return the share of runs of 4 steps, in half octaves of time, that came before in the passage."""
    if len(notes) < RHYTHM_NOTES:
        return 0.0
    bins = np.digitize(notes[:, STEP], overlap.TIME_BIN_EDGES)
    runs = np.lib.stride_tricks.sliding_window_view(bins, RHYTHM_NOTES)
    return 1 - len(np.unique(runs, axis=0)) / len(runs)


def compute_step_correlation(notes: QuantizedNotes) -> float:
    """Return the correlation [-1..1] of the logarithm of each step with that of the step before; 0 where all are equal."""
    steps = _compute_log_times(notes, STEP)
    if len(steps) < 3 or min(np.ptp(steps[1:]), np.ptp(steps[:-1])) == 0:
        return 0.0
    return float(np.corrcoef(steps[:-1], steps[1:])[0, 1])


def compute_half_overlap(notes: QuantizedNotes) -> float:
    """Return the area [0..1] that the pitch classes of both halves have in common."""
    first, second = (
        features.compute_pitch_class_histogram(half) for half in np.array_split(notes, 2)
    )
    return features.compute_histogram_overlap(first, second)


def _compute_log_times(notes: QuantizedNotes, column: int) -> Float64Array:
    """Return log2(1 + cells) of a column of time [N]."""
    return np.asarray(np.log2(1.0 + notes[:, column]))


PASSAGE_FEATURES: Mapping[str, PassageFeature] = {
    "density": PassageFeature(
        lambda notes: float(np.log2(features.compute_density(notes))),
        "more notes per second",
        "fewer notes per second",
    ),
    "chords": PassageFeature(
        compute_chord_share, "more notes struck together", "fewer notes struck together"
    ),
    "semitones": PassageFeature(
        compute_semitone_share, "more semitones in chords", "fewer semitones in chords"
    ),
    "step_spread": PassageFeature(
        lambda notes: float(_compute_log_times(notes, STEP).std()),
        "more varied steps",
        "less varied steps",
    ),
    "longest_pause": PassageFeature(
        lambda notes: float(_compute_log_times(notes, STEP).max()),
        "a longer longest pause between notes",
        "a shorter longest pause between notes",
    ),
    "step_correlation": PassageFeature(
        compute_step_correlation,
        "steps more like the step before",
        "steps less like the step before",
    ),
    "rhythm_repetition": PassageFeature(
        compute_rhythm_repetition, "more rhythms repeated", "fewer rhythms repeated"
    ),
    "duration": PassageFeature(
        lambda notes: float(_compute_log_times(notes, DURATION).mean()),
        "longer notes",
        "shorter notes",
    ),
    "duration_spread": PassageFeature(
        lambda notes: float(_compute_log_times(notes, DURATION).std()),
        "more varied durations",
        "less varied durations",
    ),
    "silence": PassageFeature(compute_silent_share, "more silence", "less silence"),
    "polyphony": PassageFeature(
        features.compute_polyphony, "more keys that sound at once", "fewer keys that sound at once"
    ),
    "restruck": PassageFeature(
        compute_restruck_share,
        "more keys struck again while they sound",
        "fewer keys struck again while they sound",
    ),
    "pitch": PassageFeature(
        lambda notes: float(notes[:, PITCH].mean()), "higher pitches", "lower pitches"
    ),
    "pitch_spread": PassageFeature(
        lambda notes: float(notes[:, PITCH].std()),
        "pitches further apart",
        "pitches closer together",
    ),
    "pitches_used": PassageFeature(
        lambda notes: float(len(np.unique(notes[:, PITCH]))),
        "more different keys used",
        "fewer different keys used",
    ),
    "leap": PassageFeature(
        lambda notes: float(np.abs(np.diff(notes[:, PITCH])).mean()),
        "larger intervals from note to note",
        "smaller intervals from note to note",
    ),
    "top_leap": PassageFeature(
        lambda notes: compute_line_leap(notes, is_top=True),
        "larger intervals in the top line",
        "smaller intervals in the top line",
    ),
    "bottom_leap": PassageFeature(
        lambda notes: compute_line_leap(notes, is_top=False),
        "larger intervals in the bottom line",
        "smaller intervals in the bottom line",
    ),
    "same_key": PassageFeature(
        lambda notes: float((np.diff(notes[:, PITCH]) == 0).mean()),
        "more keys struck twice in a row",
        "fewer keys struck twice in a row",
    ),
    "repeated_pitches": PassageFeature(
        lambda notes: features.compute_ngram_repetition(notes, 4),
        "more runs of 4 pitches repeated",
        "fewer runs of 4 pitches repeated",
    ),
    "repeated_intervals": PassageFeature(
        lambda notes: features.compute_ngram_repetition(notes, 5, transposed=True),
        "more runs of 4 intervals repeated",
        "fewer runs of 4 intervals repeated",
    ),
    "scale": PassageFeature(
        tonality.scale_consistency, "more notes within one scale", "fewer notes within one scale"
    ),
    "key_clarity": PassageFeature(
        lambda notes: float(tonality.key_correlation(notes).max()),
        "a clearer key",
        "a less clear key",
    ),
    "half_overlap": PassageFeature(
        compute_half_overlap,
        "pitch classes of both halves more alike",
        "pitch classes of both halves less alike",
    ),
}
"""What is taken of each passage, by name."""


def compute_passage_features(passages: Sequence[QuantizedNotes]) -> Float64Array:
    """Return all features [K, F] of passages [N, 5] of two notes or more, columns as in `PASSAGE_FEATURES`."""
    rows = [
        [feature.compute(passage) for feature in PASSAGE_FEATURES.values()] for passage in passages
    ]
    return np.array(rows, np.float64)
