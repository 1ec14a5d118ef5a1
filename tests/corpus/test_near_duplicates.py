"""The same work in another key, tempo or export is found, other music is not, and not by comparing all pairs."""

import io
import tracemalloc
from collections.abc import Callable

import numpy as np
import pytest
from factories import make_music
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.corpus import near_duplicates
from pipeline.corpus.groups import join_pairs
from pipeline.corpus.near_duplicates import (
    Sketches,
    fill_buckets,
    find_pairs,
    group_near_duplicates,
    order_by_likeness,
    stack_sketches,
)
from pipeline.corpus.sketches import SKETCH_SIZE, compute_sketch
from pipeline.notes import note
from pipeline.notes.note import Notes


def group_pieces(*pieces: Notes) -> list[list[int]]:
    return group_near_duplicates(stack_sketches(map(compute_sketch, pieces)))


def find_all_pairs(sketches: Sketches, num_buckets: int) -> list[near_duplicates.Pairs]:
    """Return the pairs of each bucket."""
    order = order_by_likeness(sketches)
    buckets = [io.BytesIO() for _ in range(num_buckets)]
    fill_buckets(sketches, order, buckets)
    return [find_pairs(sketches, order, bucket) for bucket in buckets]


def make_sketches(num_pieces: int, num_works: int) -> Sketches:
    """Make sketches of works of which each has several copies that share about half of their hashes."""
    rng = np.random.default_rng(num_pieces)
    sketches = rng.integers(0, 2**32 - 1, (num_pieces, SKETCH_SIZE), np.uint32)
    works = rng.integers(0, 2**32 - 1, (num_works, SKETCH_SIZE), np.uint32)
    copies = works[np.arange(num_pieces) % num_works]
    is_kept = rng.random(sketches.shape) < 0.75
    sketches[is_kept] = copies[is_kept]
    sketches[:, 0] = 2**28
    return sketches


def make_piece(seed: int, count: int = 600) -> Notes:
    """Make music of random pitches, with chords."""
    rng = np.random.default_rng(seed)
    onset = np.cumsum(rng.choice([0.0, 0.15, 0.3, 0.6], count))
    return note.make_notes(
        onset, np.full(count, 0.2), rng.integers(40, 90, count), np.full(count, 64)
    )


def change_notes(notes: Notes, semitones: int = 0, onset: np.ndarray | None = None) -> Notes:
    onset = notes["onset"] if onset is None else np.maximum(onset, 0)
    pitch = notes["pitch"].astype(int) + semitones
    return note.make_notes(onset, notes["duration"], pitch, notes["velocity"])


def transpose(notes: Notes) -> Notes:
    return change_notes(notes, semitones=-5)


def slow_down(notes: Notes) -> Notes:
    return change_notes(notes, onset=notes["onset"] * 1.4)


def transpose_and_speed_up(notes: Notes) -> Notes:
    return change_notes(notes, semitones=7, onset=notes["onset"] * 0.7)


def play_by_hand(notes: Notes) -> Notes:
    return change_notes(
        notes, onset=notes["onset"] + np.random.default_rng(9).normal(0, 0.005, len(notes))
    )


def export_from_notation(notes: Notes) -> Notes:
    return change_notes(notes, semitones=2, onset=np.round(notes["onset"] / 0.125) * 0.125)


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
    assert group_pieces(make_piece(1), make_piece(2), variant(make_piece(1)), make_piece(3)) == [
        [0, 2]
    ]


@pytest.mark.parametrize("make", [make_piece, make_music])
@pytest.mark.parametrize("count", [60, 900, 4000])
def test_other_music_is_not_found(make: Callable[[int, int], Notes], count: int) -> None:
    assert group_pieces(*[make(seed, count) for seed in range(20)]) == []


def test_the_halves_of_a_long_piece_are_found_with_the_whole() -> None:
    long = make_piece(1, 9000)
    assert group_pieces(
        make_piece(2, 9000), transpose(long[:4500]), slow_down(long[4500:]), long
    ) == [[1, 2, 3]]


