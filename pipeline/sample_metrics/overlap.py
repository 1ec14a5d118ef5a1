"""Do samples lie among pieces of music as music lies among itself: the overlapping area, feature by feature.

How far passages of one set lie from each other is a distribution; so is how far samples lie from that set. Where the
two coincide, samples are as like music as music is, neither elsewhere nor all the same.

Source: Yang and Lerch, "On the evaluation of generative models in music", Neural Computing and Applications 32, 2020,
section 4. Their features of pitch and time are taken from passages of equally many notes, since performances have no
bars; polyphony is added.

Shapes: A, B passages of a set, F numbers of a feature.
"""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from pipeline.notes.quantize import DURATION, GRID_SECONDS, GRID_SIZE, PITCH, STEP, QuantizedNotes
from pipeline.sample_metrics import features

GRID_POINTS = 512
"""Points at which densities are compared."""
MIN_RELATIVE_BANDWIDTH = 0.01
"""Least width of a kernel, as a share of the range of all distances: equal ones have no spread of their own."""
TIME_BIN_EDGES = np.array(
    [0, 1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, GRID_SIZE]
)
"""[21] edges of the bins [cells] of time in histograms: half an octave each."""

Float64Array = NDArray[np.float64]


def compute_pitch_class_transitions(notes: QuantizedNotes) -> Float64Array:
    """Return the share of each step from pitch class to pitch class [144]."""
    classes = notes[:, PITCH].astype(int) % 12
    return np.asarray(
        np.bincount(classes[:-1] * 12 + classes[1:], minlength=144) / max(1, len(notes) - 1)
    )


def compute_log_time_histogram(notes: QuantizedNotes, column: int) -> Float64Array:
    """Return the share of notes [20] in each half octave of a column of time, `STEP` or `DURATION`."""
    return np.asarray(np.histogram(notes[:, column], TIME_BIN_EDGES)[0] / len(notes))


FEATURE_FUNCTIONS: Mapping[str, Callable[[QuantizedNotes], Float64Array]] = {
    "pitches_used": lambda codes: np.array([len(np.unique(codes[:, PITCH]))], float),
    "pitch_range": lambda codes: np.array([np.ptp(codes[:, PITCH])], float),
    "pitch_interval": lambda codes: np.array([np.abs(np.diff(codes[:, PITCH])).mean()]),
    "pitch_classes": features.compute_pitch_class_histogram,
    "pitch_class_transitions": compute_pitch_class_transitions,
    "density": lambda codes: np.array([features.compute_density(codes)]),
    "step": lambda codes: np.array([codes[:, STEP].mean() * GRID_SECONDS]),
    "steps": lambda codes: compute_log_time_histogram(codes, STEP),
    "durations": lambda codes: compute_log_time_histogram(codes, DURATION),
    "polyphony": lambda codes: np.array([features.compute_polyphony(codes)]),
}
"""What is taken of a passage: PC, PR, PI, PCH, PCTM, NC per second, IOI and NLH of the source, and polyphony."""


def compute_intra_set_distances(vectors: Float64Array) -> Float64Array:
    """Return the distances between every two passages of a set [A, F]."""
    first, second = np.triu_indices(len(vectors), 1)
    return np.asarray(np.linalg.norm(vectors[first] - vectors[second], axis=1))


def compute_inter_set_distances(
    vectors: Float64Array, reference_vectors: Float64Array
) -> Float64Array:
    """Return the distances of each passage of a set [A, F] to each of another [B, F]."""
    return np.asarray(np.linalg.norm(vectors[:, None] - reference_vectors, axis=2).ravel())


def compute_kde_overlap(distances: Float64Array, reference_distances: Float64Array) -> float:
    """Return the area [0..1] that the densities of two sets of distances share.

    Densities are Gaussian kernel estimates with Scott's width; the source integrates between the least and the greatest
    distance, here their tails count too, so that equal sets share all.
    """
    low, high = (
        min(distances.min(), reference_distances.min()),
        max(distances.max(), reference_distances.max()),
    )
    if low == high:
        return 1.0
    least = MIN_RELATIVE_BANDWIDTH * (high - low)
    widths = [
        max(least, _compute_scott_bandwidth(values)) for values in (distances, reference_distances)
    ]
    grid = np.linspace(low - 4 * max(widths), high + 4 * max(widths), GRID_POINTS)
    first, second = (
        _estimate_density(values, width, grid)
        for values, width in zip((distances, reference_distances), widths, strict=True)
    )
    return float(np.trapezoid(np.minimum(first, second), grid))


def _compute_scott_bandwidth(values: Float64Array) -> float:
    """Return the width of a kernel by Scott's rule, 0 of a single value."""
    return float(values.std(ddof=1) * len(values) ** -0.2) if len(values) > 1 else 0.0


def _estimate_density(values: Float64Array, bandwidth: float, grid: Float64Array) -> Float64Array:
    """Return the density of values at the points of a grid."""
    z = (grid[:, None] - values) / bandwidth
    return np.asarray(np.exp(-(z**2) / 2).mean(axis=1) / (bandwidth * np.sqrt(2 * np.pi)))


def split_passages(
    pieces: Sequence[QuantizedNotes], passage_notes: int, max_passages: int
) -> list[QuantizedNotes]:
    """Cut pieces into passages of so many notes, and return at most so many, evenly spread.

    Only the passages that are returned are read.
    """
    ends = np.cumsum([len(piece) // passage_notes for piece in pieces], dtype=np.int64)
    num_passages = int(ends[-1]) if len(ends) else 0
    if not num_passages:
        return []
    numbers = np.unique(np.linspace(0, num_passages - 1, max_passages).astype(np.int64))
    passages = []
    for number, index in zip(numbers, np.searchsorted(ends, numbers, side="right"), strict=True):
        piece = pieces[int(index)]
        first_passage = int(ends[index]) - len(piece) // passage_notes
        start = (int(number) - first_passage) * passage_notes
        passages.append(piece[start : start + passage_notes])
    return passages


def compute_overlapping_areas(
    passages: Sequence[QuantizedNotes], reference_passages: Sequence[QuantizedNotes]
) -> dict[str, float]:
    """Return for each feature how much of its area our passages share with theirs, of which there are two or more."""
    out = {}
    for name, feature in FEATURE_FUNCTIONS.items():
        values = np.stack([feature(passage) for passage in passages])
        reference_values = np.stack([feature(passage) for passage in reference_passages])
        inter_set = compute_inter_set_distances(values, reference_values)
        out[name] = compute_kde_overlap(inter_set, compute_intra_set_distances(reference_values))
    return out
