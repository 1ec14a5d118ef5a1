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

from pipeline.notes.quantize import GRID_SECONDS, GRID_SIZE, DURATION, PITCH, STEP, QuantizedNotes
from pipeline.sample_metrics import features

GRID = 512
"""Points at which densities are compared."""
NARROWEST = 0.01
"""Least width of a kernel, as a share of the range of all distances: equal ones have no spread of their own."""
EDGES = np.array([0, 1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, GRID_SIZE])
"""[21] edges of the bins [cells] of time in histograms: half an octave each."""

Floats = NDArray[np.float64]


def transitions(codes: QuantizedNotes) -> Floats:
    """Return the share of each step from pitch class to pitch class [144]."""
    classes = codes[:, PITCH].astype(int) % 12
    return np.asarray(np.bincount(classes[:-1] * 12 + classes[1:], minlength=144) / max(1, len(codes) - 1))


def lengths(codes: QuantizedNotes, column: int) -> Floats:
    """Return the share of notes [20] in each half octave of a column of time, `STEP` or `DURATION`."""
    return np.asarray(np.histogram(codes[:, column], EDGES)[0] / len(codes))


FEATURES: Mapping[str, Callable[[QuantizedNotes], Floats]] = {
    "pitches_used": lambda codes: np.array([len(np.unique(codes[:, PITCH]))], float),
    "pitch_range": lambda codes: np.array([np.ptp(codes[:, PITCH])], float),
    "pitch_interval": lambda codes: np.array([np.abs(np.diff(codes[:, PITCH])).mean()]),
    "pitch_classes": features.pitch_classes,
    "pitch_class_transitions": transitions,
    "density": lambda codes: np.array([features.density(codes)]),
    "step": lambda codes: np.array([codes[:, STEP].mean() * GRID_SECONDS]),
    "steps": lambda codes: lengths(codes, STEP),
    "durations": lambda codes: lengths(codes, DURATION),
    "polyphony": lambda codes: np.array([features.polyphony(codes)]),
}
"""What is taken of a passage: PC, PR, PI, PCH, PCTM, NC per second, IOI and NLH of the source, and polyphony."""


def within(ours: Floats) -> Floats:
    """Return the distances between every two passages of a set [A, F]."""
    first, second = np.triu_indices(len(ours), 1)
    return np.asarray(np.linalg.norm(ours[first] - ours[second], axis=1))


def between(ours: Floats, theirs: Floats) -> Floats:
    """Return the distances of each passage of a set [A, F] to each of another [B, F]."""
    return np.asarray(np.linalg.norm(ours[:, None] - theirs, axis=2).ravel())


def area(ours: Floats, theirs: Floats) -> float:
    """Return the area [0..1] that the densities of two sets of distances share.

    Densities are Gaussian kernel estimates with Scott's width; the source integrates between the least and the greatest
    distance, here their tails count too, so that equal sets share all.
    """
    low, high = min(ours.min(), theirs.min()), max(ours.max(), theirs.max())
    if low == high:
        return 1.0
    least = NARROWEST * (high - low)
    widths = [max(least, _scott(each)) for each in (ours, theirs)]
    grid = np.linspace(low - 4 * max(widths), high + 4 * max(widths), GRID)
    mine, other = (_density(each, width, grid) for each, width in zip((ours, theirs), widths, strict=True))
    return float(np.trapezoid(np.minimum(mine, other), grid))


def _scott(values: Floats) -> float:
    """Return the width of a kernel by Scott's rule, 0 of a single value."""
    return float(values.std(ddof=1) * len(values) ** -0.2) if len(values) > 1 else 0.0


def _density(values: Floats, width: float, grid: Floats) -> Floats:
    """Return the density of values at the points of a grid."""
    z = (grid[:, None] - values) / width
    return np.asarray(np.exp(-(z**2) / 2).mean(axis=1) / (width * np.sqrt(2 * np.pi)))


def cut(pieces: Sequence[QuantizedNotes], notes: int, most: int) -> list[QuantizedNotes]:
    """Cut pieces into passages of so many notes, and return at most so many, evenly spread."""
    parts = [piece[k : k + notes] for piece in pieces for k in range(0, len(piece) - notes + 1, notes)]
    return [parts[k] for k in np.unique(np.linspace(0, len(parts) - 1, most).astype(int))] if parts else []


def areas(ours: Sequence[QuantizedNotes], theirs: Sequence[QuantizedNotes]) -> dict[str, float]:
    """Return for each feature how much of its area our passages share with theirs, of which there are two or more."""
    out = {}
    for name, feature in FEATURES.items():
        mine, other = (np.stack([feature(codes) for codes in each]) for each in (ours, theirs))
        out[name] = area(between(mine, other), within(other))
    return out
