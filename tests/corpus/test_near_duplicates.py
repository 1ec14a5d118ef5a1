"""The same work in another key, tempo or export is found, other music is not, and not by comparing all pairs."""

import time
from collections.abc import Callable

import numpy as np
import pytest
from factories import make_music

from pipeline.corpus import near_duplicates
from pipeline.corpus.near_duplicates import compute_fingerprints, group_near_duplicates
from pipeline.notes import note
from pipeline.notes.note import Notes


def make_piece(seed: int, count: int = 600) -> Notes:
    """Make music whose pitches depend on nothing, with chords."""
    rng = np.random.default_rng(seed)
    onset = np.cumsum(rng.choice([0.0, 0.15, 0.3, 0.6], count))
    return note.make_notes(
        onset, np.full(count, 0.2), rng.integers(40, 90, count), np.full(count, 64)
    )


def change(notes: Notes, semitones: int = 0, onset: np.ndarray | None = None) -> Notes:
    onset = notes["onset"] if onset is None else np.maximum(onset, 0)
    pitch = notes["pitch"].astype(int) + semitones
    return note.make_notes(onset, notes["duration"], pitch, notes["velocity"])


def transpose(notes: Notes) -> Notes:
    return change(notes, semitones=-5)


def slow_down(notes: Notes) -> Notes:
    return change(notes, onset=notes["onset"] * 1.4)


def transpose_and_speed_up(notes: Notes) -> Notes:
    return change(notes, semitones=7, onset=notes["onset"] * 0.7)


def play_by_hand(notes: Notes) -> Notes:
    return change(
        notes, onset=notes["onset"] + np.random.default_rng(9).normal(0, 0.005, len(notes))
    )


def export_from_notation(notes: Notes) -> Notes:
    return change(notes, semitones=2, onset=np.round(notes["onset"] / 0.125) * 0.125)


def leave_out_velocity_and_some_notes(notes: Notes) -> Notes:
    kept = notes[np.random.default_rng(3).random(len(notes)) > 0.05].copy()
    kept["velocity"] = 100
    return kept


def cut_an_excerpt(notes: Notes) -> Notes:
    return notes[100:300]


@pytest.mark.parametrize(
    "variant",
    [
        transpose,
        slow_down,
        transpose_and_speed_up,
        play_by_hand,
        export_from_notation,
        leave_out_velocity_and_some_notes,
        cut_an_excerpt,
    ],
)
def test_the_same_work_in_another_form_is_found(variant: Callable[[Notes], Notes]) -> None:
    pieces = [make_piece(1), make_piece(2), variant(make_piece(1)), make_piece(3)]
    assert group_near_duplicates([compute_fingerprints(piece) for piece in pieces]) == [[0, 2]]


@pytest.mark.parametrize("make", [make_piece, make_music])
@pytest.mark.parametrize("count", [60, 900, 4000])
def test_other_music_is_not_found(make: Callable[[int, int], Notes], count: int) -> None:
    pieces = [make(seed, count) for seed in range(20)]
    assert group_near_duplicates([compute_fingerprints(piece) for piece in pieces]) == []


def test_pieces_that_are_alike_through_others_are_one_group() -> None:
    long = make_piece(1, 800)
    pieces = [long[:300], make_piece(2), long[500:], long, transpose(make_piece(2))]
    assert group_near_duplicates([compute_fingerprints(piece) for piece in pieces]) == [
        [0, 2, 3],
        [1, 4],
    ]


@pytest.mark.parametrize("num_copies", [2, near_duplicates.MAX_FREQUENCY + 8])
def test_many_copies_of_one_work_are_one_group(num_copies: int) -> None:
    copies = [change(make_piece(1, 200), semitones=k % 12) for k in range(num_copies)]
    found = group_near_duplicates([compute_fingerprints(piece) for piece in copies])
    assert found == [[*range(num_copies)]]


def test_too_little_music_is_never_a_near_duplicate() -> None:
    pieces = [make_piece(1, 5), make_piece(1, 5), make_piece(1, 0), make_piece(1, 20)]
    assert [len(compute_fingerprints(piece)) for piece in pieces] == [0, 0, 0, 14]
    assert group_near_duplicates([compute_fingerprints(piece) for piece in pieces]) == []
    assert group_near_duplicates([]) == []


def test_counts_do_not_depend_on_how_many_pairs_are_counted_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pieces = [make_music(seed % 7, 400)[: 300 + seed] for seed in range(30)]
    fingerprints = [compute_fingerprints(piece) for piece in pieces]
    expected = group_near_duplicates(fingerprints)
    assert [len(group) for group in expected] == [5, 5, 4, 4, 4, 4, 4]
    for num_pairs in (1, 100):
        monkeypatch.setattr(near_duplicates, "MAX_PAIRS", num_pairs)
        assert group_near_duplicates(fingerprints) == expected


@pytest.mark.slow
def test_eleven_hundred_performances_take_well_under_a_minute() -> None:
    fingerprints = [compute_fingerprints(make_piece(seed % 1000, 5500)) for seed in range(1100)]
    start = time.process_time()
    assert len(group_near_duplicates(fingerprints)) == 100
    assert time.process_time() - start < 30
