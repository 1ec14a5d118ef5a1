"""Passages, on pieces whose notes can be told apart: pitch says which piece, step which note of it."""

from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
from factories import make_quantized_notes, make_window_dataset
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.config.schema import StatefulTraining
from pipeline.core.errors import DataError
from pipeline.dataset.segments import Segment, SegmentSampler
from pipeline.dataset.windows import WindowDataset
from pipeline.notes import active_notes, recall
from pipeline.notes.quantize import DURATION, PITCH, STEP, VELOCITY

LENGTHS = st.lists(st.integers(1, 60), min_size=1, max_size=6).filter(
    lambda lengths: max(lengths) > 1
)
SEGMENT, SEGMENTS = st.integers(2, 5), st.integers(1, 4)


def make_corpus(lengths: list[int], splits: str = "", spread: int = 1) -> WindowDataset:
    """Make pieces of which all notes of piece k have the pitch `spread` k, and note n has the step n."""
    codes = np.zeros((sum(lengths), 4), np.int16)
    codes[:, PITCH] = np.repeat(np.arange(len(lengths)) * spread, lengths)
    codes[:, STEP] = np.concatenate([np.arange(length) for length in lengths])
    codes[:, DURATION] = codes[:, STEP] * 7 % 50 + 1
    codes[:, VELOCITY] = codes[:, STEP] % 127 + 1
    names = {"t": "train", "v": "validation", "x": "test"}
    kept = [names[letter] for letter in splits or "t" * len(lengths)]
    pieces = np.split(codes, np.cumsum(lengths)[:-1])
    return make_window_dataset(pieces, kept, sequence_length=5)


def make_recipe(
    segment: int = 4, segments: int = 2, streams: int = 1, **more: float
) -> StatefulTraining:
    rest = {
        "warmup": 0.0,
        "max_transpose": 0,
        "max_tempo_change": 0.0,
        "max_velocity_shift": 0,
        **more,
    }
    return StatefulTraining.model_validate(
        {"batch_size": streams, "bptt_length": segment, "segments_per_passage": segments, **rest}
    )


def read_all_passages(
    data: WindowDataset, recipe: StatefulTraining, number: int = 0, seed: int = 0
) -> list[Segment]:
    """Read all passages of an epoch, one at a time."""
    passages = SegmentSampler(data, recipe, seed)
    return list(passages.sample_epoch(number, passages.num_passages * passages.passage_length))


def count_targets(segments: list[Segment]) -> Counter[tuple[int, int]]:
    """Count how often each note (piece, place) was a target."""
    notes = [(s.notes[:, 1:][s.mask == 1]) for s in segments]
    return Counter((int(code[PITCH]), int(code[STEP])) for code in np.concatenate(notes))


def group_by_round(segments: list[Segment]) -> list[list[Segment]]:
    """Gather the segments of each round of passages."""
    rounds: list[list[Segment]] = []
    for segment in segments:
        if segment.is_first:
            rounds.append([])
        rounds[-1].append(segment)
    return rounds


def join_segments(parts: list[Segment]) -> tuple[np.ndarray, np.ndarray]:
    """Return a round of passages without its cuts: codes [B, N + 1, 4] and active notes [B, N + 1, 128]."""
    codes = [parts[0].notes, *(part.notes[:, 1:] for part in parts[1:])]
    active = [parts[0].active, *(part.active[:, 1:] for part in parts[1:])]
    return np.concatenate(codes, axis=1), np.concatenate(active, axis=1)


def are_equal(one: list[Segment], other: list[Segment]) -> bool:
    return len(one) == len(other) and all(
        a.is_first == b.is_first
        and all(np.array_equal(getattr(a, f), getattr(b, f)) for f in ("notes", "active", "mask"))
        for a, b in zip(one, other, strict=True)
    )


@given(
    lengths=LENGTHS,
    segment=SEGMENT,
    segments=SEGMENTS,
    streams=st.integers(1, 4),
    seed=st.integers(0, 99),
)
def test_a_target_is_the_next_note_of_the_same_piece(lengths, segment, segments, streams, seed):
    recipe = make_recipe(segment, segments, streams)
    for part in SegmentSampler(make_corpus(lengths), recipe, seed).sample_epoch(
        1, 3 * streams * segment * segments
    ):
        assert part.notes.shape == (streams, segment + 1, 4)
        assert part.mask.shape == (streams, segment)
        notes, after = part.notes[:, :-1], part.notes[:, 1:]
        is_target = part.mask == 1
        assert ((part.mask == 0) | is_target).all()
        assert (part.notes[..., PITCH] == part.notes[:, :1, PITCH]).all()
        assert (after[..., STEP][is_target] == notes[..., STEP][is_target] + 1).all()
        # Beyond the end of a piece or passage, the last note is repeated and the mask is 0.
        assert (after[..., STEP][~is_target] == notes[..., STEP][~is_target]).all()


