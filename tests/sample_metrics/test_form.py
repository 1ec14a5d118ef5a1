"""Measures of form."""

import numpy as np
import pytest
from factories import make_quantized_notes
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from pipeline.notes.quantize import DURATION, PITCH, STEP, QuantizedNotes
from pipeline.sample_metrics import features, form
from pipeline.sample_metrics.form import Continuation

THEME = [60, 62, 64, 65, 67, 69, 71]
"""Seven notes, six intervals."""
FILLER = [40, 80]


def make_line(pitches: list[int], step: int = 10, duration: int = 10) -> QuantizedNotes:
    """Make notes one after the other."""
    notes = np.zeros((len(pitches), 5), np.int16)
    notes[:, PITCH] = pitches
    notes[:, [STEP, DURATION]] = step, duration
    return notes


def find_distances_slowly(pitches: list[int]) -> list[int]:
    """Compare every run with all before it."""
    runs = [np.diff(pitches[first : first + 7]).tolist() for first in range(len(pitches) - 6)]
    distances = []
    for number, run in enumerate(runs):
        earlier = [number - other for other in range(number) if runs[other] == run]
        distances.append(min(earlier, default=0))
    return distances


@given(npst.arrays(np.int16, st.integers(0, 60), elements=st.integers(60, 61)))
def test_distances_are_those_of_a_slow_search(pitches: np.ndarray) -> None:
    assert form.find_distances(pitches).tolist() == find_distances_slowly(pitches.tolist())


@pytest.mark.parametrize(("distance", "is_near"), [(256, True), (257, False)])
def test_a_theme_in_another_key_is_near_or_far(distance: int, is_near: bool) -> None:
    """The notes between rise and fall by ever other intervals, so that only the theme is heard twice."""
    rng = np.random.default_rng(0)
    between = rng.integers(30, 90, distance - len(THEME)).tolist()
    prompt = make_line(THEME + between)
    shares = form.compute_motif_shares(Continuation(prompt, make_line([p + 5 for p in THEME])))
    # One of the seven runs that end in the continuation.
    expected = (1 / 7, 0.0) if is_near else (0.0, 1 / 7)
    assert shares == pytest.approx(expected)


def test_runs_of_the_prompt_do_not_count() -> None:
    prompt = make_line(THEME * 4)
    rng = np.random.default_rng(1)
    notes = make_line(rng.integers(30, 90, 50).tolist())
    assert form.compute_motif_shares(Continuation(prompt, notes)) == (0, 0)
    assert form.compute_motif_shares(Continuation(notes[:3], notes[3:5])) == (0, 0)


def test_the_key_of_the_prompt_is_left_after_a_hundred_notes() -> None:
    """C major, then F# major, which shares two of seven pitch classes with it."""
    c_major = [60, 62, 64, 65, 67, 69, 71]
    prompt = make_line(c_major * 4)
    notes = make_line((c_major * 15)[:100] + ([pitch + 6 for pitch in c_major] * 15)[:99])
    overlaps = form.compute_key_overlaps(Continuation(prompt, notes))
    assert list(overlaps) == ["key_overlap_100"]
    assert overlaps["key_overlap_100"] == pytest.approx(1, abs=0.02)
    longer = np.concatenate([notes, notes[-1:], np.repeat(notes, 4, axis=0)])
    overlaps = form.compute_key_overlaps(Continuation(prompt, longer))
    assert list(overlaps) == [f"key_overlap_{end}" for end in (100, 200, 300, 400, 500)]
    assert overlaps["key_overlap_200"] == pytest.approx(2 / 7, abs=0.03)


def test_pace_by_hand() -> None:
    """Sixteen notes, one each 0.1 s; then a rest of 3 s, and notes an octave higher and twice as fast."""
    notes = make_line([60] * 12 + [72] * 4, step=10, duration=5)
    notes[12:, STEP] = 5
    notes[8, STEP] = 305
    notes[3, DURATION] = 12
    measures = form.compute_form(Continuation(notes[:7], notes))
    assert measures["longest_gap"] == pytest.approx(3.0)
    # The second longest of 15 gaps is 0.05 s, and the quantile lies 1.4 % of a rank from the longest.
    assert measures["gap_quantile"] == pytest.approx(3.0 - 0.014 * 2.95)
    assert measures["longest_note"] == pytest.approx(0.12)
    assert measures["density"] == pytest.approx(16 / (11 * 0.1 + 3.05 + 4 * 0.05))
    assert measures["density_drift"] == pytest.approx(1.0)
    assert measures["pitch_drift"] == pytest.approx(12.0)
    # Note 4 is struck while note 3, of the same key, is down.
    assert measures["restruck"] == pytest.approx(1 / 16)


def test_music_that_slows_down_drifts_as_far_as_music_that_hurries() -> None:
    notes = make_quantized_notes(0, 200)
    faster, slower = notes.copy(), notes.copy()
    faster[:, STEP], slower[:, STEP] = 20, 10
    faster[150:, STEP], slower[150:, STEP] = 10, 20
    drifts = [form.compute_form(Continuation(notes, music)) for music in (faster, slower)]
    assert [each["density_drift"] for each in drifts] == pytest.approx([1, 1])


def test_silences_by_hand() -> None:
    """A note that is held over the next one ends the silence later."""
    notes = make_line([60, 64, 67, 72], step=100, duration=30)
    notes[1, DURATION] = 150
    assert features.compute_silences(notes).tolist() == [70, 0, 50]
