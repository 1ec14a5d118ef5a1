"""Stage compare."""

import csv
import json
from pathlib import Path

import pytest

from pipeline.core import paths
from pipeline.evaluation.committed_best import CommittedBest
from pipeline.evaluation.results import Evaluation


def test_the_best_lines_up_under_one_name(in_made: Path) -> None:
    summary = json.loads(paths.SUMMARY.read_text("utf-8"))
    best = summary["best"]
    assert best["bits_per_note"] == min(
        summary[name]["bits_per_note"] for name in ("baseline", "bidirectional")
    )
    assert summary[best["architecture"]].items() <= best.items()
    assert summary["baseline"]["difference"] == 0
    assert not summary["bidirectional"]["can_stream"]


def test_the_figures_are_those_of_the_evaluation(in_made: Path) -> None:
    summary = json.loads(paths.SUMMARY.read_text("utf-8"))["bidirectional"]
    mean = Evaluation.load(
        paths.get_evaluation_path("bidirectional")
    ).scores.compute_bits_per_note()
    assert {name: summary[name] for name in mean} == {
        name: round(value, 4) for name, value in mean.items()
    }


def test_the_best_says_how_far_it_is_from_the_committed_best(in_made: Path) -> None:
    """The committed results are of other music, so there is no difference to them."""
    against = json.loads(paths.SUMMARY.read_text("utf-8"))["best"]["against_committed"]
    committed = CommittedBest.load(paths.COMMITTED_BEST)
    assert against == {
        **dict.fromkeys(("difference", "low", "high")),
        "of": f"{committed.architecture} at {committed.commit}",
    }


def test_curves_are_one_long_table(in_made: Path) -> None:
    rows = list(csv.DictReader(paths.LEARNING_CURVES.read_text("utf-8").splitlines()))
    assert [(row["architecture"], row["epoch"]) for row in rows] == [
        ("baseline", "1"),
        ("baseline", "2"),
        ("bidirectional", "1"),
        ("bidirectional", "2"),
    ]


def test_pairs_and_pieces_agree_with_the_summary(in_made: Path) -> None:
    summary, pairs = (json.loads(path.read_text("utf-8")) for path in (paths.SUMMARY, paths.PAIRS))
    (pair,) = pairs["pairs"]
    against = summary["bidirectional"]
    assert (pair["a"], pair["b"], pair["difference"]) == (
        "baseline",
        "bidirectional",
        -against["difference"],
    )
    assert (pair["low"], pair["high"]) == (-against["high"], -against["low"])
    assert (pairs["unit"], sum(pairs["best"].values())) == ("passages", 1)
    pieces = json.loads(paths.PIECE_SCORES.read_text("utf-8"))
    assert pieces["columns"] == [
        "piece",
        "notes",
        "baseline",
        "bidirectional",
        "uniform",
        "unigram",
        "trigram",
        "context_mixing",
    ]
    assert [row[:2] for row in pieces["rows"]] == [["2.mid", 169], ["4.mid", 189]]
    for column, name in enumerate(pieces["columns"][2:4], 2):
        mean = sum(row[1] * row[column] for row in pieces["rows"]) / 358
        assert abs(mean - summary[name]["bits_per_note"]) < 2e-4


@pytest.mark.slow
def test_held_out_music_too_short_for_an_interval_ends_in_a_report_that_says_so(
    made_short: Path,
) -> None:
    summary = json.loads(paths.SUMMARY.read_text("utf-8"))
    rivals = {"baseline", "bidirectional"} - {summary["best"]["architecture"]}
    assert set(summary["best"]["tied_with"].split()) == rivals
    assert summary["best"]["low"] is None or summary["reference"] == summary["best"]["architecture"]
    assert "too few for an interval" in paths.DECISION.read_text("utf-8")
    assert paths.REPORT.stat().st_size > 10_000
