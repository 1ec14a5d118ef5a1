import numpy as np
import pytest
from generation.test_sampling import make_config
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from pipeline.config.schema import KEY_PATTERN
from pipeline.core.errors import ParamsError
from pipeline.generation.constraints import MAX_LIMIT, NoteLimits, allowed_pitches
from pipeline.notes.quantize import GRID_SIZE
from pipeline.notes.theory import SCALES

NOTES = st.lists(
    st.tuples(
        st.one_of(st.sampled_from([0, 0, 0, 1, 99, 100, 1000]), st.integers(0, 150)),
        st.one_of(st.sampled_from([0, 1, 2, 1000]), st.integers(0, 400)),
        st.integers(60, 63),
    ),
    max_size=25,
)
"""Step, duration and pitch."""


@pytest.mark.parametrize(
    ("key", "octave"),
    [
        ("chromatic", "60 61 62 63 64 65 66 67 68 69 70 71"),
        ("C major", "60 62 64 65 67 69 71"),
        ("A minor", "60 62 64 65 67 69 71"),
        ("D dorian", "60 62 64 65 67 69 71"),
        ("E phrygian", "60 62 64 65 67 69 71"),
        ("F lydian", "60 62 64 65 67 69 71"),
        ("G mixolydian", "60 62 64 65 67 69 71"),
        ("B locrian", "60 62 64 65 67 69 71"),
        ("F# major", "61 63 65 66 68 70 71"),
        ("Gb major", "61 63 65 66 68 70 71"),
        ("Bb major", "60 62 63 65 67 69 70"),
        ("Cb major", "61 63 64 66 68 70 71"),
        ("B# minor", "60 62 63 65 67 68 70"),
        ("A harmonic minor", "60 62 64 65 68 69 71"),
        ("A melodic minor", "60 62 64 66 68 69 71"),
        ("C pentatonic", "60 62 64 67 69"),
        ("A minor pentatonic", "60 62 64 67 69"),
        ("C blues", "60 63 65 66 67 70"),
        ("C whole tone", "60 62 64 66 68 70"),
    ],
)
def test_pitches_of_a_key_as_a_musician_names_them(key, octave):
    assert allowed_pitches(key, 60, 71) == [int(pitch) for pitch in octave.split()]


def test_both_ends_of_the_range_are_allowed():
    assert allowed_pitches("chromatic", 0, 127) == list(range(128))
    assert allowed_pitches("C major", 60, 64) == [60, 62, 64]
    assert allowed_pitches("C major", 127, 127) == [127]


@pytest.mark.parametrize(
    "key", ["C majr", "H major", "c major", "C", "", "Cx major", "C  major", "C major ", "major"]
)
def test_an_unknown_key_is_refused(key):
    with pytest.raises(
        ParamsError, match=r"^no key '.*'; give chromatic, or a tonic such as .* of major, minor"
    ) as error:
        allowed_pitches(key, 0, 127)
    assert "\n" not in str(error.value)
    with pytest.raises(ValidationError, match=r"chromatic\|"):
        make_config(key=key)


@pytest.mark.parametrize(
    ("key", "min_pitch", "max_pitch"),
    [("C major", 61, 61), ("chromatic", 61, 60), ("C blues", 61, 62)],
)
def test_a_range_without_a_pitch_of_the_key(key, min_pitch, max_pitch):
    with pytest.raises(
        ParamsError, match=rf"^no pitch of '{key}' lies in {min_pitch}\.\.{max_pitch}; lower"
    ):
        allowed_pitches(key, min_pitch, max_pitch)


def test_parameters_know_the_keys_that_there_are():
    assert sorted(
        KEY_PATTERN[KEY_PATTERN.rindex("(") + 1 : KEY_PATTERN.index(")")].split("|")
    ) == sorted(SCALES)
    for scale in SCALES:
        assert allowed_pitches(make_config(key=f"Eb {scale}").key, 0, 127)


def is_allowed(notes: list, step: int, polyphony: int, density: int) -> bool:
    """Say by the definitions whether a note may start so many cells after the last of notes."""
    onsets = np.cumsum([note[0] for note in notes]).tolist()
    now = (onsets[-1] if onsets else 0) + step
    ends: dict = {}
    for onset, (_, duration, pitch) in zip(onsets, notes, strict=True):
        ends[onset, pitch] = max(ends.get((onset, pitch), 0), onset + max(duration, 0.4))
    sounding = sum(ends[onset, note[2]] > now for onset, note in zip(onsets, notes, strict=True))
    recent = sum(now - 100 < onset for onset in onsets)
    return (not polyphony or sounding < polyphony) and (not density or recent < density)


