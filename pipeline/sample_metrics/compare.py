"""What a model plays, held against music: held-out music by the same measures says how far is far.

Shapes: N notes.
"""

import heapq
import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from pipeline.notes.quantize import DURATION, GRID_SECONDS, STEP, QuantizedNotes
from pipeline.sample_metrics import features, overlap
from pipeline.sample_metrics.continuations import (
    PromptContinuations,
    compare_continuations,
    list_passages,
)
from pipeline.sample_metrics.features import TrainingReference
from pipeline.sample_metrics.memorization import Match
from pipeline.sample_metrics.note_counts import NoteCounts, Shares, count_notes
from pipeline.sample_metrics.overlap import TIME_BIN_EDGES, split_passages

MAX_PASSAGES = 20
"""Held-out passages at most, each as long as a sample."""
OVERLAP_NOTES, OVERLAP_PASSAGES = 200, 60
"""Notes of the passages of which overlapping areas are taken, and how many at most of each kind of music."""
COLLAPSE_FACTOR = 2
"""How many times as far as any held-out passage is a collapse."""
MIN_RANGE_PASSAGES = 5
"""Held-out passages from which on their range gives a verdict."""
OCTAVE = 12
"""Semitones."""


@dataclass(frozen=True)
class ReferenceMusic:
    """The music that samples are held against."""

    held_out_passages: list[QuantizedNotes]
    """Passages as long as a sample."""
    held_out_pieces: Sequence[QuantizedNotes]
    """Held-out pieces, whole."""
    training_pieces: Sequence[QuantizedNotes]
    """Training pieces, read one after the other."""
    training_names: Sequence[str]
    """Of training pieces."""
    continuations: Sequence[PromptContinuations] = ()
    """Samples with what really follows their prompts, as far as pieces go on for as many notes."""


def cut_reference_passages(
    pieces: Sequence[QuantizedNotes], passage_notes: int
) -> list[QuantizedNotes]:
    """Return passages of so many notes, one after the other; where all pieces are shorter, the longest of them."""
    return split_passages(pieces, min(passage_notes, max(map(len, pieces))), MAX_PASSAGES)


def find_length_problem(pieces: Sequence[QuantizedNotes]) -> str:
    """Return why music is too short to hold samples against it, or an empty text.

    A distribution of distances between passages needs two passages.
    """
    longest = _max_passage_notes(pieces)
    if longest >= features.MIN_NOTES:
        return ""
    return (
        f"fewer than two passages of {features.MIN_NOTES} notes "
        f"(the longest piece has {max(map(len, pieces))})"
    )


