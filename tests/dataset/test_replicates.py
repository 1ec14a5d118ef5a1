"""Replicates of a corpus, on pieces of random lengths of which several may be of one composition."""

from collections import Counter

import numpy as np
import pytest
from factories import make_window_dataset
from hypothesis import assume, given
from hypothesis import strategies as st

from pipeline.config.schema import ReplicatesConfig
from pipeline.core.errors import DataError
from pipeline.dataset import replicates, windows
from pipeline.dataset.replicates import UNUSED, ReplicatePlan, assign_folds, derive_seed, make_plan
from pipeline.dataset.windows import WindowDataset
from pipeline.notes.quantize import PITCH

PIECES = st.lists(
    st.tuples(st.integers(1, 40), st.sampled_from("abcdefg")), min_size=3, max_size=14
)
"""Length and composition of each piece."""
SCHEMES = st.sampled_from(["cross_validation", "seeds"])
T = 4


def make_corpus(
    pieces: list[tuple[int, str]], splits: list[str] | None = None, max_train_notes: int = 0
) -> WindowDataset:
    """Make a corpus; all notes of piece k have the pitch k."""
    notes = [np.zeros((length, 4), np.int16) for length, _ in pieces]
    for number, piece in enumerate(notes):
        piece[:, PITCH] = number
    names = ("train", "validation", "test")
    return make_window_dataset(
        notes,
        splits or [names[number % 3] for number in range(len(pieces))],
        sequence_length=T,
        compositions=[composition for _, composition in pieces],
        max_train_notes=max_train_notes,
    )


def cross_validate(dataset: WindowDataset, count: int) -> ReplicatePlan:
    return make_plan(dataset, ReplicatesConfig(count=count, scheme="cross_validation"))


def count_compositions(pieces: list[tuple[int, str]]) -> int:
    return len({composition for _, composition in pieces})


@given(PIECES, st.integers(3, 5))
def test_every_composition_is_held_out_whole_and_once_for_each_purpose(pieces, count):
    assume(count <= count_compositions(pieces))
    plan = cross_validate(make_corpus(pieces), count)
    assert (plan.scheme, plan.get_deciding_split("validation")) == ("cross_validation", "test")
    uses = Counter()
    for replicate in range(1, count + 1):
        dataset = plan.select(replicate)
        parts = {
            split: set(dataset.select_compositions(split))
            for split in ("train", "validation", "test")
        }
        assert all(parts.values())
        assert sum(map(len, parts.values())) == count_compositions(pieces)
        for split, compositions in parts.items():
            uses.update((split, name) for name in compositions)
    for name in {composition for _, composition in pieces}:
        assert [uses[split, name] for split in ("test", "validation", "train")] == [1, 1, count - 2]


@given(PIECES, st.integers(1, 9))
def test_folds_are_balanced_by_notes(pieces, count):
    lengths = Counter()
    for length, composition in pieces:
        lengths[composition] += length
    assume(count <= len(lengths))
    folds = assign_folds(make_corpus(pieces), count)
    notes = Counter()
    for (length, _), fold in zip(pieces, folds.tolist(), strict=True):
        notes[fold] += length
    assert sorted(notes) == list(range(1, count + 1))
    # The shortest fold received the last composition of every other: without it, none is longer.
    assert max(notes.values()) - min(notes.values()) <= max(lengths.values())


def test_folds_of_a_worked_example():
    dataset = make_corpus([(5, "a"), (9, "b"), (7, "c"), (3, "a"), (2, "d")])
    # b has 9 notes, a has 8 in two pieces, c has 7; d goes to c, whose fold is the shortest.
    assert assign_folds(dataset, 3).tolist() == [2, 1, 3, 2, 3]


@given(PIECES, st.integers(2, 5), st.randoms())
def test_folds_do_not_depend_on_the_order_of_pieces(pieces, count, random):
    assume(count <= count_compositions(pieces))
    order = list(range(len(pieces)))
    random.shuffle(order)
    folds = assign_folds(make_corpus(pieces), count)
    shuffled = assign_folds(make_corpus([pieces[number] for number in order]), count)
    assert shuffled.tolist() == folds[order].tolist()


@given(PIECES, SCHEMES, st.integers(0, 200))
def test_windows_are_all_those_of_training_pieces(pieces, scheme, max_train_notes):
    assume(count_compositions(pieces) >= 3)
    dataset = make_corpus(pieces, max_train_notes=max_train_notes)
    plan = make_plan(dataset, ReplicatesConfig(count=3, scheme=scheme))
    for replicate in (1, 2, 3):
        data = plan.select(replicate)
        notes = data.gather(np.arange(data.num_windows))
        training = np.flatnonzero(data.splits == "train")
        expected = {piece: pieces[piece][0] - T for piece in training if pieces[piece][0] > T}
        assert Counter(notes[:, -1, PITCH].tolist()) == expected
        assert (notes[:, :, PITCH] == notes[:, -1:, PITCH]).all()


