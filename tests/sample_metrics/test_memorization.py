from collections.abc import Sequence

import factories
import long_corpus
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.notes.quantize import DURATION, PITCH, STEP, VELOCITY, QuantizedNotes
from pipeline.sample_metrics import memorization
from pipeline.sample_metrics.memorization import (
    Match,
    SuffixIndex,
    find_longest_match,
    find_longest_matches,
)


def make_line(pitches: Sequence[int], steps: Sequence[int] | None = None) -> QuantizedNotes:
    """Make notes of these pitches, every 10 cells or after these steps."""
    codes = np.full((len(pitches), 4), 10, np.int16)
    codes[:, PITCH] = pitches
    if steps is not None:
        codes[:, STEP] = steps
    return codes


def find_match_by_definition(
    sample: QuantizedNotes, pieces: Sequence[QuantizedNotes], tolerance: int | None
) -> Match:
    """Follow every note of the sample beside every note of every piece."""
    best = Match(0, 0, 0, 0)
    for begin in range(len(sample)):
        for piece, codes in enumerate(pieces):
            for position in range(len(codes)):
                notes = 1
                while begin + notes < len(sample) and position + notes < len(codes):
                    sample_note, piece_note = (
                        sample[begin + notes].tolist(),
                        codes[position + notes].tolist(),
                    )
                    rise = sample_note[PITCH] - int(sample[begin + notes - 1, PITCH])
                    if rise != piece_note[PITCH] - int(codes[position + notes - 1, PITCH]):
                        break
                    if (
                        tolerance is not None
                        and abs(sample_note[STEP] - piece_note[STEP]) > tolerance
                    ):
                        break
                    notes += 1
                if notes > best.num_notes:
                    best = Match(notes, begin, piece, position)
    return best


def generate_music(
    pitches: Sequence[int], steps: Sequence[int], size: int
) -> st.SearchStrategy[QuantizedNotes]:
    note = st.tuples(st.sampled_from(pitches), st.sampled_from(steps))
    return st.lists(note, max_size=size).map(
        lambda notes: make_line([n[0] for n in notes], [n[1] for n in notes])
    )


ANY = st.sampled_from([None, 0, 1, 3])
FEW = generate_music([60, 62], [0, 1, 2], 25)
MORE = generate_music([0, 1, 60, 63, 127], [0, 1, 7, 1000], 20)


@given(FEW, st.lists(FEW, max_size=4), ANY)
def test_as_by_definition_where_much_is_equal(
    sample: QuantizedNotes, pieces: list[QuantizedNotes], tolerance: int | None
) -> None:
    assert find_longest_match(sample, SuffixIndex(pieces), tolerance) == find_match_by_definition(
        sample, pieces, tolerance
    )


@given(MORE, st.lists(MORE, max_size=4), ANY)
def test_as_by_definition_where_little_is_equal(
    sample: QuantizedNotes, pieces: list[QuantizedNotes], tolerance: int | None
) -> None:
    assert find_longest_match(sample, SuffixIndex(pieces), tolerance) == find_match_by_definition(
        sample, pieces, tolerance
    )


@given(FEW, st.lists(FEW, max_size=3), st.integers(1, 30), ANY)
def test_the_size_of_a_part_changes_nothing(
    sample: QuantizedNotes, pieces: list[QuantizedNotes], size: int, tolerance: int | None
) -> None:
    index = SuffixIndex(pieces)
    whole = find_longest_match(sample, index, tolerance)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(memorization, "MAX_PAIRS", size)
        assert find_longest_match(sample, index, tolerance) == whole


@given(
    st.lists(FEW | MORE, min_size=1, max_size=3),
    st.lists(FEW | MORE, max_size=5),
    st.integers(1, 40),
)
def test_music_in_batches_has_the_matches_of_the_definition(
    samples: list[QuantizedNotes], pieces: list[QuantizedNotes], batch_notes: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(memorization, "BATCH_NOTES", batch_notes)
        matches = find_longest_matches(samples, iter(pieces), (None, 1))
    assert matches == [
        [find_match_by_definition(sample, pieces, tolerance) for sample in samples]
        for tolerance in (None, 1)
    ]


@pytest.mark.slow
def test_a_longer_corpus_takes_no_more_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memorization, "BATCH_NOTES", 100)
    samples = [long_corpus.make_piece(1)[:50], long_corpus.make_piece(100)]
    # An index of all notes takes 15 bytes a note and more; the batch with the most matches is larger than the mean.
    assert long_corpus.measure_growth(lambda pieces: find_longest_matches(samples, pieces)) < 4


def test_by_hand() -> None:
    pieces = [make_line([60, 61, 60]), make_line([70, 72, 74, 75, 77, 70])]
    # C D E F G in the major of 70: intervals 2 2 1 2, then 2 instead of -7
    assert find_longest_match(
        make_line([50, 40, 42, 44, 45, 47, 49]), SuffixIndex(pieces)
    ) == Match(5, 1, 1, 0)

    # Of 2 2 1 5 the last three are shared: the 2 before is the sample's alone.
    assert find_longest_match(
        make_line([60, 62, 64, 65, 70]), SuffixIndex([make_line([60, 50, 52, 53, 58])])
    ) == Match(4, 1, 0, 1)


