"""The keys that the page offers: those whose signature can be written with at most seven sharps or flats."""

from pipeline.notes.theory import ACCIDENTALS, CHROMATIC, SCALES, TONICS

FIFTHS = {"F": -1, "C": 0, "G": 1, "D": 2, "A": 3, "E": 4, "B": 5}
"""Place of each letter on the circle of fifths: the sharps of its major key, flats below 0."""
FIFTHS_OF_ACCIDENTAL = 7
"""Fifths that a sharp adds to a letter, and a flat takes away."""
FIFTHS_OF_SCALE = {
    "minor": -3,
    "harmonic minor": -3,
    "melodic minor": -3,
    "dorian": -2,
    "phrygian": -4,
    "lydian": 1,
    "mixolydian": -1,
    "locrian": -5,
    "minor pentatonic": -3,
    "blues": -3,
}
"""Sharps of a scale minus those of the major scale on the same tonic; 0 for the others."""
MAX_ACCIDENTALS = 7


def count_sharps(tonic: str, scale: str) -> int:
    """Return the sharps in the signature of a key; flats are negative."""
    accidental = FIFTHS_OF_ACCIDENTAL * ACCIDENTALS[tonic[1:]]
    return FIFTHS[tonic[0]] + accidental + FIFTHS_OF_SCALE.get(scale, 0)


def list_key_names() -> list[str]:
    """Return the names of the keys, as in params.yaml: `chromatic` first, then by tonic.

    A tonic is that of a major or a minor key: B sharp, E sharp and F flat are none.
    """
    keys = [CHROMATIC]
    for letter in TONICS:
        for accidental in ACCIDENTALS:
            keys += _list_keys_on(letter + accidental)
    return keys


def _list_keys_on(tonic: str) -> list[str]:
    """Return the keys on a tonic; none, if it has neither a major nor a minor key."""
    scales = [scale for scale in SCALES if abs(count_sharps(tonic, scale)) <= MAX_ACCIDENTALS]
    if "major" not in scales and "minor" not in scales:
        return []
    return [f"{tonic} {scale}" for scale in scales]
