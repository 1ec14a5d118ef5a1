"""The split of each piece: all pieces of a composition are in one split.

Where a manifest gives no split, the hash of the name of the composition decides. It is a number from 0 to 1: below 0.8
is training, below 0.9 validation, the rest test. A composition keeps its split when others are added or removed. Only
where a split would be empty, as in a small corpus, does it get the compositions nearest to its border.
"""

import hashlib
from bisect import bisect_left
from collections.abc import Collection, Sequence

from pipeline.core.errors import CorpusError
from pipeline.corpus.groups import join_pairs

SPLITS = ("train", "validation", "test")
TRAIN_END, VALIDATION_END = 0.8, 0.9
"""Upper ends of training and of validation."""


def split_by_hash(compositions: Sequence[str]) -> list[str]:
    """Give every piece the split of its composition.

    One composition is training; two are training and validation; of three or more, every split has at least one.

    Args:
        compositions: name of the composition of each piece.

    Returns:
        The split of each piece, in the same order.
    """
    ordered = sorted((_hash_to_fraction(name), name) for name in set(compositions))
    fractions = [fraction for fraction, _ in ordered]
    num_train = max(1, min(bisect_left(fractions, TRAIN_END), len(ordered) - 2))
    validation_end = bisect_left(fractions, VALIDATION_END)
    validation_end = max(num_train + 1, min(validation_end, len(ordered) - 1))
    split_of = {}
    for index, (_, name) in enumerate(ordered):
        split_of[name] = SPLITS[(index >= num_train) + (index >= validation_end)]
    return [split_of[name] for name in compositions]


def join_compositions(compositions: Sequence[str], works: Sequence[str]) -> list[str]:
    """Return one name for all pieces that a composition or a work joins, directly or through others.

    Two files of one work can have two names of compositions, such as that of a collection and that of a part of it.

    Args:
        compositions: name of the composition of each piece.
        works: of each piece, the first one of the same work by its notes.

    Returns:
        The first name by alphabet of the joined compositions of each piece, in the same order.
    """
    pairs = []
    for names in (compositions, works):
        first_with: dict[str, int] = {}
        pairs += [(first_with.setdefault(name, piece), piece) for piece, name in enumerate(names)]
    joined = list(compositions)
    for group in join_pairs(len(joined), pairs):
        name = min(compositions[piece] for piece in group)
        for piece in group:
            joined[piece] = name
    return joined


def _hash_to_fraction(name: str) -> float:
    """Return the hash of a name as a number from 0 to 1."""
    return int.from_bytes(hashlib.sha256(name.encode("utf-8")).digest()[:8]) / 2**64


def find_leaks(
    compositions: Sequence[str], splits: Sequence[str], accepted: Collection[str] = ()
) -> list[str]:
    """Check that no composition is in two splits.

    Args:
        compositions: name of the composition of each piece.
        splits: split of each piece.
        accepted: compositions that may be in several, named in the manifest.

    Returns:
        The accepted compositions that are in several splits.

    Raises:
        CorpusError: names a composition that is in several, and says what to do.
    """
    splits_of: dict[str, set[str]] = {}
    for composition, split in zip(compositions, splits, strict=True):
        splits_of.setdefault(composition, set()).add(split)
    leaks = [name for name in sorted(splits_of) if len(splits_of[name]) > 1]
    for name in leaks:
        if name not in accepted:
            names = " and ".join(split for split in SPLITS if split in splits_of[name])
            raise CorpusError(
                f"composition {name!r} is in {names}, so a model is tested on what it was trained on; "
                "give all its pieces one split in the manifest"
            )
    return leaks