@given(PIECES, SCHEMES, st.integers(1, 200))
def test_a_note_limit_takes_whole_training_pieces_from_the_first_on(pieces, scheme, limit):
    assume(count_compositions(pieces) >= 3)
    config = ReplicatesConfig(count=3, scheme=scheme)
    whole = make_plan(make_corpus(pieces), config)
    limited = make_plan(make_corpus(pieces, max_train_notes=limit), config)
    for replicate in (1, 2, 3):
        before, after = (plan.select(replicate).splits for plan in (whole, limited))
        training = np.flatnonzero(before == "train")
        sums = np.cumsum([pieces[piece][0] for piece in training])
        expected = before.astype("<U10")
        expected[training[sums > limit]] = UNUSED
        assert after.tolist() == expected.tolist()


@given(PIECES, st.integers(1, 5))
def test_seeds_keep_the_splits_of_the_corpus(pieces, count):
    dataset = make_corpus(pieces)
    plan = make_plan(dataset, ReplicatesConfig(count=count, scheme="seeds"))
    assert (plan.scheme, plan.count, plan.get_deciding_split("validation")) == (
        "seeds",
        count,
        "validation",
    )
    for replicate in range(1, count + 1):
        assert plan.select(replicate).splits.tolist() == dataset.splits.tolist()


@pytest.mark.parametrize(
    ("num_held_out", "num_training", "count", "scheme"),
    [
        (19, 1, 3, "cross_validation"),
        (20, 1, 3, "seeds"),
        (1, 4, 5, "cross_validation"),
        (1, 4, 6, "seeds"),
        (1, 1, 3, "seeds"),
        (1, 4, 2, "seeds"),
        (1, 4, 1, "seeds"),
    ],
)
def test_the_scheme_follows_from_how_much_is_held_out(num_held_out, num_training, count, scheme):
    splits = ["validation"] * num_held_out + ["train"] * num_training
    pieces = [(5, f"composition {number}") for number in range(len(splits))]
    dataset = make_corpus(pieces, splits)
    assert make_plan(dataset, ReplicatesConfig(count=count, scheme="auto")).scheme == scheme


def test_performances_of_one_composition_are_one_held_out_composition():
    pieces = [(5, "a")] * 30 + [(5, "b"), (5, "c")]
    dataset = make_corpus(pieces, ["validation"] * 30 + ["train"] * 2)
    plan = make_plan(dataset, ReplicatesConfig(count=3, scheme="auto"))
    assert plan.scheme == "cross_validation"


@pytest.mark.parametrize("count", [1, 2, 5])
def test_too_few_folds_or_compositions_are_one_line(count):
    dataset = make_corpus([(5, name) for name in "abcd"])
    problem = (
        rf"^replicates\.count is {count}, and cross-validation of 4 compositions needs 3 to 4; "
        r"change it, or set replicates\.scheme to seeds$"
    )
    with pytest.raises(DataError, match=problem):
        cross_validate(dataset, count)


def test_the_first_replicate_is_that_of_the_plan(tmp_path):
    dataset = make_corpus([(9, name) for name in "abcd"])
    path = tmp_path / "index.npz"
    windows.save_windows(dataset, path)
    config = ReplicatesConfig(count=4, scheme="auto")
    held_out = replicates.load_first_replicate(path, config, "validation")
    expected = make_plan(dataset, config).select(1)
    assert held_out.split == "test"
    assert held_out.dataset.splits.tolist() == expected.splits.tolist()
    assert len(held_out.select_pieces()) == 1


def test_seeds_of_runs_and_replicates_are_distinct():
    seeds = [derive_seed(seed, replicate) for seed in range(100) for replicate in range(1, 100)]
    assert len(set(seeds)) == len(seeds)
    assert all(0 <= seed < 2**32 for seed in seeds)


@given(st.integers(0, 2**31), st.integers(1, 98))
def test_a_seed_is_a_function_of_run_and_replicate(seed, replicate):
    assert derive_seed(seed, replicate) == derive_seed(seed, replicate)
    assert derive_seed(seed, replicate) != derive_seed(seed, replicate + 1)
    assert derive_seed(seed, replicate) != derive_seed(seed + 1, replicate)
