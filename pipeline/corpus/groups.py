"""Groups of pieces that pairs join, directly or through others."""

from array import array
from collections.abc import Iterable, Sequence


def join_pairs(num_pieces: int, pairs: Iterable[Sequence[int]]) -> list[list[int]]:
    """Return groups of two or more pieces that pairs join, directly or through others.

    Args:
        num_pieces: pieces that there are, numbered from 0.
        pairs: numbers of two pieces each.

    Returns:
        Numbers of the pieces of each group, in order; groups in order of their first pieces.
    """
    first_of = array("q", range(num_pieces))

    def find_first(piece: int) -> int:
        """Return the first piece of a group; shortens the path to it."""
        while first_of[piece] != piece:
            first_of[piece] = first_of[first_of[piece]]
            piece = first_of[piece]
        return piece

    for one, other in pairs:
        low, high = sorted((find_first(one), find_first(other)))
        first_of[high] = low
    groups: dict[int, list[int]] = {}
    for piece in range(num_pieces):
        if first_of[piece] != piece:
            first = find_first(piece)
            groups.setdefault(first, [first]).append(piece)
    return [groups[first] for first in sorted(groups)]