@given(
    lengths=LENGTHS,
    segment=SEGMENT,
    segments=SEGMENTS,
    seed=st.integers(0, 99),
    number=st.integers(0, 3),
)
def test_in_one_pass_every_note_but_the_first_of_a_piece_is_a_target_once(
    lengths, segment, segments, seed, number
):
    counts = count_targets(
        read_all_passages(make_corpus(lengths), make_recipe(segment, segments), number, seed)
    )
    assert counts == {
        (piece, place): 1 for piece, length in enumerate(lengths) for place in range(1, length)
    }


def test_passages_begin_at_other_notes_in_another_pass():
    data = make_corpus([50, 61, 43])
    begins = [
        {
            tuple(p[0].notes[0, 0, [PITCH, STEP]])
            for p in group_by_round(read_all_passages(data, make_recipe(), n))
        }
        for n in range(4)
    ]
    assert len(set(map(frozenset, begins))) == 4
    assert all({(0, 0), (1, 0), (2, 0)} <= each for each in begins)


@settings(max_examples=40)
@given(lengths=st.lists(st.integers(1, 40), min_size=6, max_size=6), seed=st.integers(0, 99))
def test_no_held_out_note_is_ever_read(lengths, seed):
    data = make_corpus([*lengths, 9], "vtxvtxt")
    recipe = make_recipe(3, 2, 3)
    for number in range(4):
        read = {
            int(p)
            for part in SegmentSampler(data, recipe, seed).sample_epoch(number, 200)
            for p in part.notes[..., PITCH].flat
        }
        assert read <= {1, 4, 6}


def test_a_corpus_without_two_training_notes_says_why():
    with pytest.raises(DataError, match="give some pieces the split 'train'"):
        SegmentSampler(make_corpus([1, 40, 1], "tvt"), make_recipe(), 0)


@settings(max_examples=40)
@given(lengths=LENGTHS, segments=SEGMENTS, streams=st.integers(1, 3), more=st.integers(0, 100))
def test_an_epoch_has_no_more_targets_than_asked_for(lengths, segments, streams, more):
    recipe, notes = make_recipe(4, segments, streams), streams * 4 * segments + more
    parts = list(SegmentSampler(make_corpus(lengths), recipe, 0).sample_epoch(2, notes))
    assert sum(part.mask.sum() for part in parts) <= notes
    assert len(group_by_round(parts)) == notes // (streams * 4 * segments)
    assert all(part.mask.any() for part in parts)


@pytest.mark.slow
@given(lengths=LENGTHS, segments=SEGMENTS, streams=st.integers(1, 3), seed=st.integers(0, 99))
def test_a_segment_goes_on_with_the_last_note_of_the_one_before(lengths, segments, streams, seed):
    parts = list(
        SegmentSampler(make_corpus(lengths), make_recipe(3, segments, streams), seed).sample_epoch(
            0, 200
        )
    )
    assert not parts or parts[0].is_first
    for before, after in pairwise(parts):
        if not after.is_first:
            assert np.array_equal(after.notes[:, 0], before.notes[:, -1])
    assert all(len(each) <= segments for each in group_by_round(parts))


@settings(max_examples=40)
@given(
    lengths=LENGTHS, segments=SEGMENTS, seed=st.integers(0, 99), stretch=st.sampled_from([0.0, 0.2])
)
def test_what_is_left_is_as_if_the_passage_began_in_silence(lengths, segments, seed, stretch):
    data, recipe = (
        make_corpus(lengths),
        make_recipe(4, segments, 2, max_transpose=5, max_tempo_change=stretch),
    )
    # Chords and notes that sound on into the next segments.
    (notes,) = data.notes.shards
    notes[:, PITCH], notes[:, STEP] = 60 + notes[:, STEP] % 5, notes[:, STEP] % 3 * 6
    for parts in group_by_round(list(SegmentSampler(data, recipe, seed).sample_epoch(0, 100))):
        codes, active = join_segments(parts)
        assert np.array_equal(
            active,
            active_notes.active_before_each(codes, active_notes.no_active_notes(len(codes)))[0],
        )


