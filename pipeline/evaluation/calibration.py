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

NUM_BINS = 15
"""Bins of probability, half an octave each, from 1 down; the last takes all below 1/128."""
PIT_EDGES = np.linspace(0, 1, 11)
"""Edges of the bins of the histogram of PIT."""
INTERVAL_LEVELS = (0.5, 0.8, 0.95)
"""Central intervals whose coverage is told."""
ORDERED_FEATURES = ("step", "duration", "velocity")
"""Heads whose outcomes have an order, so that it can be asked what lies below."""

Float64Array = NDArray[np.float64]


@dataclass(frozen=True)
class CalibrationStats:
    """What is kept of a head's distributions, [N] each."""

    prob: Float64Array
    """Probability of what came."""
    cdf_below: Float64Array
    """Probability of all outcomes before it."""
    max_prob: Float64Array
    """Probability of the likeliest outcome."""
    top1: Float64Array
    """Whether that one came; where several are as likely, the chance to pick the right one of them."""
    top5: Float64Array
    """Whether what came is among the five likeliest, ties alike."""
    entropy: Float64Array
    """Bits that the head expected to pay."""


def score_distributions(probs: Probs, outcomes: NDArray[np.integer]) -> CalibrationStats:
    """Hold distributions [N, K] against the outcomes that came [N]."""
    mass = probs[np.arange(len(outcomes)), outcomes]
    likelier = (probs > mass[:, None]).sum(axis=1)
    alike = (probs == mass[:, None]).sum(axis=1)
    logs = np.log2(probs, out=np.zeros_like(probs), where=probs > 0)
    return CalibrationStats(
        prob=mass,
        cdf_below=np.where(np.arange(probs.shape[1]) < outcomes[:, None], probs, 0).sum(axis=1),
        max_prob=probs.max(axis=1),
        top1=np.clip((1 - likelier) / alike, 0, 1),
        top5=np.clip((5 - likelier) / alike, 0, 1),
        entropy=-(probs * logs).sum(axis=1),
    )


def concatenate_stats(parts: Sequence[CalibrationStats]) -> CalibrationStats:
    """Join the statistics of several pieces."""
    return CalibrationStats(
        *(
            np.concatenate([getattr(part, field.name) for part in parts])
            for field in fields(CalibrationStats)
        )
    )


def compute_reliability_bins(
    stats: CalibrationStats,
) -> list[tuple[float, float, int, float, float]]:
    """Return, for each bin of the likeliest outcome's probability, what was said and how often it came.

    Returns:
        Rows of lower edge, upper edge, notes, mean probability, share of notes at which the likeliest outcome came;
        bins without a note are left out.

    Source: reliability diagram, DeGroot and Fienberg, "The comparison and evaluation of forecasters", 1983, with bins
    of equal ratio, since the likeliest of a thousand cells of time is seldom likely.
    """
    which = np.clip(np.floor(-2 * np.log2(stats.max_prob)), 0, NUM_BINS - 1).astype(int)
    rows = []
    for k in sorted(set(which.tolist()), reverse=True):
        in_bin = which == k
        low = 2 ** (-(k + 1) / 2) if k < NUM_BINS - 1 else 0.0
        rows.append(
            (
                low,
                2 ** (-k / 2),
                int(in_bin.sum()),
                float(stats.max_prob[in_bin].mean()),
                float(stats.top1[in_bin].mean()),
            )
        )
    return rows


def compute_calibration_error(stats: CalibrationStats) -> float:
    """Return the expected calibration error: mean distance of predicted probability and frequency over notes.

    Source: ECE of Guo et al., "On calibration of modern neural networks", ICML 2017, equation 3, over these bins.
    """
    bins = compute_reliability_bins(stats)
    total = sum(notes * abs(share - prob) for _, _, notes, prob, share in bins)
    return total / len(stats.max_prob)


def compute_pit_cdf(stats: CalibrationStats, level: float) -> float:
    """Return the share of notes below the point that has `share` of its distribution below it; `share` if calibrated.

    Where the point lies inside the outcome that came, the part of it below the point counts.

    Source: nonrandomised PIT, Czado, Gneiting and Held, "Predictive model assessment for count data", Biometrics 65,
    2009, equation 2.
    """
    return float(np.clip((level - stats.cdf_below) / np.maximum(stats.prob, 1e-300), 0, 1).mean())


def compute_pit_histogram(stats: CalibrationStats) -> list[float]:
    """Return the histogram [10] of the probability integral transform: all 0.1 if calibrated, high ends if too sure."""
    return [float(share) for share in np.diff([compute_pit_cdf(stats, edge) for edge in PIT_EDGES])]


def compute_coverage(stats: CalibrationStats) -> list[tuple[float, float]]:
    """Return for central intervals of the distributions what they promise, and the share of notes that fell inside."""
    return [
        (level, compute_pit_cdf(stats, (1 + level) / 2) - compute_pit_cdf(stats, (1 - level) / 2))
        for level in INTERVAL_LEVELS
    ]


def summarize_calibration(
    stats_by_head: Mapping[str, CalibrationStats], mean_bits: Mapping[str, float]
) -> dict[str, dict[str, Any]]:
    """Return all measures of each head, as JSON holds them; `bits` are what its notes cost on average."""
    out: dict[str, dict[str, Any]] = {}
    for name, judged in stats_by_head.items():
        out[name] = {
            "bits": round(mean_bits[name], 4),
            "entropy": round(float(judged.entropy.mean()), 4),
            "top_1": round(float(judged.top1.mean()), 4),
            "top_5": round(float(judged.top5.mean()), 4),
            "ece": round(compute_calibration_error(judged), 4),
            "reliability": [
                [round(value, 4) for value in row] for row in compute_reliability_bins(judged)
            ],
        }
        if name in ORDERED_FEATURES:
            out[name] |= {
                "pit": [round(share, 4) for share in compute_pit_histogram(judged)],
                "coverage": [[level, round(share, 4)] for level, share in compute_coverage(judged)],
            }
    return out
