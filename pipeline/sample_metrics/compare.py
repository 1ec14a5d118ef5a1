"""What a model plays, held against music: held-out music by the same measures says how far is far.

Shapes: N notes.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from pipeline.notes.quantize import DURATION, GRID_SECONDS, PITCH, STEP, QuantizedNotes
from pipeline.sample_metrics import features, overlap
from pipeline.sample_metrics.features import TrainingReference
from pipeline.sample_metrics.memorization import find_longest_match
from pipeline.sample_metrics.overlap import TIME_BIN_EDGES, split_passages

MAX_PASSAGES = 20
"""Held-out passages at most, each as long as a sample."""
OVERLAP_NOTES, OVERLAP_PASSAGES = 200, 60
"""Notes of the passages of which overlapping areas are taken, and how many at most of each kind of music."""
COLLAPSE_FACTOR = 2
"""How many times as far as any held-out passage is a collapse."""
OCTAVE = 12
"""Semitones."""


@dataclass(frozen=True)
class ReferenceMusic:
    """The music that samples are held against."""

    held_out_passages: list[QuantizedNotes]
    """Passages as long as a sample."""
    held_out_pieces: list[QuantizedNotes]
    """Held-out pieces, whole."""
    training_pieces: list[QuantizedNotes]
    """Training pieces."""
    training_names: list[str]
    """Of training pieces."""


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
    longest, second = sorted([0, 0, *map(len, pieces)])[:-3:-1]
    return max(longest // 2, second)


def compare_samples(samples: Sequence[QuantizedNotes], reference: ReferenceMusic) -> dict[str, Any]:
    """Return all measures of what was played beside those of held-out music, as `metrics/sample_metrics` holds them.

    Args:
        samples: samples, codes [N, 4] each, as long as the passages of held-out music.
        reference: what they are held against.
    """
    training = TrainingReference.from_pieces(reference.training_pieces)
    ours, theirs = (
        [features.compute_sample_features(codes, training) for codes in its]
        for its in (samples, reference.held_out_passages)
    )
    return {
        "samples": len(samples),
        "notes": len(samples[0]),
        "passages": len(reference.held_out_passages),
        "measures": {
            name: {
                "samples": _compute_mean_and_range([each[name] for each in ours]),
                "held_out": _compute_mean_and_range([each[name] for each in theirs]),
            }
            for name in ours[0]
        },
        "overlap": _compute_overlapping_areas(samples, reference),
        "histograms": _compute_histograms(samples, reference),
        "copies": _find_copies(samples, training, reference.training_names),
        "collapse": detect_collapse(ours, theirs),
    }


def _compute_mean_and_range(values: list[float]) -> list[float]:
    """Return the mean, the least and the greatest."""
    return [
        _round_to_five_digits(value) for value in (float(np.mean(values)), min(values), max(values))
    ]


def _round_to_five_digits(value: float) -> float:
    """Round to five figures."""
    return float(f"{value:.5g}")


def _compute_overlapping_areas(
    samples: Sequence[QuantizedNotes], reference: ReferenceMusic
) -> dict[str, dict[str, float]]:
    """Return overlapping areas: of samples with held-out and with training music, and of these two, the yardstick."""
    notes = min(
        OVERLAP_NOTES,
        max(features.MIN_NOTES, len(samples[0]) // 4),
        _max_passage_notes(reference.held_out_pieces),
        _max_passage_notes(reference.training_pieces),
    )
    sets = [
        split_passages(each, notes, OVERLAP_PASSAGES)
        for each in (samples, reference.held_out_pieces, reference.training_pieces)
    ]
    ours, held_out, training = sets
    found = {
        "samples_held_out": overlap.compute_overlapping_areas(ours, held_out),
        "samples_training": overlap.compute_overlapping_areas(ours, training),
        "held_out_training": overlap.compute_overlapping_areas(held_out, training),
    }
    return {
        name: {pair: round(its[name], 4) for pair, its in found.items()}
        for name in overlap.FEATURE_FUNCTIONS
    }


def _compute_histograms(
    samples: Sequence[QuantizedNotes], reference: ReferenceMusic
) -> dict[str, dict[str, list[float]]]:
    """Return shares of pitch classes, pitches, steps and durations of all three kinds of music."""
    every = {
        name: np.concatenate(its)
        for name, its in (
            ("samples", samples),
            ("held_out", reference.held_out_pieces),
            ("training", reference.training_pieces),
        )
    }

    def compute_by_source(
        compute_histogram: Callable[[QuantizedNotes], features.Histogram],
    ) -> dict[str, list[float]]:
        return {
            name: [round(float(share), 4) for share in compute_histogram(codes)]
            for name, codes in every.items()
        }

    edges = {"edges_seconds": [round(float(edge), 2) for edge in (TIME_BIN_EDGES * GRID_SECONDS)]}
    return {
        "pitch_classes": compute_by_source(features.compute_pitch_class_histogram),
        "pitches": compute_by_source(
            lambda codes: np.bincount(codes[:, PITCH], minlength=128) / len(codes)
        ),
        "steps": edges
        | compute_by_source(lambda codes: overlap.compute_log_time_histogram(codes, STEP)),
        "durations": edges
        | compute_by_source(lambda codes: overlap.compute_log_time_histogram(codes, DURATION)),
    }


def _find_copies(
    samples: Sequence[QuantizedNotes], reference: TrainingReference, training_names: Sequence[str]
) -> list[dict[str, Any]]:
    """Return the longest copy in each sample, and where it is from."""
    out: list[dict[str, Any]] = []
    for number, codes in enumerate(samples, 1):
        found = find_longest_match(codes, reference.index)
        place = {"piece": training_names[found.piece_index], "at": found.piece_start}
        out.append(
            {"sample": number, "notes": found.num_notes, "from": found.sample_start, **place}
        )
    return out


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
        "one note repeating": (lambda its: its["same_pitch_run"], 1),
        "time standing still": (lambda its: its["step_zero_run"], 1),
        "density drifting": (lambda its: abs(float(np.log2(its["density_drift"]))), 1),
        "pitch drifting": (lambda its: abs(its["pitch_4"] - its["pitch_1"]), OCTAVE),
    }
    out = {}
    for name, (far, least) in detectors.items():
        limit = max(least, COLLAPSE_FACTOR * max(map(far, held_out_features)))
        out[name] = [number for number, its in enumerate(sample_features, 1) if far(its) > limit]
    return out
