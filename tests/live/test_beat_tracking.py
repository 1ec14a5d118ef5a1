"""The beat of made rhythms: even, swung, mixed, with jitter and on ramps of the tempo."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.live.beat_tracking import MIN_ONSETS, REST_SECONDS, Beat, estimate_beat

PATTERNS = {
    "quarters": [0, 1, 2, 3],
    "eighths": [0, 0.5, 1, 1.5, 2, 2.5, 3, 3.5],
    "swing": [0, 0.667, 1, 1.667, 2, 2.667, 3, 3.667],
    "mixed": [0, 1, 1.5, 2, 3],
}
"""Positions of onsets in a bar [beats]."""


def make_rhythm(tempo, pattern, num_bars=4, jitter=0.0, seed=0, start=100.0):
    """Return onsets [s] of a rhythm; the tempo is one or a pair: it goes linearly from the first to the second."""
    positions = np.concatenate([4 * bar + np.array(PATTERNS[pattern]) for bar in range(num_bars)])
    first, last = np.broadcast_to(tempo, 2) / 60
    num_beats = 4 * num_bars
    # The tempo in beats a second goes linearly with the position.
    grid = np.linspace(0, num_beats, 4000)
    seconds = np.cumsum(1 / np.interp(grid, [0, num_beats], [first, last])) * (grid[1] - grid[0])
    onsets = start + np.interp(positions, grid, seconds - seconds[0])
    return onsets + np.random.default_rng(seed).normal(0, jitter, len(onsets))


@pytest.mark.parametrize("pattern", PATTERNS)
@pytest.mark.parametrize("tempo", [80, 90, 100, 110, 120])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_the_tempo_of_a_rhythm_with_jitter(pattern, tempo, seed):
    beat = estimate_beat(make_rhythm(tempo, pattern, jitter=0.01, seed=seed))
    assert beat.beats_per_minute == pytest.approx(tempo, rel=0.02)


@pytest.mark.parametrize("tempo", [40, 50, 65, 130, 160, 200, 240])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_even_notes_from_40_to_240_are_beats_or_halves_of_beats(tempo, seed):
    beat = estimate_beat(make_rhythm(tempo, "quarters", jitter=0.01, seed=seed))
    ratio = tempo / beat.beats_per_minute
    assert ratio == pytest.approx(round(ratio), rel=0.02)
    assert round(ratio) == 1 if tempo < 120 else round(ratio) in (1, 2)
    assert 40 <= beat.beats_per_minute <= 240


@pytest.mark.parametrize("pattern", ["quarters", "eighths", "mixed"])
@pytest.mark.parametrize("tempos", [(90, 120), (120, 90), (130, 100)])
def test_a_ramp_of_the_tempo_is_followed_with_a_small_delay(pattern, tempos):
    beat = estimate_beat(make_rhythm(tempos, pattern, num_bars=6, jitter=0.01))
    assert beat.beats_per_minute == pytest.approx(tempos[1], rel=0.06)


@pytest.mark.parametrize("pattern", PATTERNS)
def test_beats_and_bars_are_counted_from_the_begin_of_the_phrase(pattern):
    onsets = make_rhythm(100, pattern, num_bars=3, jitter=0.005)
    beat = estimate_beat(onsets)
    end = 100.0 + 12 * 0.6
    assert beat.find_next(end - 0.2, 1) == pytest.approx(end, abs=0.03)
    assert beat.find_next(end - 0.2, 4) == pytest.approx(end, abs=0.03)
    assert beat.find_next(end + 0.2, 4) == pytest.approx(end + 4 * 0.6, abs=0.06)


@pytest.mark.parametrize("num_onsets", [56, 57])
def test_the_begin_of_a_long_phrase_is_on_a_beat(num_onsets):
    onsets = make_rhythm(100, "eighths", num_bars=8, jitter=0.005)[:num_onsets]
    beat = estimate_beat(onsets)
    assert beat.find_next(100.0 + 40 * 0.6 - 0.2, 4) == pytest.approx(100.0 + 40 * 0.6, abs=0.1)


def test_bars_are_counted_through_a_long_ramp():
    onsets = make_rhythm((80, 120), "quarters", num_bars=12)
    beat = estimate_beat(onsets[:-3])
    assert beat.number + round((onsets[-4] - beat.time) / beat.period) == len(onsets) - 4


def test_a_phrase_after_a_rest_has_a_bar_of_its_own():
    first = make_rhythm(100, "quarters", num_bars=2)
    second = make_rhythm(100, "quarters", num_bars=2, start=first[-1] + 0.6 * 5)
    assert second[0] - first[-1] > REST_SECONDS
    beat = estimate_beat([*first, *second])
    assert beat.find_next(second[-1] + 0.1, 4) == pytest.approx(second[0] + 8 * 0.6, abs=0.01)


def test_a_chord_is_one_onset():
    onsets = make_rhythm(100, "mixed")
    rolled = np.sort(np.concatenate([onsets, onsets + 0.01, onsets + 0.02]))
    assert estimate_beat(rolled) == estimate_beat(onsets)


def test_too_few_notes_have_no_beat():
    assert estimate_beat([]) is None
    assert estimate_beat(make_rhythm(100, "quarters")[: MIN_ONSETS - 1]) is None
    assert estimate_beat(make_rhythm(100, "quarters")[:MIN_ONSETS]) is not None


def test_most_rhythms_at_random_have_no_beat():
    rhythms = [np.cumsum(np.random.default_rng(seed).exponential(0.25, 30)) for seed in range(40)]
    assert sum(estimate_beat(rhythm) is None for rhythm in rhythms) > 20


@given(st.lists(st.floats(0, 4), max_size=60))
def test_any_onsets_have_a_tempo_in_range_or_none(pauses):
    beat = estimate_beat(np.cumsum(pauses))
    assert beat is None or 39.9 < beat.beats_per_minute < 240.1


@given(st.floats(-50, 50), st.integers(1, 4))
def test_the_next_multiple_is_not_before_the_time(time, multiple):
    beat = Beat(10.0, 0.5, 3)
    found_time = beat.find_next(time, multiple)
    number = beat.number + (found_time - beat.time) / beat.period
    assert number % multiple == pytest.approx(0, abs=1e-6)
    assert -1e-9 <= found_time - time < multiple * beat.period