@given(notes=NOTES, max_polyphony=st.integers(0, 5), max_notes_per_second=st.integers(0, 8))
def test_earliest_parts_the_steps_that_are_forbidden_from_those_that_are_allowed(
    notes, max_polyphony, max_notes_per_second
):
    polyphony, density = max_polyphony, max_notes_per_second
    limits = NoteLimits(polyphony, density)
    for note in notes:
        limits.add(*note)
        assert 0 <= limits.min_step() < GRID_SIZE
    first = limits.min_step()
    assert all(is_allowed(notes, step, polyphony, density) for step in (first, first + 1, 1000))
    assert not any(
        is_allowed(notes, step, polyphony, density)
        for step in {0, first // 2, first - 1}
        if 0 <= step < first
    )


@given(notes=NOTES)
def test_without_limits_every_step_is_allowed(notes):
    limits = NoteLimits(0, 0)
    for note in notes:
        limits.add(*note)
    assert limits.min_step() == 0


def compute_min_step(limits: NoteLimits, *notes: tuple) -> int:
    limits.observe(np.array([(*note, 64) for note in notes], np.int16).reshape(-1, 4))
    return limits.min_step()


def test_polyphony_worked_by_hand():
    assert compute_min_step(NoteLimits(1, 0)) == 0
    assert compute_min_step(NoteLimits(1, 0), (7, 30, 60)) == 30
    assert compute_min_step(NoteLimits(2, 0), (7, 30, 60)) == 0
    assert compute_min_step(NoteLimits(2, 0), (7, 30, 60), (10, 15, 64)) == 15
    assert compute_min_step(NoteLimits(2, 0), (7, 30, 60), (10, 40, 64)) == 20
    assert compute_min_step(NoteLimits(1, 0), (0, 1000, 60)) == 1000


def test_the_shortest_note_sounds_in_the_cell_of_its_onset():
    assert compute_min_step(NoteLimits(1, 0), (5, 0, 60)) == 1
    assert compute_min_step(NoteLimits(1, 0), (5, 1, 60)) == 1


def test_notes_of_one_pitch_and_onset_end_together():
    assert compute_min_step(NoteLimits(2, 0), (0, 10, 60), (0, 500, 60)) == 500
    assert compute_min_step(NoteLimits(2, 0), (0, 500, 60), (0, 10, 60)) == 500
    assert compute_min_step(NoteLimits(2, 0), (0, 10, 61), (0, 500, 60)) == 10


def test_density_worked_by_hand():
    assert compute_min_step(NoteLimits(0, 1), (7, 30, 60)) == 100
    assert compute_min_step(NoteLimits(0, 2), (7, 30, 60)) == 0
    assert compute_min_step(NoteLimits(0, 2), (7, 30, 60), (40, 30, 60)) == 60
    assert compute_min_step(NoteLimits(0, 2), (7, 30, 60), (40, 30, 60), (70, 30, 60)) == 30
    assert compute_min_step(NoteLimits(0, 2), (7, 30, 60), (40, 30, 60), (100, 30, 60)) == 0


@given(notes=NOTES, cut=st.integers(0, 25))
def test_notes_may_be_heard_in_parts(notes, cut):
    whole, parts = NoteLimits(3, 4), NoteLimits(3, 4)
    compute_min_step(parts, *notes[:cut])
    assert compute_min_step(whole, *notes) == compute_min_step(parts, *notes[cut:])


def test_what_has_ended_is_forgotten():
    limits = NoteLimits(4, 4)
    for _ in range(1000):
        limits.add(50, 120, 60)
    assert len(limits.active_notes) <= 4
    assert len(limits.recent_onsets) == 4


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_many_notes_that_were_heard_count_by_those_that_matter(seed):
    rng = np.random.default_rng(seed)
    notes = np.zeros((3000, 4), np.int16)
    notes[:, 0] = rng.integers(0, 4, 3000)
    notes[:, 1] = rng.integers(0, 1001, 3000)
    notes[:, 2] = rng.integers(30, 90, 3000)
    at_once, one_by_one = NoteLimits(100, 1000), NoteLimits(100, 1000)
    at_once.observe(notes)
    for code in notes.tolist():
        one_by_one.add(code[0], code[1], code[2])
    assert at_once.position == one_by_one.position
    assert at_once.recent_onsets == one_by_one.recent_onsets
    assert sorted(at_once.active_notes) == sorted(one_by_one.active_notes)
    assert at_once.min_step() == one_by_one.min_step() > 0


def test_limits_read_only_the_end_of_many_notes(monkeypatch):
    limits, added = NoteLimits(4, 4), []
    monkeypatch.setattr(limits, "add", lambda *code: added.append(code))
    limits.observe(np.full((100_000, 4), 10, np.int16))
    assert len(added) == MAX_LIMIT
