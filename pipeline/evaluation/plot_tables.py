"""Tables that `dvc plots` draws, as CSV: one row a point, each with the architecture that it is of.

DVC draws neither the nested lists of `metrics/detail` nor the wide table of `metrics/pieces.json`.
"""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

CALIBRATION_COLUMNS = ("architecture", "head", "notes", "predicted", "observed")
CONTEXT_COLUMNS = ("architecture", "context", "targets", "bits_per_note")
PIECE_COLUMNS = ("architecture", "piece", "notes", "bits_per_note")
UNDRAWN_NGRAM = "uniform"
"""Of so many more bits than all others that these could not be told apart beside it."""


def format_calibration(details: Mapping[str, Mapping[str, Any]]) -> str:
    """Return reliability bins of all heads: the mean probability of the likeliest outcome, and how often it came.

    Args:
        details: what `metrics/detail` holds, by architecture.
    """
    rows = [
        (name, head, notes, predicted, observed)
        for name, detail in details.items()
        for head, measures in detail["heads"].items()
        for _, _, notes, predicted, observed in measures["reliability"]
    ]
    return _format_csv(CALIBRATION_COLUMNS, rows)


def format_bits_by_context(details: Mapping[str, Mapping[str, Any]]) -> str:
    """Return bits per note after so many notes of context.

    Args:
        details: what `metrics/detail` holds, by architecture.
    """
    rows = [
        (name, length, targets, round(sum(bits), 4))
        for name, detail in details.items()
        for length, targets, *bits in detail["context"]
    ]
    return _format_csv(CONTEXT_COLUMNS, rows)


def format_bits_by_piece(pieces: Mapping[str, Sequence[Any]]) -> str:
    """Return bits per note of each piece and model, n-gram models too.

    Args:
        pieces: what `metrics/pieces.json` holds.
    """
    _, _, *models = pieces["columns"]
    rows = [
        (model, piece, notes, figure)
        for piece, notes, *figures in pieces["rows"]
        for model, figure in zip(models, figures, strict=True)
        if model != UNDRAWN_NGRAM
    ]
    return _format_csv(PIECE_COLUMNS, rows)


def _format_csv(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)
    return out.getvalue()