def make_random_line(seed: int, count: int) -> QuantizedNotes:
    return make_line(np.random.default_rng(seed).integers(20, 100, count).tolist())


@pytest.mark.parametrize("notes", [5, 8, 9, 10, 16, 17, 30, 300, 1999])
@pytest.mark.parametrize("semitones", [-7, 0, 5])
def test_a_planted_copy_is_found_on_any_pitch(notes: int, semitones: int) -> None:
    pieces = [make_random_line(seed, 2500) for seed in range(4)]
    sample = np.random.default_rng(9).permutation(
        np.repeat([[10, 10, 0, 64], [10, 10, 127, 64]], 1100, axis=0)
    )
    sample = sample[:2100].astype(np.int16)
    sample[100 : 100 + notes] = pieces[2][400 : 400 + notes]
    sample[100 : 100 + notes, PITCH] += semitones
    assert find_longest_match(sample, SuffixIndex(pieces)) == Match(notes, 100, 2, 400)


def test_duration_and_velocity_hide_nothing() -> None:
    piece = factories.make_quantized_notes(1, 200)
    sample = piece.copy()
    sample[:, DURATION] += 3
    sample[:, VELOCITY] -= 5
    assert find_longest_match(sample, SuffixIndex([piece]), tolerance=0) == Match(200, 0, 0, 0)


def test_rhythm_counts_within_the_tolerance_alone() -> None:
    piece, sample = make_random_line(1, 100), make_random_line(1, 100)
    sample[:, STEP] += np.where(np.arange(100) % 2, 1, -1).astype(np.int16)
    sample[[0, 30, 70], STEP] += 5
    assert find_longest_match(sample, SuffixIndex([piece])).num_notes == 100
    # The step into a run's first note lies outside of it: 30 to 69 is a run, from note 30 on.
    assert find_longest_match(sample, SuffixIndex([piece]), tolerance=1) == Match(40, 30, 0, 30)
    assert find_longest_match(sample, SuffixIndex([piece]), tolerance=0).num_notes == 1


def test_a_longer_key_out_of_time_hides_no_run_in_time() -> None:
    piece = make_line(range(40, 80, 2), [10] * 20)
    sample = np.concatenate(
        [make_line(range(0, 20, 2), [10, 10, 10, 30] + [10, 30] * 3), make_line([90, 70, 60, 90])]
    )
    other = make_line([3, 93, 73, 63, 93])
    # Nine intervals of 2 are shared, two of them in time; -20, -10, 30 are in time as well, and longer.
    assert find_longest_match(sample, SuffixIndex([piece, other])).num_notes == 10
    assert find_longest_match(sample, SuffixIndex([piece, other]), tolerance=1) == Match(
        4, 10, 1, 1
    )


def test_no_run_crosses_from_one_piece_to_the_next() -> None:
    whole = make_random_line(3, 40)
    assert find_longest_match(whole, SuffixIndex([whole])).num_notes == 40
    assert find_longest_match(whole, SuffixIndex([whole[:25], whole[25:]])) == Match(25, 0, 0, 0)
    assert find_longest_match(
        whole, SuffixIndex([whole[:10], whole[:0], whole[10:30], whole[30:]])
    ) == Match(20, 10, 2, 0)


@pytest.mark.parametrize("size", [1, memorization.MAX_PAIRS])
def test_of_equal_matches_the_first_is_returned(size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memorization, "MAX_PAIRS", size)
    piece, other = make_random_line(5, 20), make_random_line(6, 20)
    sample = np.concatenate([other[3:15], piece[4:16]])
    match = find_longest_match(sample, SuffixIndex([piece, other, piece, other]))
    assert match == Match(12, 0, 1, 3)


def test_a_longer_run_later_on_is_not_missed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memorization, "MAX_PAIRS", 1)
    piece = make_random_line(5, 100)
    sample = np.concatenate([piece[50:62], piece[20:35], piece[70:80]])
    assert find_longest_match(sample, SuffixIndex([piece])) == Match(15, 12, 0, 20)


def test_a_model_stuck_on_a_key_is_measured_in_no_time() -> None:
    # Three million pairs of places agree; to follow each from where it stands would take fifty times as long.
    assert find_longest_match(
        make_line([60] * 1000), SuffixIndex([make_line([72] * 3000)])
    ) == Match(1000, 0, 0, 0)


def test_the_widest_intervals_are_intervals() -> None:
    assert find_longest_match(
        make_line([127, 0, 127]), SuffixIndex([make_line([5, 127, 0, 127, 3])])
    ) == Match(3, 0, 0, 1)


def test_nothing_to_compare() -> None:
    assert find_longest_match(make_line([]), SuffixIndex([make_line([60, 62])])) == Match(
        0, 0, 0, 0
    )
    assert find_longest_match(make_line([60, 62]), SuffixIndex([])) == Match(0, 0, 0, 0)
    assert find_longest_match(
        make_line([60, 62]), SuffixIndex([make_line([]), make_line([9])])
    ) == Match(1, 0, 1, 0)
    assert find_longest_match(make_line([60]), SuffixIndex([make_line([7, 9])])) == Match(
        1, 0, 0, 0
    )
