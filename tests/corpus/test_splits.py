import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.errors import CorpusError
from pipeline.corpus import splits

NAMES = st.lists(st.text(max_size=12), min_size=1, max_size=60)


@given(names=NAMES)
def test_a_composition_has_one_split_and_order_does_not_matter(names):
    given = dict(zip(names, splits.split_by_hash(names), strict=True))
    assert splits.split_by_hash(names) == [given[name] for name in names]
    assert splits.split_by_hash(names[::-1]) == [given[name] for name in names[::-1]]
    assert splits.find_leaks(names, splits.split_by_hash(names)) == []


@given(names=st.lists(st.text(max_size=12), min_size=1, max_size=60, unique=True))
def test_a_small_corpus_has_every_split_it_can(names):
    expected = {1: {"train"}, 2: {"train", "validation"}}.get(len(names), set(splits.SPLITS))
    assert set(splits.split_by_hash(names)) == expected


def test_shares_are_8_1_1_and_stay_when_files_are_added():
    names = [f"piece {number}" for number in range(5000)]
    before = splits.split_by_hash(names)
    shares = [before.count(split) / len(names) for split in splits.SPLITS]
    assert shares == pytest.approx([0.8, 0.1, 0.1], abs=0.02)
    more = [f"another {number}" for number in range(500)]
    assert splits.split_by_hash(more + names)[500:] == before


def test_splits_are_the_same_for_ever():
    # The first 8 bytes of sha256 over 2^64 put g at 0.801, the only one over 0.8, a at 0.791 and all others below.
    given = dict(zip("abcdefgh", splits.split_by_hash(list("abcdefgh")), strict=True))
    assert given == dict.fromkeys("bcdefh", "train") | {"a": "validation", "g": "test"}


def test_a_composition_in_two_splits_is_named_with_the_remedy():
    with pytest.raises(
        CorpusError, match=r"composition 'Haydn' is in train and test, .* one split in the manifest"
    ):
        splits.find_leaks(["Haydn", "Bach", "Haydn"], ["test", "train", "train"])


def test_pieces_that_a_composition_or_a_work_joins_have_one_name() -> None:
    compositions = ["Sonata", "Adagio", "Waltz", "Sonata", "Polka", "Album"]
    works = ["a", "b", "c", "b", "c", "f"]
    assert splits.join_compositions(compositions, works) == [
        "Adagio",
        "Adagio",
        "Polka",
        "Adagio",
        "Polka",
        "Album",
    ]


def test_pieces_that_nothing_joins_keep_their_names() -> None:
    names = [f"piece {number}" for number in range(50)]
    assert splits.join_compositions(names, names) == names


def test_an_accepted_leak_is_returned_and_others_still_fail():
    names, given = ["Haydn", "Haydn", "Bach", "Bach"], ["train", "validation", "train", "train"]
    assert splits.find_leaks(names, given, ["Haydn", "Bach"]) == ["Haydn"]
    with pytest.raises(CorpusError, match="Haydn"):
        splits.find_leaks(names, given, ["Bach"])
