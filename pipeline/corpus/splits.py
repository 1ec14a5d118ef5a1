"""Piece to split: all pieces of a composition go to one split, for ever.

Where nobody says better, the name of a composition decides: its hash is a number from 0 to 1, up to 0.8 is training, up
to 0.9 validation, the rest test. A composition keeps its split when others come and go. Only where this leaves a split
empty, as in a small corpus, do the compositions nearest to the border cross it.
"""

import hashlib
from bisect import bisect_left
from collections.abc import Collection, Sequence

from pipeline.core.errors import CorpusError

SPLITS = ("train", "validation", "test")
TRAIN_END, VALIDATION_END = 0.8, 0.9
"""Upper ends of the shares of training and validation."""


def split_by_hash(compositions: Sequence[str]) -> list[str]:
    """Give every piece the split of its composition.

    One composition is training; two are training and validation; of three or more, every split has at least one.

    Args:
        compositions: name of the composition of each piece.

    Returns:
        The split of each piece, in the same order.
    """
    row = sorted(set(compositions), key=lambda name: (_hash_to_fraction(name), name))
    places = [_hash_to_fraction(name) for name in row]
    first = max(1, min(bisect_left(places, TRAIN_END), len(row) - 2))
    second = max(first + 1, min(bisect_left(places, VALIDATION_END), len(row) - 1))
    split = {name: SPLITS[(at >= first) + (at >= second)] for at, name in enumerate(row)}
    return [split[name] for name in compositions]


def _hash_to_fraction(name: str) -> float:
    """Return where the hash of a name lies between 0 and 1."""
    return int.from_bytes(hashlib.sha256(name.encode("utf-8")).digest()[:8]) / 2**64


def find_leaks(
    compositions: Sequence[str], splits: Sequence[str], accepted: Collection[str] = ()
) -> list[str]:
    """Hold that no composition is in two splits.

    Args:
        compositions: name of the composition of each piece.
        splits: split of each piece.
        accepted: compositions that may be in several, named in the manifest.

    Returns:
        The accepted compositions that are in several splits.

    Raises:
        CorpusError: names a composition that is in several, and the remedy.
    """
    found: dict[str, set[str]] = {}
    for composition, split in zip(compositions, splits, strict=True):
        found.setdefault(composition, set()).add(split)
    leaks = {name: its for name, its in sorted(found.items()) if len(its) > 1}
    for name, its in leaks.items():
        if name not in accepted:
            where = " and ".join(split for split in SPLITS if split in its)
            raise CorpusError(
                f"composition {name!r} is in {where}, so a model is tested on what it was trained on; "
                "give all its pieces one split in the manifest"
            )
    return list(leaks)
