"""Bits per note.

    bits = -log2 P(pitch, step, duration of the note that came | the notes before)

averaged over held-out notes. Every note of a piece is scored but the first, which is the prompt.

Shapes: N notes of a piece, S scores (a score is of one piece under one replicate).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.notes.quantize import SCORED_FEATURES, list_bits_columns


@dataclass(frozen=True)
class PieceScores:
    """Bits of held-out notes, summed by replicate and piece."""

    replicates: NDArray[np.int64]
    """[S] replicate that scored, from 1."""
    compositions: NDArray[np.str_]
    """[S] composition of the piece; performances of one composition are one unit of the statistics."""
    piece_names: NDArray[np.str_]
    """[S] name of the piece."""
    num_notes: NDArray[np.int64]
    """[S] notes scored."""
    bits: NDArray[np.float64]
    """[S, 3] sums, columns as `SCORED_FEATURES`; then velocity and pedal, which do not count in the total."""

    def compute_bits_per_note(self) -> dict[str, float]:
        """Return mean bits of each head and `bits_per_note`, the sum of those of `SCORED_FEATURES`."""
        mean = self.bits.sum(axis=0) / self.num_notes.sum()
        names = list_bits_columns(len(mean))
        return {
            "bits_per_note": float(mean[: len(SCORED_FEATURES)].sum()),
            **dict(zip(names, map(float, mean), strict=True)),
        }

    def compute_scored_bits(self) -> NDArray[np.float64]:
        """Return the bits [S] that count: all but those of velocity and pedal."""
        return np.asarray(self.bits[:, : len(SCORED_FEATURES)].sum(axis=1))

    def select(self, rows: NDArray[np.bool_] | NDArray[np.int64]) -> "PieceScores":
        """Return some scores: those of a mask [S], or of row numbers in their order."""
        return PieceScores(*(getattr(self, field.name)[rows] for field in fields(self)))

    def describe_design(self) -> str:
        """Return what was scored, such as `10 pieces, 5 replicates`."""
        counts = {"piece": self.piece_names, "replicate": self.replicates}
        numbers = [(len(set(column.tolist())), name) for name, column in counts.items()]
        return ", ".join(f"{count} {name}{'' if count == 1 else 's'}" for count, name in numbers)

    def select_replicate(self, replicate: int) -> "PieceScores":
        """Return the scores of one replicate."""
        return self.select(self.replicates == replicate)

    def to_rows(self) -> list[list[object]]:
        """Return rows of [replicate, composition, piece, notes, pitch, step, …] for JSON, to a ten-thousandth of a bit."""
        labels = zip(
            self.replicates.tolist(),
            self.compositions.tolist(),
            self.piece_names.tolist(),
            self.num_notes.tolist(),
            strict=True,
        )
        return [
            [*label, *(round(float(value), 4) for value in bits)]
            for label, bits in zip(labels, self.bits, strict=True)
        ]

    @classmethod
    def from_rows(cls, rows: Sequence[Sequence[object]]) -> "PieceScores":
        """Read what `to_rows` wrote, now or before there were replicates."""
        rows = _upgrade_rows(rows)
        replicates, compositions, names, num_notes = ([row[k] for row in rows] for k in range(4))
        width = -1 if rows else len(SCORED_FEATURES)
        return cls(
            np.array(replicates, np.int64),
            np.array(compositions, np.str_),
            np.array(names, np.str_),
            np.array(num_notes, np.int64),
            np.array([row[4:] for row in rows], np.float64).reshape(len(rows), width),
        )


def _upgrade_rows(rows: Sequence[Sequence[Any]]) -> Sequence[Sequence[Any]]:
    """Return rows as `to_rows` writes them.

    Older files have rows of [piece, notes, pitch, …] of one replicate, several where a long piece was cut
    to passages.
    """
    if not rows or not isinstance(rows[0][0], str):
        return rows
    sums: dict[str, list[float]] = {}
    for piece, *figures in rows:
        before = sums.get(piece, [0.0] * len(figures))
        sums[piece] = [first + second for first, second in zip(before, figures, strict=True)]
    return [[1, piece, piece, int(notes), *bits] for piece, (notes, *bits) in sums.items()]


def sum_bits(
    replicate: int,
    compositions: Sequence[str],
    piece_names: Sequence[str],
    bits: Iterable[NDArray[np.float64]],
) -> PieceScores:
    """Sum the bits [N, 3 to 5] of each piece that a replicate scored; a piece of one note has none.

    The bits are read once, piece by piece, and not kept.
    """
    rows = [(len(piece), piece.sum(axis=0)) for piece in bits]
    num_notes, sums = zip(*rows, strict=True)
    return make_scores(replicate, compositions, piece_names, num_notes, np.stack(sums))


def make_scores(
    replicate: int,
    compositions: Sequence[str],
    piece_names: Sequence[str],
    num_notes: Sequence[int],
    bit_sums: NDArray[np.float64],
) -> PieceScores:
    """Return the scores of the pieces of a replicate that have a scored note.

    Args:
        replicate: from 1.
        compositions: [P] of each piece.
        piece_names: [P] of each piece.
        num_notes: [P] notes scored of each piece.
        bit_sums: [P, 3 to 5] bits of all notes of each piece.
    """
    scores = PieceScores(
        np.full(len(num_notes), replicate, np.int64),
        np.array(compositions, np.str_),
        np.array(piece_names, np.str_),
        np.array(num_notes, np.int64),
        bit_sums,
    )
    return scores.select(scores.num_notes > 0)


def concatenate_scores(parts: Sequence[PieceScores]) -> PieceScores:
    """Join the scores of several replicates."""
    columns = ([getattr(part, field.name) for part in parts] for field in fields(PieceScores))
    return PieceScores(*(np.concatenate(column) for column in columns))


def select_shared_scores(
    scores: PieceScores, other: PieceScores
) -> tuple[PieceScores, PieceScores]:
    """Return the scores of the same notes in one order: the same replicate, piece and number of notes."""
    rows, other_rows = (
        {key: row for row, key in enumerate(_list_keys(item))} for item in (scores, other)
    )
    shared = sorted(rows.keys() & other_rows.keys())
    return (
        scores.select(np.array([rows[key] for key in shared], np.int64)),
        other.select(np.array([other_rows[key] for key in shared], np.int64)),
    )


def _list_keys(scores: PieceScores) -> list[tuple[int, str, int]]:
    """Return replicate, piece and number of notes of each score."""
    columns = scores.replicates, scores.piece_names, scores.num_notes
    return list(zip(*(column.tolist() for column in columns), strict=True))


def tabulate_bits_by_piece(scores: Mapping[str, PieceScores]) -> list[list[object]]:
    """Return rows of piece, notes and the bits per note of each model, averaged over replicates.

    Args:
        scores: of each model, all of the same pieces.
    """
    first = next(iter(scores.values()))
    names, piece_of_score = np.unique(first.piece_names, return_inverse=True)
    num_replicates = np.bincount(piece_of_score)
    num_notes = np.bincount(piece_of_score, first.num_notes)
    columns = [
        np.bincount(piece_of_score, model.compute_scored_bits()) / num_notes
        for model in scores.values()
    ]
    table = np.round(np.stack(columns, axis=1), 4).tolist()
    counts = (num_notes / num_replicates).astype(int).tolist()
    return [[str(name), count, *row] for name, count, row in zip(names, counts, table, strict=True)]
