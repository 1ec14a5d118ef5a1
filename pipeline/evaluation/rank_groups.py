"""Rank groups: models that share a letter are tied.

Source: compact letter display, Piepho, "An algorithm for a letter-based representation of all-pairwise comparisons",
J. Comput. Graph. Statist. 13, 2004 (insert and absorb).
"""

from collections.abc import Collection, Sequence
from string import ascii_lowercase


def assign_letters(
    ranked: Sequence[str], differences: Collection[tuple[str, str]]
) -> dict[str, str]:
    """Return the letters of each model, `a` for the best.

    Args:
        ranked: names, the best first.
        differences: pairs that differ; all others are tied.
    """
    groups = [frozenset(ranked)]
    for pair in differences:
        groups = _separate(groups, pair)
    groups.sort(key=lambda group: [ranked.index(name) for name in ranked if name in group])
    return {
        name: "".join(
            letter for letter, group in zip(_letters(groups), groups, strict=True) if name in group
        )
        for name in ranked
    }


def _separate(groups: list[frozenset[str]], pair: tuple[str, str]) -> list[frozenset[str]]:
    """Split every group that holds both of a pair, and drop groups that lie inside another."""
    split: list[frozenset[str]] = []
    for group in groups:
        if set(pair) <= group:
            split += [group - {name} for name in pair]
        else:
            split.append(group)
    unique = list(dict.fromkeys(split))
    return [group for group in unique if not any(group < other for other in unique)]


def _letters(groups: Sequence[object]) -> list[str]:
    """Return a letter for each group: a to z, then a2, b2 and so on."""
    return [
        ascii_lowercase[index % 26] + (str(index // 26 + 1) if index >= 26 else "")
        for index in range(len(groups))
    ]
