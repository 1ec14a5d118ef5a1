"""Tables of `dvc plots`."""

import csv
from typing import Any

from pipeline.evaluation import plot_tables

DETAIL: dict[str, Any] = {
    "notes": 30,
    "heads": {
        "pitch": {"reliability": [[0.25, 0.5, 20, 0.4, 0.35], [0.5, 1.0, 10, 0.7, 0.6]]},
        "step": {"reliability": [[0.5, 1.0, 30, 0.9, 0.8]]},
    },
    "context": [[1, 16, 5.0, 4.0, 3.0], [2, 16, 4.5, 3.5, 2.25]],
}


def read_csv(text: str) -> list[list[str]]:
    return list(csv.reader(text.splitlines()))


def test_calibration_has_a_row_for_each_bin_of_each_head() -> None:
    assert read_csv(plot_tables.format_calibration({"a": DETAIL, "b": {"heads": {}}})) == [
        ["architecture", "head", "notes", "predicted", "observed"],
        ["a", "pitch", "20", "0.4", "0.35"],
        ["a", "pitch", "10", "0.7", "0.6"],
        ["a", "step", "30", "0.9", "0.8"],
    ]


def test_bits_by_context_are_the_sum_of_the_heads() -> None:
    assert read_csv(plot_tables.format_bits_by_context({"a": DETAIL}))[1:] == [
        ["a", "1", "16", "12.0"],
        ["a", "2", "16", "10.25"],
    ]


def test_bits_by_piece_leave_out_the_uniform_predictor_and_keep_odd_names_whole() -> None:
    pieces = {
        "columns": ["piece", "notes", "a", "uniform", "trigram"],
        "rows": [['op. 1, "é".mid', 99, 12.5, 26.0, 14.0]],
    }
    assert read_csv(plot_tables.format_bits_by_piece(pieces)) == [
        ["architecture", "piece", "notes", "bits_per_note"],
        ["a", 'op. 1, "é".mid', "99", "12.5"],
        ["trigram", 'op. 1, "é".mid', "99", "14.0"],
    ]
