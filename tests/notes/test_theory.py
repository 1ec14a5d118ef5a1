"""Names of pitches and keys, and that config allows the same keys."""

import itertools
import re

import pytest

from pipeline.config.schema import KEY_PATTERN
from pipeline.core.errors import ParamsError
from pipeline.notes import theory

KEYS = [
    theory.CHROMATIC,
    *map(" ".join, itertools.product([*theory.TONICS, "F#", "Bb", "E#", "Cb"], theory.SCALES)),
]
NO_KEYS = ["", "C", "major", "H major", "c major", "C  major", "C major ", "C## major", "C ionian"]


@pytest.mark.parametrize(
    ("pitch", "name"), [(0, "C-1"), (21, "A0"), (60, "C4"), (61, "Db4"), (66, "F#4"), (127, "G9")]
)
def test_pitch_name_worked_by_hand(pitch, name):
    assert theory.pitch_name(pitch) == name


def test_pitch_name_with_musical_signs():
    names = [theory.pitch_name(pitch, theory.DISPLAY_NAMES) for pitch in (61, 66, 71)]
    assert names == ["D♭4", "F♯4", "B4"]


@pytest.mark.parametrize(
    ("key", "pitch_classes"),
    [
        ("C major", {0, 2, 4, 5, 7, 9, 11}),
        ("A minor", {0, 2, 4, 5, 7, 9, 11}),
        ("F# major", {6, 8, 10, 11, 1, 3, 5}),
        ("Cb pentatonic", {11, 1, 3, 6, 8}),
        ("chromatic", set(range(12))),
    ],
)
def test_key_pitch_classes_worked_by_hand(key, pitch_classes):
    assert theory.key_pitch_classes(key) == pitch_classes


def test_every_pitch_class_name_is_a_tonic():
    for pitch_class, name in enumerate(theory.PITCH_CLASS_NAMES):
        assert theory.key_pitch_classes(f"{name} whole tone") == {
            (pitch_class + 2 * steps) % 12 for steps in range(6)
        }


@pytest.mark.parametrize("key", KEYS)
def test_config_allows_every_key(key):
    assert re.search(KEY_PATTERN, key)
    assert theory.key_pitch_classes(key)


@pytest.mark.parametrize("key", NO_KEYS)
def test_config_and_theory_refuse_what_is_no_key(key):
    assert not re.search(KEY_PATTERN, key)
    with pytest.raises(ParamsError, match="no key"):
        theory.key_pitch_classes(key)


def test_config_and_theory_have_the_same_scales():
    scales = KEY_PATTERN[KEY_PATTERN.rindex("(") + 1 : KEY_PATTERN.index(")")]
    assert sorted(scales.split("|")) == sorted(theory.SCALES)