def _max_passage_notes(pieces: Sequence[QuantizedNotes]) -> int:
    """Return the notes of the longest passages of which there are two: two pieces, or the halves of one."""
    longest, second = heapq.nlargest(2, itertools.chain([0, 0], map(len, pieces)))
    return max(longest // 2, second)


def compare_samples(
    samples: Sequence[QuantizedNotes], reference: ReferenceMusic, seed: int = 0
) -> dict[str, Any]:
    """Return the measures of samples beside those of held-out music, as `metrics/sample_metrics` has them.

    Args:
        samples: [N, 5] each, as long as the passages of held-out music.
        reference: held-out and training music.
        seed: of intervals.
    """
    passages = [*samples, *reference.held_out_passages]
    # Copies in all passages are looked for at once, since training music is read and sorted for that.
    training = TrainingReference.from_pieces(
        reference.training_pieces, [*passages, *list_passages(reference.continuations)]
    )
    rows = features.compute_sample_features(passages, training.select_first(len(passages)))
    sample_features, held_out_features = rows[: len(samples)], rows[len(samples) :]
    values = {
        "samples": len(samples),
        "notes": len(samples[0]),
        "passages": len(reference.held_out_passages),
        "measures": {
            name: _compare_measure(
                [row[name] for row in sample_features], [row[name] for row in held_out_features]
            )
            for name in sample_features[0]
        },
        "overlap": _compute_overlapping_areas(samples, reference),
        "histograms": _compute_histograms(samples, reference, training.counts),
        "copies": _list_copies(training.matches[: len(samples)], reference.training_names),
        "collapse": detect_collapse(sample_features, held_out_features),
    }
    if reference.continuations:
        copied_notes = [match.num_notes for match in training.matches[len(passages) :]]
        values["continuations"] = compare_continuations(reference.continuations, copied_notes, seed)
    return values


def _compare_measure(samples: list[float], held_out: list[float]) -> dict[str, Any]:
    """Return one measure of samples and of held-out passages, and the verdict."""
    return {
        "samples": _compute_mean_and_range(samples),
        "held_out": _compute_mean_and_range(held_out),
        "verdict": judge_measure(samples, held_out),
    }


def judge_measure(samples: Sequence[float], held_out: Sequence[float]) -> str:
    """Return where the mean of samples lies: `within` the range of held-out passages, `below` it or `above` it.

    It is `unknown` where fewer than five passages make that range. A single real passage would lie outside the range of
    n others with a chance of 2 / (n + 1); the mean of several samples varies less, so that outside is rarely chance, and
    within is no proof that samples are like music.
    """
    if len(held_out) < MIN_RANGE_PASSAGES:
        return "unknown"
    mean = float(np.mean(samples))
    if mean < min(held_out):
        return "below"
    return "above" if mean > max(held_out) else "within"


def _compute_mean_and_range(values: list[float]) -> list[float]:
    """Return mean, minimum and maximum, to five digits."""
    return [float(f"{value:.5g}") for value in (np.mean(values), min(values), max(values))]


def _compute_overlapping_areas(
    samples: Sequence[QuantizedNotes], reference: ReferenceMusic
) -> dict[str, dict[str, float]]:
    """Return overlapping areas of samples with held-out and training music, and of these two with each other."""
    notes = min(
        OVERLAP_NOTES,
        max(features.MIN_NOTES, len(samples[0]) // 4),
        _max_passage_notes(reference.held_out_pieces),
        _max_passage_notes(reference.training_pieces),
    )
    sampled, held_out, training = (
        split_passages(music, notes, OVERLAP_PASSAGES)
        for music in (samples, reference.held_out_pieces, reference.training_pieces)
    )
    areas = {
        "samples_held_out": overlap.compute_overlapping_areas(sampled, held_out),
        "samples_training": overlap.compute_overlapping_areas(sampled, training),
        "held_out_training": overlap.compute_overlapping_areas(held_out, training),
    }
    return {
        name: {pair: round(area[name], 4) for pair, area in areas.items()}
        for name in overlap.FEATURE_FUNCTIONS
    }


def _compute_histograms(
    samples: Sequence[QuantizedNotes], reference: ReferenceMusic, training: NoteCounts
) -> dict[str, dict[str, list[float]]]:
    """Return shares of pitch classes, pitches, steps and durations of all three kinds of music."""
    sources = {
        "samples": count_notes(samples),
        "held_out": count_notes(reference.held_out_pieces),
        "training": training,
    }

    def round_shares(compute_shares: Callable[[NoteCounts], Shares]) -> dict[str, list[float]]:
        return {
            name: [round(float(share), 4) for share in compute_shares(counts)]
            for name, counts in sources.items()
        }

    def bin_times(column: int) -> dict[str, list[float]]:
        edges = [round(float(edge), 2) for edge in TIME_BIN_EDGES * GRID_SECONDS]
        shares = round_shares(
            lambda counts: counts.compute_binned_time_shares(column, TIME_BIN_EDGES)
        )
        return {"edges_seconds": edges, **shares}

    return {
        "pitch_classes": round_shares(NoteCounts.compute_pitch_class_shares),
        "pitches": round_shares(NoteCounts.compute_pitch_shares),
        "steps": bin_times(STEP),
        "durations": bin_times(DURATION),
    }


def _list_copies(matches: Sequence[Match], training_names: Sequence[str]) -> list[dict[str, Any]]:
    """Return the longest copy in each sample, and where it is from."""
    return [
        {
            "sample": number,
            "notes": match.num_notes,
            "from": match.sample_start,
            "piece": training_names[match.piece_index],
            "at": match.piece_start,
        }
        for number, match in enumerate(matches, 1)
    ]


def detect_collapse(
    sample_features: Sequence[dict[str, float]], held_out_features: Sequence[dict[str, float]]
) -> dict[str, list[int]]:
    """Return which samples, counted from 1, have collapsed, by detector.

    A detector looks at one distance from what is usual; it fires where that is more than twice the greatest of any
    held-out passage, and for drift more than an octave at least, in notes per second or in pitch.

    Args:
        sample_features: measures of each sample.
        held_out_features: of each held-out passage of as many notes.
    """
    detectors: dict[str, tuple[Callable[[dict[str, float]], float], float]] = {
        "one note repeating": (lambda row: row["same_pitch_run"], 1),
        "time standing still": (lambda row: row["step_zero_run"], 1),
        "density drifting": (lambda row: abs(float(np.log2(row["density_drift"]))), 1),
        "pitch drifting": (lambda row: abs(row["pitch_4"] - row["pitch_1"]), OCTAVE),
    }
    out = {}
    for name, (measure, minimum) in detectors.items():
        limit = max(minimum, COLLAPSE_FACTOR * max(map(measure, held_out_features)))
        numbered = enumerate(sample_features, 1)
        out[name] = [number for number, row in numbered if measure(row) > limit]
    return out