VARIED = {"max_transpose": 5, "max_tempo_change": 0.2, "max_velocity_shift": 9}


def test_an_epoch_is_the_same_whatever_was_read_before():
    data, recipe = make_corpus([50, 61, 8]), make_recipe(streams=2, **VARIED)
    passages = SegmentSampler(data, recipe, 3)
    for number in range(3):
        assert list(passages.sample_epoch(number, 100))
    at_once = list(SegmentSampler(data, recipe, 3).sample_epoch(3, 100))
    assert are_equal(list(passages.sample_epoch(3, 100)), at_once)
    assert not are_equal(list(passages.sample_epoch(2, 100)), at_once)


def test_another_seed_gives_another_order():
    data, recipe = make_corpus([50, 61, 8]), make_recipe(streams=2)
    assert not are_equal(
        list(SegmentSampler(data, recipe, 3).sample_epoch(0, 100)),
        list(SegmentSampler(data, recipe, 4).sample_epoch(0, 100)),
    )


def test_epochs_go_through_the_corpus_pass_by_pass():
    data, recipe = make_corpus([50, 61, 8]), make_recipe()
    at_once = read_all_passages(data, recipe)
    passages = SegmentSampler(data, recipe, 0)
    # A pass is 16 passages, read here in epochs of 4.
    assert passages.num_passages == 16
    assert are_equal(
        [part for number in range(4) for part in passages.sample_epoch(number, 4 * 8)], at_once
    )


