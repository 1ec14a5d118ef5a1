"""Places of prompts in held-out pieces."""

from collections.abc import Sequence

import numpy as np


def place_prompts(piece_lengths: Sequence[int], num_prompts: int, span: int) -> list[list[int]]:
    """Return where prompts start in each piece: evenly spaced, and with `span` notes each that no two share.

    All pieces have equally many prompts, but for those too short for their share; the others have theirs too.

    Args:
        piece_lengths: notes of each piece.
        num_prompts: prompts in all; fewer are returned where the pieces have no room for them.
        span: notes that belong to a prompt, itself included.
    """
    room = [length // span for length in piece_lengths]
    counts = [0] * len(room)
    num_left = min(num_prompts, sum(room))
    while num_left:
        open_pieces = [piece for piece, count in enumerate(counts) if count < room[piece]]
        # Fewer prompts than pieces: every n-th piece has one, not the first ones.
        spread = np.linspace(0, len(open_pieces) - 1, min(num_left, len(open_pieces)))
        for index in spread.astype(int):
            counts[open_pieces[index]] += 1
        num_left -= len(spread)
    return [
        [number * length // count for number in range(count)]
        for length, count in zip(piece_lengths, counts, strict=True)
    ]
