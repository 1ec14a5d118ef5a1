"""Letters of rank groups, against the definition of a compact letter display."""

from itertools import chain, combinations

from hypothesis import given
from hypothesis import strategies as st

from pipeline.evaluation.rank_groups import assign_letters

NAMES = "pqrstuvw"
"""Models, the best first."""
PAIRS = list(combinations(NAMES, 2))
DIFFERENCES = st.sets(st.sampled_from(PAIRS))


def find_largest_tied_sets(names: str, differences: set[tuple[str, str]]) -> set[frozenset[str]]:
    """Return all sets of models of which every two are tied and that no other such set contains, by trying all."""
    subsets = chain.from_iterable(combinations(names, size) for size in range(1, len(names) + 1))
    tied = [
        frozenset(subset)
        for subset in subsets
        if not any(pair in differences for pair in combinations(subset, 2))
    ]
    return {group for group in tied if not any(group < other for other in tied)}


def read_groups(letters: dict[str, str]) -> dict[str, frozenset[str]]:
    """Return the models of each letter."""
    groups: dict[str, set[str]] = {}
    for name, own in letters.items():
        for letter in own:
            groups.setdefault(letter, set()).add(name)
    return {letter: frozenset(names) for letter, names in groups.items()}


@given(DIFFERENCES)
def test_two_models_share_a_letter_if_and_only_if_they_are_tied(differences):
    letters = assign_letters(NAMES, differences)
    assert list(letters) == list(NAMES)
    for first, second in PAIRS:
        share = set(letters[first]) & set(letters[second])
        assert bool(share) == ((first, second) not in differences)


@given(DIFFERENCES)
def test_groups_are_the_largest_sets_of_tied_models(differences):
    groups = read_groups(assign_letters(NAMES, differences))
    assert set(groups.values()) == find_largest_tied_sets(NAMES, differences)
    assert len(set(groups.values())) == len(groups)


@given(DIFFERENCES)
def test_the_best_has_the_first_letter_and_letters_follow_the_rank(differences):
    letters = assign_letters(NAMES, differences)
    assert letters[NAMES[0]].startswith("a")
    first_models = [
        min(group, key=NAMES.index) for _, group in sorted(read_groups(letters).items())
    ]
    assert first_models == sorted(first_models, key=NAMES.index)


@given(DIFFERENCES, st.randoms())
def test_neither_the_order_of_differences_nor_of_a_pair_counts(differences, random):
    expected = assign_letters(NAMES, sorted(differences))
    turned = [pair if random.random() < 0.5 else pair[::-1] for pair in differences]
    random.shuffle(turned)
    assert assign_letters(NAMES, turned) == expected


def test_letters_of_a_worked_example():
    # p is tied with q, q with r, and p differs from r: q stands in both groups.
    assert assign_letters("pqrs", [("p", "r"), ("p", "s"), ("q", "s"), ("r", "s")]) == {
        "p": "a",
        "q": "ab",
        "r": "b",
        "s": "c",
    }


def test_all_tied_and_all_different():
    assert assign_letters("pqr", []) == {"p": "a", "q": "a", "r": "a"}
    assert assign_letters("pqr", list(combinations("pqr", 2))) == {"p": "a", "q": "b", "r": "c"}


def test_letters_go_on_after_z():
    names = [f"model {number}" for number in range(28)]
    letters = assign_letters(names, list(combinations(names, 2)))
    assert [letters[names[number]] for number in (0, 25, 26, 27)] == ["a", "z", "a2", "b2"]
