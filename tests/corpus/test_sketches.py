"""The sketch of a piece: of one size, and of its intervals, not of its key, tempo or clock."""

import numpy as np
import pytest
from factories import make_music
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.corpus import sketches
from pipeline.corpus.sketches import (
    NO_HASH,
    NUM_HASHES,
    SKETCH_SIZE,
    compute_fingerprints,
    compute_sketch,
)
from pipeline.notes import note
from pipeline.notes.note import Notes


def make_line(pitches: list[int]) -> Notes:
    """Make one note after the other."""
    size = len(pitches)
    return note.make_notes(np.arange(size) / 4, np.full(size, 0.2), pitches, np.full(size, 64))


def change_notes(notes: Notes, onset: np.ndarray, semitones: int = 0) -> Notes:
    pitch = notes["pitch"].astype(int) + semitones
    return note.make_notes(onset, notes["duration"], pitch, notes["velocity"])


@settings(max_examples=25)
@given(st.lists(st.integers(0, 127), max_size=40))
def test_fingerprints_are_the_runs_of_six_intervals(pitches: list[int]) -> None:
    intervals = np.diff(pitches).tolist()
    runs = {tuple(intervals[start : start + 6]) for start in range(len(intervals) - 5)}
    fingerprints = compute_fingerprints(make_line(pitches)).tolist()
    assert len(fingerprints) == len(runs)
    assert fingerprints == sorted(set(fingerprints))


@settings(max_examples=25)
@given(st.integers(0, 50), st.integers(-20, 20))
def test_a_sketch_does_not_change_with_the_key(seed: int, semitones: int) -> None:
    notes = make_music(seed, 200)
    moved = change_notes(notes, notes["onset"], semitones)
    np.testing.assert_array_equal(compute_sketch(moved), compute_sketch(notes))


@settings(max_examples=25)
@given(st.integers(0, 50), st.floats(0.5, 4.0))
def test_a_sketch_does_not_change_with_the_tempo(seed: int, stretch: float) -> None:
    # Notes of this music are 0 s or 0.12 s apart, so that no tempo makes or breaks a chord.
    notes = make_music(seed, 200)
    stretched = change_notes(notes, notes["onset"] * stretch)
    np.testing.assert_array_equal(compute_sketch(stretched), compute_sketch(notes))


@settings(max_examples=25)
@given(st.integers(0, 50), st.sampled_from([96, 120, 384, 480, 960]))
def test_a_sketch_does_not_change_with_the_ticks_of_a_beat(seed: int, ticks: int) -> None:
    notes = make_music(seed, 200)
    encoded = change_notes(notes, np.round(notes["onset"] * 2 * ticks) / (2 * ticks))
    np.testing.assert_array_equal(compute_sketch(encoded), compute_sketch(notes))


@pytest.mark.parametrize("count", [0, 1, 50, 5000])
def test_a_sketch_has_512_bytes_however_long_the_piece_is(count: int) -> None:
    sketch = compute_sketch(make_music(1, count))
    assert (sketch.shape, sketch.nbytes) == ((SKETCH_SIZE,), 512)
    fingerprints = compute_fingerprints(make_music(1, count))
    num_hashes = min(NUM_HASHES, len(fingerprints))
    assert (sketch[1:] != NO_HASH).sum() == num_hashes
    assert sketch[0] == (fingerprints[NUM_HASHES - 1] >> 32 if count == 5000 else NO_HASH)


@settings(max_examples=25)
@given(st.lists(st.integers(0, 127), max_size=300), st.integers(1, 12))
def test_a_sketch_has_the_lowest_of_all_fingerprints(pitches: list[int], repeats: int) -> None:
    notes = make_line(pitches * repeats)
    lowest = compute_fingerprints(notes)[:NUM_HASHES]
    sketch = compute_sketch(notes)
    assert sketch[1 : 1 + len(lowest)].tolist() == (lowest & 0xFFFFFFFF).tolist()
    assert (sketch[1 + len(lowest) :] == NO_HASH).all()


def test_not_all_fingerprints_of_a_long_piece_are_sorted(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = []
    sort = sketches._sort_distinct
    monkeypatch.setattr(
        sketches, "_sort_distinct", lambda values: (sizes.append(len(values)), sort(values))[1]
    )
    pitches = np.random.default_rng(1).integers(0, 128, 5000)
    compute_sketch(make_line(pitches.tolist()))
    assert sizes == [sketches.NUM_PARTITIONED]
    sizes.clear()
    compute_sketch(make_line(pitches.tolist()[:50] * 100))
    assert len(sizes) == 2
