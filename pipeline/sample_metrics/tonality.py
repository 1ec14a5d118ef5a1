"""Does music stay in a key: in a scale at all, in a clear key, and in the same one from one stretch to the next.

Shapes: N notes.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from pipeline.notes import theory
from pipeline.notes.quantize import DURATION, PITCH, QuantizedNotes

SEGMENT_NOTES = 100
"""Notes in which music is asked for its key; over many more it modulates."""
MAJOR_SCALE = np.isin(np.arange(12), theory.SCALES["major"]).astype(float)
"""[12] the major scale, whose rotations are all major and natural minor scales."""
MAJOR_PROFILE = np.array([6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88])
"""[12] how well each pitch class fits a major key, the tonic first."""
MINOR_PROFILE = np.array([6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17])
SCALES = np.stack([np.roll(MAJOR_SCALE, tonic) for tonic in range(12)])
KEY_PROFILES = np.stack(
    [np.roll(profile, tonic) for profile in (MAJOR_PROFILE, MINOR_PROFILE) for tonic in range(12)]
)
"""[24, 12] profiles of C major, C# major, …, C minor, …"""


def scale_consistency(notes: QuantizedNotes) -> float:
    """Return the greatest share of notes that one major or minor scale has.

    Source: scale consistency of Mogren, "C-RNN-GAN: continuous recurrent neural networks with adversarial training",
    2016, as MusPy 0.5 defines it.
    """
    counts = np.bincount(notes[:, PITCH] % 12, minlength=12)
    return float((SCALES @ counts).max() / len(notes))


def key_correlation(notes: QuantizedNotes) -> NDArray[np.float64]:
    """Return how well each of 24 keys fits: C major first, then C# major; C minor is the thirteenth.

    It is the correlation of a key's profile with the time [cells] that each pitch class sounds; 0 where all are alike.

    Source: Krumhansl, "Cognitive foundations of musical pitch", 1990, chapter 4, with the profiles of Krumhansl and
    Kessler, 1982.
    """
    held = np.bincount(notes[:, PITCH] % 12, np.maximum(notes[:, DURATION], 1), minlength=12)
    held = held - held.mean()
    profiles = KEY_PROFILES - KEY_PROFILES.mean(axis=1, keepdims=True)
    size = np.linalg.norm(profiles, axis=1) * np.linalg.norm(held)
    return np.asarray(np.divide(profiles @ held, size, out=np.zeros(24), where=size > 0))


def tonality_features(notes: QuantizedNotes) -> dict[str, float]:
    """Take the measures of key, means over stretches of 100 notes.

    Returns:
        `scale_consistency`; `key_clarity`, how well the best key fits; `key_kept`, the share of stretches whose best
        key is that of the stretch before, 1 where there is one stretch only.
    """
    parts = list(_split_segments(notes))
    fits = np.stack([key_correlation(part) for part in parts])
    best = fits.argmax(axis=1)
    return {
        "scale_consistency": float(np.mean([scale_consistency(part) for part in parts])),
        "key_clarity": float(fits.max(axis=1).mean()),
        "key_kept": float((best[1:] == best[:-1]).mean()) if len(best) > 1 else 1.0,
    }


def _split_segments(notes: QuantizedNotes) -> Iterator[QuantizedNotes]:
    """Give stretches of about 100 notes, all of like length."""
    yield from np.array_split(notes, max(1, round(len(notes) / SEGMENT_NOTES)))
