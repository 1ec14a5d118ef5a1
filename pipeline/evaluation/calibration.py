"""Does a model know what it does not know: accuracy and calibration of each head.

Bits say how much a model knows. A model that says 0.8 should be right eight times in ten, and a quarter of all times
should fall below its lower quartile: where not, it is too sure of itself, or not sure enough, and samples show it.

Shapes: N notes, K outcomes of a head, B bins.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.models.numpy.heads import Probs

BINS = 15
"""Bins of probability, half an octave each, from 1 down; the last takes all below 1/128."""
SHARES = np.linspace(0, 1, 11)
"""Edges of the bins of the histogram of PIT."""
CENTRAL = (0.5, 0.8, 0.95)
"""Central intervals whose coverage is told."""
ORDERED = ("step", "duration", "velocity")
"""Heads whose outcomes have an order, so that it can be asked what lies below."""

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Judged:
    """What is kept of a head's distributions, [N] each."""

    mass: Floats
    """Probability of what came."""
    below: Floats
    """Probability of all outcomes before it."""
    top: Floats
    """Probability of the likeliest outcome."""
    first: Floats
    """Whether that one came; where several are as likely, the chance to pick the right one of them."""
    five: Floats
    """Whether what came is among the five likeliest, ties alike."""
    entropy: Floats
    """Bits that the head expected to pay."""


def judge(masses: Probs, came: NDArray[np.integer]) -> Judged:
    """Hold distributions [N, K] against the outcomes that came [N]."""
    mass = masses[np.arange(len(came)), came]
    likelier = (masses > mass[:, None]).sum(axis=1)
    alike = (masses == mass[:, None]).sum(axis=1)
    logs = np.log2(masses, out=np.zeros_like(masses), where=masses > 0)
    return Judged(
        mass=mass,
        below=np.where(np.arange(masses.shape[1]) < came[:, None], masses, 0).sum(axis=1),
        top=masses.max(axis=1),
        first=np.clip((1 - likelier) / alike, 0, 1),
        five=np.clip((5 - likelier) / alike, 0, 1),
        entropy=-(masses * logs).sum(axis=1),
    )


def join(parts: Sequence[Judged]) -> Judged:
    """Put what was judged piece by piece into one."""
    return Judged(*(np.concatenate([getattr(part, each.name) for part in parts]) for each in fields(Judged)))


def reliability(judged: Judged) -> list[tuple[float, float, int, float, float]]:
    """Return, for each bin of the likeliest outcome's probability, what was said and how often it came.

    Returns:
        Rows of lower edge, upper edge, notes, mean probability, share of notes at which the likeliest outcome came;
        bins without a note are left out.

    Source: reliability diagram, DeGroot and Fienberg, "The comparison and evaluation of forecasters", 1983, with bins
    of equal ratio, since the likeliest of a thousand cells of time is seldom likely.
    """
    which = np.clip(np.floor(-2 * np.log2(judged.top)), 0, BINS - 1).astype(int)
    rows = []
    for k in sorted(set(which.tolist()), reverse=True):
        its = which == k
        low = 2 ** (-(k + 1) / 2) if k < BINS - 1 else 0.0
        rows.append(
            (low, 2 ** (-k / 2), int(its.sum()), float(judged.top[its].mean()), float(judged.first[its].mean()))
        )
    return rows


def calibration_error(judged: Judged) -> float:
    """Return the expected calibration error: how far saying and coming lie apart, on average over notes.

    Source: ECE of Guo et al., "On calibration of modern neural networks", ICML 2017, equation 3, over these bins.
    """
    return sum(notes * abs(came - said) for _, _, notes, said, came in reliability(judged)) / len(judged.top)


def fallen(judged: Judged, share: float) -> float:
    """Return the share of notes below the point that has `share` of its distribution below it; `share` if calibrated.

    Where the point lies inside the outcome that came, the part of it below the point counts.

    Source: nonrandomised PIT, Czado, Gneiting and Held, "Predictive model assessment for count data", Biometrics 65,
    2009, equation 2.
    """
    return float(np.clip((share - judged.below) / np.maximum(judged.mass, 1e-300), 0, 1).mean())


def pit(judged: Judged) -> list[float]:
    """Return the histogram [10] of the probability integral transform: all 0.1 if calibrated, high ends if too sure."""
    return [float(share) for share in np.diff([fallen(judged, edge) for edge in SHARES])]


def coverage(judged: Judged) -> list[tuple[float, float]]:
    """Return for central intervals of the distributions what they promise, and the share of notes that fell inside."""
    return [(level, fallen(judged, (1 + level) / 2) - fallen(judged, (1 - level) / 2)) for level in CENTRAL]


def summarise(heads: Mapping[str, Judged], bits: Mapping[str, float]) -> dict[str, dict[str, Any]]:
    """Return all measures of each head, as JSON holds them; `bits` are what its notes cost on average."""
    out: dict[str, dict[str, Any]] = {}
    for name, judged in heads.items():
        out[name] = {
            "bits": round(bits[name], 4),
            "entropy": round(float(judged.entropy.mean()), 4),
            "top_1": round(float(judged.first.mean()), 4),
            "top_5": round(float(judged.five.mean()), 4),
            "ece": round(calibration_error(judged), 4),
            "reliability": [[round(value, 4) for value in row] for row in reliability(judged)],
        }
        if name in ORDERED:
            out[name] |= {
                "pit": [round(share, 4) for share in pit(judged)],
                "coverage": [[level, round(share, 4)] for level, share in coverage(judged)],
            }
    return out