def test_pieces_that_are_alike_through_others_are_one_group() -> None:
    long = make_piece(1, 800)
    pieces = [long[:300], make_piece(2), long[500:], long, transpose(make_piece(2))]
    assert group_pieces(*pieces[:3]) == []
    assert group_pieces(*pieces) == [[0, 2, 3], [1, 4]]


@pytest.mark.parametrize("num_copies", [2, near_duplicates.NUM_NEIGHBORS + 2, 40])
def test_many_copies_of_one_work_are_one_group(num_copies: int) -> None:
    copies = [change_notes(make_piece(1, 200), semitones=k % 12) for k in range(num_copies)]
    assert group_pieces(*copies) == [[*range(num_copies)]]


def test_too_little_music_is_never_a_near_duplicate() -> None:
    assert (
        group_pieces(make_piece(1, 5), make_piece(1, 5), make_piece(1, 0), make_piece(1, 14)) == []
    )
    assert group_pieces() == []


def test_a_common_scale_joins_nothing() -> None:
    scale = note.make_notes(np.arange(40) / 8, np.full(40, 0.1), np.arange(40) + 40, [64] * 40)
    pieces = [
        note.make_notes(*[np.append(scale[name], part[name]) for name in note.NOTE_COLUMNS])
        for part in (change_notes(make_piece(seed, 300), onset=None) for seed in range(30))
    ]
    assert group_pieces(*pieces) == []


@settings(max_examples=25)
@given(st.permutations(range(24)))
def test_pairs_and_groups_do_not_depend_on_the_order_of_pieces(order: list[int]) -> None:
    # Each work has more copies than a piece has neighbors, so that not all pairs are compared.
    sketches = make_sketches(24, 2)
    shuffled = sketches[order]
    pairs = find_all_pairs(sketches, 1)[0].tolist()
    others = find_all_pairs(shuffled, 1)[0].tolist()
    named = {frozenset((order[first], order[second])) for first, second in others}
    assert named == {frozenset(pair) for pair in pairs}
    assert [{order[piece] for piece in group} for group in group_near_duplicates(shuffled)] == (
        [{*range(0, 24, 2)}, {*range(1, 24, 2)}][:: 1 if order[0] % 2 == 0 else -1]
    )


def test_buckets_and_batches_do_not_change_the_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    sketches = make_sketches(200, 60)
    expected = group_near_duplicates(sketches)
    assert len(expected) == 60
    parts = find_all_pairs(sketches, 7)
    assert all(len(part) for part in parts)
    assert join_pairs(200, [pair for part in reversed(parts) for pair in part.tolist()]) == expected
    for name, size in (("BUCKET_SIZE", 300), ("CHECKED_PAIRS", 3)):
        monkeypatch.setattr(near_duplicates, name, size)
        assert group_near_duplicates(sketches) == expected


def test_sketches_are_read_once_however_many_buckets_there_are(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sketches = make_sketches(200, 60)
    iterate, num_passes = near_duplicates._iterate_parts, []
    monkeypatch.setattr(
        near_duplicates, "_iterate_parts", lambda table: (num_passes.append(1), iterate(table))[1]
    )
    for size in (1 << 22, 300):
        monkeypatch.setattr(near_duplicates, "BUCKET_SIZE", size)
        num_passes.clear()
        group_near_duplicates(sketches)
        assert len(num_passes) == 2  # to order them, and to fill the buckets


@pytest.mark.slow
def test_memory_is_that_of_a_bucket(monkeypatch: pytest.MonkeyPatch) -> None:
    sketches = make_sketches(20_000, 19_000)
    monkeypatch.setattr(near_duplicates, "BUCKET_SIZE", 1 << 18)
    monkeypatch.setattr(near_duplicates, "CHECKED_PAIRS", 1 << 10)
    tracemalloc.start()
    try:
        assert len(group_near_duplicates(sketches)) == 1000
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    # Hashes of a bucket are held a few times, with the number of their piece: 262,144 of 2,540,000.
    assert peak < 80 * (1 << 18)
