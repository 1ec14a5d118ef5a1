"""What a model plays, held against music: held-out music by the same measures says how far is far.

Shapes: N notes.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from pipeline.notes.quantize import GRID_SECONDS, DURATION, PITCH, STEP, QuantizedNotes
from pipeline.sample_metrics import features, overlap
from pipeline.sample_metrics.features import Training
from pipeline.sample_metrics.memorization import longest_copy
from pipeline.sample_metrics.overlap import EDGES, cut

PASSAGES = 20
"""Held-out passages at most, each as long as a sample."""
SHORT, SHORTS = 200, 60
"""Notes of the passages of which overlapping areas are taken, and how many at most of each kind of music."""
BEYOND = 2
"""How many times as far as any held-out passage is a collapse."""
OCTAVE = 12
"""Semitones."""


@dataclass(frozen=True)
class Music:
    """The music that samples are held against."""

    held_out: list[QuantizedNotes]
    """Passages as long as a sample."""
    pieces: list[QuantizedNotes]
    """Held-out pieces, whole."""
    training: list[QuantizedNotes]
    """Training pieces."""
    names: list[str]
    """Of training pieces."""


def passages(pieces: Sequence[QuantizedNotes], notes: int) -> list[QuantizedNotes]:
    """Return passages of so many notes, one after the other; where all pieces are shorter, the longest of them."""
    return cut(pieces, min(notes, max(map(len, pieces))), PASSAGES)


def compare(played: Sequence[QuantizedNotes], music: Music) -> dict[str, Any]:
    """Return all measures of what was played beside those of held-out music, as `metrics/likeness` holds them.

    Args:
        played: samples, codes [N, 4] each, as long as the passages of held-out music.
        music: what they are held against.
    """
    training = Training.of(music.training)
    ours, theirs = ([features.measure(codes, training) for codes in its] for its in (played, music.held_out))
    return {
        "samples": len(played),
        "notes": len(played[0]),
        "passages": len(music.held_out),
        "measures": {
            name: {
                "samples": _range([each[name] for each in ours]),
                "held_out": _range([each[name] for each in theirs]),
            }
            for name in ours[0]
        },
        "overlap": _overlap(played, music),
        "histograms": _histograms(played, music),
        "copies": _copies(played, training, music.names),
        "collapse": collapse(ours, theirs),
    }


def _range(values: list[float]) -> list[float]:
    """Return the mean, the least and the greatest."""
    return [_short(value) for value in (float(np.mean(values)), min(values), max(values))]


def _short(value: float) -> float:
    """Round to five figures."""
    return float(f"{value:.5g}")


def _overlap(played: Sequence[QuantizedNotes], music: Music) -> dict[str, dict[str, float]]:
    """Return overlapping areas: of samples with held-out and with training music, and of these two, the yardstick."""
    notes = min(SHORT, max(features.LEAST, len(played[0]) // 4))
    sets = [cut(each, notes, SHORTS) for each in (played, music.pieces, music.training)]
    ours, held_out, training = sets
    found = {
        "samples_held_out": overlap.areas(ours, held_out),
        "samples_training": overlap.areas(ours, training),
        "held_out_training": overlap.areas(held_out, training),
    }
    return {name: {pair: round(its[name], 4) for pair, its in found.items()} for name in overlap.FEATURES}


def _histograms(played: Sequence[QuantizedNotes], music: Music) -> dict[str, dict[str, list[float]]]:
    """Return shares of pitch classes, pitches, steps and durations of all three kinds of music."""
    every = {
        name: np.concatenate(its)
        for name, its in (("samples", played), ("held_out", music.pieces), ("training", music.training))
    }

    def of(take: Callable[[QuantizedNotes], features.Shares]) -> dict[str, list[float]]:
        return {name: [round(float(share), 4) for share in take(codes)] for name, codes in every.items()}

    edges = {"edges_seconds": [round(float(edge), 2) for edge in (EDGES * GRID_SECONDS)]}
    return {
        "pitch_classes": of(features.pitch_classes),
        "pitches": of(lambda codes: np.bincount(codes[:, PITCH], minlength=128) / len(codes)),
        "steps": edges | of(lambda codes: overlap.lengths(codes, STEP)),
        "durations": edges | of(lambda codes: overlap.lengths(codes, DURATION)),
    }


def _copies(played: Sequence[QuantizedNotes], training: Training, names: Sequence[str]) -> list[dict[str, Any]]:
    """Return the longest copy in each sample, and where it is from."""
    out: list[dict[str, Any]] = []
    for number, codes in enumerate(played, 1):
        found = longest_copy(codes, training.index)
        place = {"piece": names[found.piece], "at": found.position}
        out.append({"sample": number, "notes": found.notes, "from": found.begin, **place})
    return out


def collapse(ours: Sequence[dict[str, float]], theirs: Sequence[dict[str, float]]) -> dict[str, list[int]]:
    """Return which samples, counted from 1, have collapsed, by detector.

    A detector looks at one distance from what is usual; it fires where that is more than twice the greatest of any
    held-out passage, and for drift more than an octave at least, in notes per second or in pitch.

    Args:
        ours: measures of each sample.
        theirs: of each held-out passage of as many notes.
    """
    detectors: dict[str, tuple[Callable[[dict[str, float]], float], float]] = {
        "one note repeating": (lambda its: its["same_pitch_run"], 1),
        "time standing still": (lambda its: its["step_zero_run"], 1),
        "density drifting": (lambda its: abs(float(np.log2(its["density_drift"]))), 1),
        "pitch drifting": (lambda its: abs(its["pitch_4"] - its["pitch_1"]), OCTAVE),
    }
    out = {}
    for name, (far, least) in detectors.items():
        limit = max(least, BEYOND * max(map(far, theirs)))
        out[name] = [number for number, its in enumerate(ours, 1) if far(its) > limit]
    return out
