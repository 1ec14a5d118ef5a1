"""Names of pitches, keys and scales.

A pitch class is a pitch without its octave: 0 is C, 1 is C sharp, 11 is B. Middle C, MIDI 60, is C4.
"""

from collections.abc import Sequence

from pipeline.core.errors import ParamsError

PITCH_CLASS_NAMES = ("C", "Db", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")
"""The name of each pitch class, in ASCII, as keys are written in params.yaml."""
CHROMATIC = "chromatic"
"""The key without a tonic: all twelve pitch classes."""
TONICS = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
"""Pitch class of each letter."""
ACCIDENTALS = {"": 0, "#": 1, "b": -1}
"""Semitones that an accidental adds."""
SCALES = {
    "major": (0, 2, 4, 5, 7, 9, 11),
    "minor": (0, 2, 3, 5, 7, 8, 10),
    "harmonic minor": (0, 2, 3, 5, 7, 8, 11),
    "melodic minor": (0, 2, 3, 5, 7, 9, 11),
    "dorian": (0, 2, 3, 5, 7, 9, 10),
    "phrygian": (0, 1, 3, 5, 7, 8, 10),
    "lydian": (0, 2, 4, 6, 7, 9, 11),
    "mixolydian": (0, 2, 4, 5, 7, 9, 10),
    "locrian": (0, 1, 3, 5, 6, 8, 10),
    "pentatonic": (0, 2, 4, 7, 9),
    "minor pentatonic": (0, 3, 5, 7, 10),
    "blues": (0, 3, 5, 6, 7, 10),
    "whole tone": (0, 2, 4, 6, 8, 10),
}
"""Semitones above the tonic; `minor` is the natural, `pentatonic` the major one."""
DISPLAY_NAMES = tuple(name.replace("b", "♭").replace("#", "♯") for name in PITCH_CLASS_NAMES)
"""The same names with musical signs, for pages."""


def pitch_name(pitch: int, class_names: Sequence[str] = PITCH_CLASS_NAMES) -> str:
    """Return the name and octave of a MIDI pitch, such as `C4` for 60."""
    return f"{class_names[pitch % 12]}{pitch // 12 - 1}"


def key_pitch_classes(key: str) -> set[int]:
    """Return the pitch classes of a key.

    Args:
        key: `chromatic`, or a tonic and a scale, such as `C major`, `F# minor` or `Bb dorian`.

    Raises:
        ParamsError: there is no such key.
    """
    if key == CHROMATIC:
        return set(range(12))
    tonic, _, scale = key.partition(" ")
    letter, accidental = tonic[:1], tonic[1:]
    if letter not in TONICS or accidental not in ACCIDENTALS or scale not in SCALES:
        raise ParamsError(
            f"no key {key!r}; give {CHROMATIC}, or a tonic such as C, F# or Bb "
            f"and one of {', '.join(SCALES)}"
        )
    root = TONICS[letter] + ACCIDENTALS[accidental]
    return {(root + semitones) % 12 for semitones in SCALES[scale]}