def make_pairs(
    data: WindowDataset, seed: int, number: int = 0, **more: float
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return pairs of a passage [N + 1, 4] without and with augmentation."""
    plain, varied = (
        list(SegmentSampler(data, make_recipe(4, 3, 3, **m), seed).sample_epoch(number, 400))
        for m in ({}, more)
    )
    rounds = zip(group_by_round(plain), group_by_round(varied), strict=True)
    return [
        each
        for one, other in rounds
        for each in zip(join_segments(one)[0], join_segments(other)[0], strict=True)
    ]


@settings(max_examples=40)
@given(lengths=st.lists(st.integers(2, 60), min_size=4, max_size=4), seed=st.integers(0, 99))
def test_transposing_moves_all_notes_of_a_passage_alike_and_nothing_else(lengths, seed):
    moved = []
    for codes, varied in make_pairs(
        make_corpus(lengths, spread=42), seed, max_transpose=6
    ):  # pitches 0, 42, 84 and 126
        assert np.array_equal(np.delete(varied, PITCH, axis=1), np.delete(codes, PITCH, axis=1))
        by = set((varied[:, PITCH] - codes[:, PITCH]).tolist())
        assert len(by) == 1
        assert by <= set(range(-6, 7))
        assert varied[:, PITCH].min() >= 0
        assert varied[:, PITCH].max() <= 127
        moved.append(by.pop())
    assert len(set(moved)) > 1


def test_a_passage_from_the_lowest_to_the_highest_key_stays_where_it_is():
    data = make_corpus([60])
    (notes,) = data.notes.shards
    notes[::2, PITCH], notes[1::2, PITCH] = 0, 127
    assert all(
        np.array_equal(codes, varied) for codes, varied in make_pairs(data, 0, max_transpose=12)
    )


def test_both_ends_of_the_transposition_come():
    moved = {
        int(v[0, PITCH] - c[0, PITCH])
        for n in range(20)
        for c, v in make_pairs(make_corpus([99, 99], spread=60), 0, n, max_transpose=3)
    }
    assert moved >= {0, 1, 2, 3}
    assert moved == set(range(-3, 4))


def test_passages_are_varied_anew_in_each_epoch_and_by_the_seed():
    data = make_corpus([300, 300])
    data.notes.shards[0][:, PITCH] = 60

    def moved(seed: int, number: int) -> tuple[int, ...]:
        varied = make_pairs(data, seed, number, max_transpose=12)
        return tuple(int(other[0, PITCH] - codes[0, PITCH]) for codes, other in varied)

    assert len({moved(0, 0), moved(0, 1), moved(1, 0), moved(1, 1)}) == 4


@settings(max_examples=40)
@given(lengths=st.lists(st.integers(2, 60), min_size=2, max_size=4), seed=st.integers(0, 99))
def test_a_passage_is_stretched_by_one_tempo_and_stays_on_the_grid(lengths, seed):
    data = make_corpus(lengths)
    data.notes.shards[0][::7, DURATION] = 1000
    for codes, varied in make_pairs(data, seed, max_tempo_change=0.25):
        assert np.array_equal(varied[:, [PITCH, VELOCITY]], codes[:, [PITCH, VELOCITY]])
        times, stretched = codes[:, [STEP, DURATION]].ravel(), varied[:, [STEP, DURATION]].ravel()
        assert (stretched[times == 0] == 0).all()
        assert stretched.max() <= 1000
        free = (times > 0) & (stretched < 1000)
        low = ((stretched - 0.5) / np.maximum(times, 1))[free].max(initial=0.75)
        high = ((stretched + 0.5) / np.maximum(times, 1))[free].min(initial=1.25)
        assert low <= high


def test_no_stretch_leaves_all_times():
    for codes, varied in make_pairs(
        make_corpus([50, 61]), 0, max_transpose=6, max_velocity_shift=20
    ):
        assert np.array_equal(codes[:, [STEP, DURATION]], varied[:, [STEP, DURATION]])


def test_stretches_go_both_ways():
    ratios = [
        v[:, STEP].sum() / c[:, STEP].sum()
        for c, v in make_pairs(make_corpus([400, 300]), 0, max_tempo_change=0.2)
    ]
    assert min(ratios) < 0.95
    assert max(ratios) > 1.05


@settings(max_examples=40)
@given(lengths=st.lists(st.integers(2, 150), min_size=2, max_size=4), seed=st.integers(0, 99))
def test_a_passage_is_made_louder_or_softer_as_a_whole_within_what_midi_knows(lengths, seed):
    for codes, varied in make_pairs(make_corpus(lengths), seed, max_velocity_shift=30):
        assert np.array_equal(varied[:, :VELOCITY], codes[:, :VELOCITY])
        assert any(
            np.array_equal(varied[:, VELOCITY], np.clip(codes[:, VELOCITY] + by, 1, 127))
            for by in range(-30, 31)
        )


def test_the_corpus_itself_is_never_varied():
    data = make_corpus([50, 61])
    before = data.notes.shards[0].copy()
    read_all_passages(data, make_recipe(**VARIED))
    assert np.array_equal(data.notes.shards[0], before)


def make_pieces() -> list[np.ndarray]:
    """Make pieces whose velocity is the number of each note, of few intervals, so that they have many hints."""
    pieces = [make_quantized_notes(seed, 120) for seed in range(3)]
    for piece in pieces:
        piece[:, VELOCITY] = np.arange(1, 121)
        piece[:, PITCH] = 60 + piece[:, PITCH] % 3
    return pieces


@pytest.mark.parametrize("history", [recall.HISTORY_NOTES, 49])
def test_hints_of_a_passage_are_those_of_its_piece(monkeypatch, history):
    monkeypatch.setattr(recall, "HISTORY_NOTES", history)
    monkeypatch.setattr(recall, "MAX_DISTANCE", history - recall.MATCH_LENGTHS[-1] + 1)
    pieces = make_pieces()
    data = make_window_dataset(pieces, ["train", "test", "train"])
    sampler = SegmentSampler(data, make_recipe(6, 3, 2, max_transpose=5), 0, has_hints=True)
    num_compared = 0
    for part in sampler.sample_epoch(0, 200):
        for notes, hints in zip(part.notes[:, :-1], part.hints, strict=True):
            numbers = notes[:, VELOCITY] - 1
            (piece,) = (
                piece
                for piece in (pieces[0], pieces[2])
                if np.array_equal(piece[numbers, DURATION], notes[:, DURATION])
            )
            shift = notes[0, PITCH] - piece[numbers[0], PITCH]
            transposed = piece.copy()
            transposed[:, PITCH] += shift
            assert np.array_equal(hints, recall.compute_hints(transposed[None])[0, numbers])
            num_compared += np.count_nonzero(hints[:, 0])
    assert num_compared > 50


def test_hints_are_varied_like_the_notes_that_they_are_made_of():
    data = make_window_dataset(make_pieces(), ["train"] * 3)
    recipe = make_recipe(30, 4, 2, max_transpose=5, max_tempo_change=0.2, max_velocity_shift=9)
    parts = list(SegmentSampler(data, recipe, 0, has_hints=True).sample_epoch(0, 240))
    notes, _ = join_segments(parts)
    hints = np.concatenate([part.hints for part in parts], axis=1)
    assert np.array_equal(hints, recall.compute_hints(notes)[:, : hints.shape[1]])
    assert set(np.unique(hints[..., 0])) == set(range(recall.NUM_LEVELS))
    assert len(np.unique(notes[..., PITCH])) > 3
