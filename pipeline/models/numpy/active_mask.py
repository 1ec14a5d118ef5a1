"""Logits of pitches that sound: a key that is down cannot be struck.

Recorded music has a few such notes, since onsets and durations are rounded apart. So all pitches that sound share one
small probability, and every note keeps finite bits; generation gives them none.

Shapes: N notes, 128 pitches.
"""

import math

import numpy as np
from numpy.typing import NDArray

from pipeline.models.numpy.heads import Probs, softmax_1d
from pipeline.models.numpy.layers import Float32Array
from pipeline.notes.active_notes import ActiveNotes

ACTIVE_PROB = 2e-4
"""Probability of all pitches that sound together, where some sound and some do not: as in MAESTRO."""
ACTIVE_LOG_ODDS = math.log(ACTIVE_PROB / (1 - ACTIVE_PROB))


def mask_active(logits: Float32Array, active: ActiveNotes) -> Float32Array:
    """Return pitch logits [..., 128], shifted for pitches that sound so that they have `ACTIVE_PROB` together.

    Args:
        logits: [..., 128].
        active: [..., 128] cells that remain of each pitch at the onset of the note.
    """
    sounds = active > 0
    shift = _log_sum_exp(logits, ~sounds) - _log_sum_exp(logits, sounds) + ACTIVE_LOG_ODDS
    return np.where(sounds, logits + np.where(np.isfinite(shift), shift, 0), logits)


def compute_masked_probs(
    logits: Float32Array, active: NDArray[np.integer], active_prob: float
) -> Probs:
    """Return the distribution [128] of the pitch of one note, in a third of the time of `mask_active` and a softmax.

    Args:
        logits: [128].
        active: [128] cells that remain of each pitch at the onset of the note.
        active_prob: of all pitches that sound together, where some sound and some do not; `ACTIVE_PROB` gives the
            softmax of `mask_active(logits, active)`, and 0 forbids them.
    """
    sounding = active.nonzero()[0]
    if not 0 < len(sounding) < len(logits):
        return softmax_1d(logits)
    silent_logits = logits.copy()
    silent_logits[sounding] = -np.inf
    probs = softmax_1d(silent_logits)
    if active_prob:
        probs *= 1 - active_prob
        probs[sounding] = softmax_1d(logits.take(sounding)) * active_prob
    return probs


def _log_sum_exp(logits: Float32Array, selected: np.ndarray) -> Float32Array:
    """Return log sum exp [..., 1] of the selected logits; infinite where none is selected."""
    kept = np.where(selected, logits, np.float32(-np.inf))
    top = np.maximum(kept.max(axis=-1, keepdims=True), np.float32(-1e30))
    total = np.exp(kept - top).sum(axis=-1, keepdims=True)
    with np.errstate(divide="ignore"):
        out: Float32Array = np.log(total) + top
    return out
