"""The keys that are offered are those of the circle of fifths."""

import pytest

from pipeline.notes.theory import SCALES, key_pitch_classes
from pipeline.studio.key_names import FIFTHS_OF_SCALE, count_sharps, list_key_names

MAJOR = "C C# Cb D Db E Eb F F# G Gb A Ab B Bb"
MINOR = "C C# D D# E Eb F F# G G# A A# Ab B Bb"


@pytest.mark.parametrize(("scale", "tonics"), [("major", MAJOR), ("minor", MINOR)])
def test_major_and_minor_have_the_fifteen_keys_of_the_circle(scale: str, tonics: str) -> None:
    keys = [key.split(" ", 1) for key in list_key_names()[1:]]
    assert sorted(tonic for tonic, name in keys if name == scale) == sorted(tonics.split())


def test_no_tonic_is_offered_that_people_spell_otherwise() -> None:
    keys = list_key_names()
    assert keys[0] == "chromatic"
    assert len(set(keys)) == len(keys)
    assert not {"B#", "E#", "Fb"} & {key.split(" ")[0] for key in keys}
    assert {key.split(" ", 1)[1] for key in keys[1:]} == set(SCALES)


@pytest.mark.parametrize(
    "scale", ["minor", "dorian", "phrygian", "lydian", "mixolydian", "locrian"]
)
def test_a_mode_has_the_notes_of_the_major_key_with_its_signature(scale: str) -> None:
    majors = {count_sharps(tonic, "major"): tonic for tonic in MAJOR.split()}
    relative = majors[FIFTHS_OF_SCALE[scale]]
    assert key_pitch_classes(f"C {scale}") == key_pitch_classes(f"{relative} major")
