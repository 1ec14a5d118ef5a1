"""Measures of form: does music come back to what it played, stay in the key of its prompt, and keep its pace?

Each measure is of a continuation, the notes after a prompt; what the prompt holds counts as heard.

Shapes: P notes of a prompt, N notes of a continuation, R runs.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.notes.quantize import DURATION, GRID_SECONDS, PITCH, QuantizedNotes
from pipeline.sample_metrics import features, passage_features

RUN_INTERVALS = 6
"""Intervals of a run, between seven notes."""
NEAR_NOTES = 256
"""Notes from a run to an equal one that is near."""
SEGMENT_NOTES, MAX_SEGMENTS = 100, 5
"""Notes of the stretches whose pitch classes are held against those of the prompt, and how many there are at most."""
GAP_QUANTILE = 0.999
"""Share of the gaps between notes that are no longer."""

Int64Array = NDArray[np.int64]


@dataclass(frozen=True)
class Continuation:
    """A prompt and what follows it."""

    prompt: QuantizedNotes
    """[P, 5]."""
    notes: QuantizedNotes
    """[N, 5], two or more."""


def compute_form(continuation: Continuation) -> dict[str, float]:
    """Take all measures of form of a continuation of eight notes or more.

    Returns:
        `motifs_near` and `motifs_far`, shares of runs; `key_overlap_100` to `key_overlap_500`, areas [0..1], by the last
        note of a stretch; `longest_gap`, `gap_quantile` and `longest_note` [s]; `density` [notes/s]; `density_drift`
        [octaves] and `pitch_drift` [semitones], how far the last quarter is from the first; `restruck`, share of notes.
    """
    near, far = compute_motif_shares(continuation)
    return {
        "motifs_near": near,
        "motifs_far": far,
        **compute_key_overlaps(continuation),
        **_compute_pace(continuation.notes),
    }


def compute_motif_shares(continuation: Continuation) -> tuple[float, float]:
    """Return the shares of runs of six intervals that were heard before, near and far.

    A run is near if an equal one began at most 256 notes earlier, and far if all equal ones began before that. Only runs
    that end after the prompt are counted; (0, 0) where there is none.
    """
    music = np.concatenate([continuation.prompt, continuation.notes])
    first_run = max(0, len(continuation.prompt) - RUN_INTERVALS)
    distances = find_distances(music[:, PITCH])[first_run:]
    if not len(distances):
        return 0.0, 0.0
    near = (distances > 0) & (distances <= NEAR_NOTES)
    far = distances > NEAR_NOTES
    return float(near.mean()), float(far.mean())


def find_distances(pitches: NDArray[np.int16]) -> Int64Array:
    """Return how many notes before each run of six intervals [R] the latest equal run began; 0 if there is none."""
    if len(pitches) <= RUN_INTERVALS:
        return np.zeros(0, np.int64)
    runs = np.lib.stride_tricks.sliding_window_view(np.diff(pitches), RUN_INTERVALS)
    _, kinds = np.unique(runs, axis=0, return_inverse=True)
    order = np.argsort(kinds, kind="stable")
    is_equal = np.diff(kinds[order]) == 0
    distances = np.zeros(len(runs), np.int64)
    distances[order[1:]] = np.where(is_equal, np.diff(order), 0)
    return distances


def compute_key_overlaps(continuation: Continuation) -> dict[str, float]:
    """Return the area that the pitch classes of each full stretch of 100 notes and of the prompt have in common."""
    prompt = features.compute_pitch_class_histogram(continuation.prompt)
    num_segments = min(MAX_SEGMENTS, len(continuation.notes) // SEGMENT_NOTES)
    overlaps = {}
    for number in range(1, num_segments + 1):
        end = number * SEGMENT_NOTES
        segment = continuation.notes[end - SEGMENT_NOTES : end]
        histogram = features.compute_pitch_class_histogram(segment)
        overlaps[f"key_overlap_{end}"] = features.compute_histogram_overlap(histogram, prompt)
    return overlaps


def _compute_pace(notes: QuantizedNotes) -> dict[str, float]:
    """Take the measures of notes [N, 5] in which the prompt has no part."""
    gaps = features.compute_silences(notes) * GRID_SECONDS
    drift = features.compute_drift(notes)
    return {
        "longest_gap": float(gaps.max()),
        "gap_quantile": float(np.quantile(gaps, GAP_QUANTILE)),
        "longest_note": float(notes[:, DURATION].max() * GRID_SECONDS),
        "density": features.compute_density(notes),
        "density_drift": abs(float(np.log2(drift["density_drift"]))),
        "pitch_drift": abs(drift["pitch_4"] - drift["pitch_1"]),
        "restruck": passage_features.compute_restruck_share(notes),
    }
