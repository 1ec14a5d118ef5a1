"""The gate on planted results: the right word for each, and a refusal for what must not be offered."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from factories import ROOT
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.ci import gate
from pipeline.ci.gate import RevisionResults
from pipeline.config import Params
from pipeline.core import paths
from pipeline.core.errors import DataError
from pipeline.evaluation.bits import PieceScores

PIECES = 30
TIMINGS = {
    "parity": {"new": {"notes": 200, "bits": 2e-5}},
    "latency": {"new": {"stateful": True, "streaming": {"median_us": 60.0, "p999_us": 140.0}}},
}
LIKENESS = {"measures": {"copy": {"samples": [9.0, 8.0, 11.0], "held_out": [12.0, 9.0, 14.0]}}}
NOTES = np.random.default_rng(1).integers(200, 900, PIECES)
HARD = np.random.default_rng(2).normal(5, 1.5, (PIECES, 3))
"""What makes a piece hard is the same for every model, and far larger than what sets models apart."""


def scores(seed: int, shift: float = 0.0, spread: float = 0.02) -> PieceScores:
    """Make rows of a model that pays `shift` bits a note more than another, give or take."""
    noise = np.random.default_rng(seed).normal(shift / 3, spread, (PIECES, 3))
    rows = [
        [f"p{k}", int(NOTES[k]), *((HARD[k] + noise[k]) * NOTES[k]).tolist()] for k in range(PIECES)
    ]
    return PieceScores.from_rows(rows)


def results(scored: PieceScores, model: str = "new") -> RevisionResults:
    return RevisionResults(
        model,
        scored,
        TIMINGS,
        LIKENESS,
        "aaaaaaa.dir",
        {"reader": "symusic", "sustain_pedal": False},
    )


NEW, OLD = results(scores(3)), results(scores(4), "old")


@pytest.mark.parametrize(
    ("shift", "word", "offered"),
    [
        (-0.3, "better", True),
        (0.3, "worse", False),
        (0.0, "too close", False),
        (-0.03, "too close", False),  # sure, but no more than another seed would change
        (0.03, "too close", False),
    ],
)
def test_a_truth_that_was_planted_is_found(
    project: Params, shift: float, word: str, offered: bool
) -> None:
    found = gate.judge_candidate(results(scores(3, shift)), OLD, [], project)
    assert found.outcome == word
    assert found.promotable == offered
    assert bool(found.refusals) == (word == "worse")


def test_a_wide_interval_is_too_close_whatever_the_mean(project: Params) -> None:
    found = gate.judge_candidate(results(scores(3, 0.3, spread=3.0)), OLD, [], project)
    assert found.outcome == "too close"


def test_an_interval_of_two_pieces_is_refused_with_its_reason(project: Params) -> None:
    few = [
        replace(each, scores=PieceScores.from_rows(each.scores.to_rows()[:2]))
        for each in (NEW, OLD)
    ]
    found = gate.judge_candidate(*few, [], project)
    assert found.outcome == "not comparable" and not found.promotable
    assert "implausible interval of ±" in found.summary and "from 2 rows" in found.summary


def test_the_paragraph_is_one_and_names_both_models_and_the_interval(project: Params) -> None:
    said = gate.judge_candidate(results(scores(3, -0.3)), OLD, [], project).paragraph
    assert "\n" not in said
    assert said.startswith("better: new tells held-out notes in ")
    assert "old before in" in said and "of 30 pieces" in said
    mean, low, high = (
        float(part.strip("[],")) for part in said.split("before in ")[1].split(":")[1].split()[:3]
    )
    assert low < -0.3 < high and low < mean < high


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"sample_metrics": {}}, "nobody measured what new copies"),
        (
            {
                "sample_metrics": {
                    "measures": {"copy": {"samples": [9, 8, 99], "held_out": [9, 9, 14]}}
                }
            },
            "learned by heart",
        ),
        (
            {"benchmark": {**TIMINGS, "parity": {}}},
            "nobody measured whether new plays what was trained",
        ),
        (
            {"benchmark": {**TIMINGS, "parity": {"new": {"bits": 0.2}}}},
            "differs from what was trained by 0.2 bits",
        ),
        ({"benchmark": {"parity": TIMINGS["parity"]}}, "nobody measured how long new takes"),
        (
            {"benchmark": {**TIMINGS, "latency": {"new": {"streaming": None}}}},
            "nobody measured how long new takes",
        ),
    ],
)
def test_what_is_better_is_refused_all_the_same(project: Params, changed: dict, said: str) -> None:
    found = gate.judge_candidate(replace(results(scores(3, -0.3)), **changed), OLD, [], project)
    assert (found.outcome, found.promotable) == ("better", False)
    assert len(found.refusals) == 1
    assert said in found.paragraph


def test_what_cannot_stream_has_the_latency_of_its_window(project: Params) -> None:
    window = {"streaming": None, "window": {"median_us": 900.0, "p999_us": 1500.0}}
    now = replace(results(scores(3, -0.3)), benchmark={**TIMINGS, "latency": {"new": window}})
    assert gate.judge_candidate(now, OLD, [], project).promotable


def test_leaks_are_told_and_counted(project: Params) -> None:
    found = gate.judge_candidate(
        results(scores(3, -0.3)), OLD, [f"leak {k}" for k in range(9)], project
    )
    assert not found.promotable
    assert (
        "leak 2" in found.paragraph
        and "leak 3" not in found.paragraph
        and "6 more" in found.paragraph
    )


def test_the_first_results_have_nothing_to_beat(project: Params) -> None:
    found = gate.judge_candidate(NEW, None, [], project)
    assert (found.outcome, found.promotable) == ("first", True)


def test_another_corpus_is_compared_on_the_pieces_that_both_have(project: Params) -> None:
    some = PieceScores.from_rows(
        [*scores(3, -0.3).to_rows()[10:], ["only now", 500, 1.0, 1.0, 1.0]]
    )
    found = gate.judge_candidate(replace(results(some), notes_hash="bbbbbbb.dir"), OLD, [], project)
    assert found.outcome == "better"
    assert "of 20 pieces" in found.summary
    assert (
        "aaaaaaa → bbbbbbb" in found.summary
        and f"of {int(NOTES.sum()):,}" not in found.summary.split("now")[0]
    )


def test_a_corpus_with_no_piece_in_common_is_refused(project: Params) -> None:
    other = PieceScores.from_rows([["elsewhere", 500, 1.0, 1.0, 1.0]])
    found = gate.judge_candidate(results(other), OLD, [], project)
    assert found.outcome == "not comparable" and found.refusals


def test_notes_that_were_read_otherwise_are_not_the_same_notes(project: Params) -> None:
    found = gate.judge_candidate(
        replace(NEW, ingest_params={"reader": "symusic", "sustain_pedal": True}), OLD, [], project
    )
    assert found.outcome == "not comparable" and "'sustain_pedal': True" in found.summary


def test_passages_are_added_up_where_the_other_was_cut_otherwise() -> None:
    cut = PieceScores.from_rows(
        [["a", 2, 1.0, 2.0, 3.0], ["a", 3, 1.0, 1.0, 1.0], ["b", 4, 1.0, 1.0, 1.0]]
    )
    whole = PieceScores.from_rows(
        [["a", 5, 9.0, 9.0, 9.0, 7.0], ["b", 5, 1.0, 1.0, 1.0, 7.0], ["c", 1, 0.0, 0.0, 0.0, 0.0]]
    )
    ours, theirs = gate.select_shared_rows(cut, whole)
    assert ours.to_rows() == [["a", 5, 2.0, 3.0, 4.0]]
    assert theirs.to_rows() == [["a", 5, 9.0, 9.0, 9.0]]


@settings(max_examples=20)
@given(st.integers(0, 1000), st.floats(-1, 1))
def test_exchanging_the_two_exchanges_the_words(seed: int, shift: float) -> None:
    from pipeline import config

    project = config.load_params(ROOT / "params.yaml")
    mine, other = scores(seed, shift), scores(seed + 1)
    opposite = {"better": "worse", "worse": "better", "too close": "too close"}
    assert (
        opposite[gate.assess_significance(mine, other, project)[0]]
        == gate.assess_significance(other, mine, project)[0]
    )


@pytest.mark.parametrize(
    ("summary", "evaluation"),
    [
        ({"best": None}, None),
        ({"best": {}}, None),
        ({"best": {"recommended": "new"}}, None),
        ({"best": {"recommended": "new"}}, {"history": []}),
    ],
)
def test_results_of_which_a_part_is_away_are_one_line(
    in_folder: Path, summary: object, evaluation: object
) -> None:
    """DVC takes an evaluation away before it makes it anew."""
    paths.get_evaluation_path("new").parent.mkdir(parents=True)
    paths.SUMMARY.write_text(json.dumps(summary))
    if evaluation:
        paths.get_evaluation_path("new").write_text(json.dumps(evaluation))
    with pytest.raises(DataError, match=r"^metrics: not whole \(.*run 'dvc repro'"):
        RevisionResults.load("")
