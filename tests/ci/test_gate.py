"""The gate on planted results: the right word for each, and a refusal for what must not be offered."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from factories import ROOT, make_busy
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
"""The difficulty of a piece is the same for every model, and varies far more than models differ."""


def make_scores(
    seed: int, shift: float = 0.0, spread: float = 0.02, num_replicates: int = 3
) -> PieceScores:
    """Make rows of a model that pays `shift` bits a note more than another, give or take."""
    rng = np.random.default_rng(seed)
    rows = []
    for replicate in range(1, num_replicates + 1):
        noise = rng.normal(shift / 3, spread, (PIECES, 3))
        for k in range(PIECES):
            bits = (HARD[k] + noise[k]) * NOTES[k]
            rows.append([replicate, f"work {k}", f"p{k}", int(NOTES[k]), *bits.tolist()])
    return PieceScores.from_rows(rows)


def select_first_pieces(scored: PieceScores, count: int) -> PieceScores:
    return scored.select(np.isin(scored.piece_names, [f"p{k}" for k in range(count)]))


def make_results(scored: PieceScores, model: str = "new") -> RevisionResults:
    return RevisionResults(
        model,
        scored,
        TIMINGS,
        LIKENESS,
        "aaaaaaa.dir",
        {"reader": "symusic", "sustain_pedal": False},
    )


NEW, OLD = make_results(make_scores(3)), make_results(make_scores(4), "old")


@pytest.mark.parametrize(
    ("shift", "word", "offered"),
    [
        (-0.3, "better", True),
        (0.3, "worse", False),
        (-0.05, "better", True),  # small, but the same from every seed
        (0.05, "worse", False),
        (0.0, "too close", False),
    ],
)
def test_the_outcome_is_that_of_the_planted_difference(
    project: Params, shift: float, word: str, offered: bool
) -> None:
    verdict = gate.judge_candidate(make_results(make_scores(3, shift)), OLD, [], project)
    assert verdict.outcome == word
    assert verdict.promotable == offered
    assert bool(verdict.refusals) == (word == "worse")


def test_a_wide_interval_is_too_close_whatever_the_mean(project: Params) -> None:
    verdict = gate.judge_candidate(make_results(make_scores(3, 0.3, spread=3.0)), OLD, [], project)
    assert verdict.outcome == "too close"


@pytest.mark.parametrize("shift", [-0.1, 0.1])
def test_of_one_replicate_the_tolerance_stands_for_other_seeds(
    project: Params, shift: float
) -> None:
    one = make_results(make_scores(3, shift, num_replicates=1))
    old = make_results(make_scores(4, num_replicates=1), "old")
    verdict = gate.judge_candidate(one, old, [], project)
    assert verdict.outcome == "too close"
    assert "a difference up to 0.2 is too close (gate.tolerance_bits)" in verdict.summary
    larger = make_results(make_scores(3, 3 * shift, num_replicates=1))
    assert gate.judge_candidate(larger, old, [], project).outcome in ("better", "worse")


def test_a_lucky_seed_is_not_better(project: Params) -> None:
    """One of three replicates is half a bit better on every piece, the others are as before."""
    lucky = make_scores(3)
    shift = np.where(lucky.replicates == 2, -0.5 / 3, 0.0) * lucky.num_notes
    lucky = replace(lucky, bits=lucky.bits + shift[:, None])
    verdict = gate.judge_candidate(make_results(lucky), OLD, [], project)
    assert verdict.outcome == "too close"


def test_one_composition_gives_no_verdict(project: Params) -> None:
    few = [replace(each, scores=select_first_pieces(each.scores, 1)) for each in (NEW, OLD)]
    verdict = gate.judge_candidate(*few, [], project)
    assert verdict.outcome == "not comparable" and not verdict.promotable
    assert "[one composition: no interval] over 1 piece, 3 replicates." in verdict.summary
    same = gate.judge_candidate(few[0], replace(few[0], model="old"), [], project)
    assert same.outcome == "too close"


def test_other_replicates_are_compared_where_both_have_them(project: Params) -> None:
    more = make_results(make_scores(3, -0.3, num_replicates=5))
    verdict = gate.judge_candidate(more, OLD, [], project)
    assert verdict.outcome == "better"
    assert "over 30 pieces, 3 replicates." in verdict.summary
    assert (
        "Scored now were 30 pieces, 5 replicates, before 30 pieces, 3 replicates" in verdict.summary
    )
    folds = replace(more.scores, replicates=more.scores.replicates + 10)
    verdict = gate.judge_candidate(make_results(folds), OLD, [], project)
    assert verdict.outcome == "not comparable"
    assert (
        "no paired comparison: new was scored on 30 pieces, 5 replicates, old before on 30 pieces, 3 replicates, and no "
        "piece is in both under one replicate."
    ) in verdict.summary


def test_results_from_before_replicates_are_read(project: Params) -> None:
    rows = [row[2:] for row in make_scores(4, num_replicates=1).to_rows()]
    verdict = gate.judge_candidate(
        make_results(make_scores(3, -0.3)),
        make_results(PieceScores.from_rows(rows), "old"),
        [],
        project,
    )
    assert verdict.outcome == "better"
    assert "over 30 pieces, 1 replicate. One replicate says nothing" in verdict.summary


def test_the_paragraph_is_one_and_names_both_models_and_the_interval(project: Params) -> None:
    paragraph = gate.judge_candidate(make_results(make_scores(3, -0.3)), OLD, [], project).paragraph
    assert "\n" not in paragraph
    assert paragraph.startswith("better: new predicts held-out notes at ")
    assert "old before at" in paragraph and "over 30 pieces, 3 replicates" in paragraph
    mean, low, high = (
        float(part.strip("[],"))
        for part in paragraph.split("before at ")[1].split(":")[1].split()[:3]
    )
    assert low < -0.3 < high and low < mean < high


@pytest.mark.parametrize(
    ("changed", "reason"),
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
        (
            {"benchmark": make_busy(TIMINGS)},
            "the time that new takes for a note was not measured: busy",
        ),
    ],
)
def test_a_better_model_can_be_refused(project: Params, changed: dict, reason: str) -> None:
    verdict = gate.judge_candidate(
        replace(make_results(make_scores(3, -0.3)), **changed), OLD, [], project
    )
    assert (verdict.outcome, verdict.promotable) == ("better", False)
    assert len(verdict.refusals) == 1
    assert reason in verdict.paragraph


def test_what_cannot_stream_has_the_latency_of_its_window(project: Params) -> None:
    window = {"streaming": None, "window": {"median_us": 900.0, "p999_us": 1500.0}}
    now = replace(
        make_results(make_scores(3, -0.3)), benchmark={**TIMINGS, "latency": {"new": window}}
    )
    assert gate.judge_candidate(now, OLD, [], project).promotable


def test_leaks_are_named_and_counted(project: Params) -> None:
    verdict = gate.judge_candidate(
        make_results(make_scores(3, -0.3)), OLD, [f"leak {k}" for k in range(9)], project
    )
    assert not verdict.promotable
    assert (
        "leak 2" in verdict.paragraph
        and "leak 3" not in verdict.paragraph
        and "6 more" in verdict.paragraph
    )


def test_the_first_results_have_nothing_to_beat(project: Params) -> None:
    verdict = gate.judge_candidate(NEW, None, [], project)
    assert (verdict.outcome, verdict.promotable) == ("first", True)


def test_another_corpus_is_compared_on_the_pieces_that_both_have(project: Params) -> None:
    ours = [
        row for row in make_scores(3, -0.3).to_rows() if row[2] not in {f"p{k}" for k in range(10)}
    ]
    some = PieceScores.from_rows([*ours, [1, "only now", "only now", 500, 1.0, 1.0, 1.0]])
    verdict = gate.judge_candidate(
        replace(make_results(some), notes_hash="bbbbbbb.dir"), OLD, [], project
    )
    assert verdict.outcome == "better"
    assert "over 20 pieces, 3 replicates" in verdict.summary
    shared = 3 * int(NOTES[10:].sum())
    assert verdict.summary.endswith(
        f" The notes are not those of before (aaaaaaa → bbbbbbb). Scored now were 21 pieces, 3 replicates, before 30 "
        f"pieces, 3 replicates; compared are the {shared:,} notes that both share, of {shared + 500:,} now and "
        f"{3 * int(NOTES.sum()):,} before."
    )


def test_a_corpus_with_no_piece_in_common_is_refused(project: Params) -> None:
    other = PieceScores.from_rows([[1, "elsewhere", "elsewhere", 500, 1.0, 1.0, 1.0]])
    verdict = gate.judge_candidate(make_results(other), OLD, [], project)
    assert verdict.outcome == "not comparable" and verdict.refusals


def test_notes_that_were_read_otherwise_are_not_the_same_notes(project: Params) -> None:
    verdict = gate.judge_candidate(
        replace(NEW, ingest_params={"reader": "symusic", "sustain_pedal": True}), OLD, [], project
    )
    assert verdict.outcome == "not comparable" and "'sustain_pedal': True" in verdict.summary


@settings(max_examples=20)
@given(st.integers(0, 1000), st.floats(-1, 1))
def test_exchanged_models_have_the_opposite_outcome(seed: int, shift: float) -> None:
    from pipeline import config

    project = config.load_params(ROOT / "params.yaml")
    first, second = make_results(make_scores(seed, shift)), make_results(make_scores(seed + 1))
    opposite = {"better": "worse", "worse": "better", "too close": "too close"}
    assert (
        opposite[gate.compare_results(first, second, project)[0]]
        == gate.compare_results(second, first, project)[0]
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
    """DVC removes an evaluation before it runs the stage again."""
    paths.get_evaluation_path("new").parent.mkdir(parents=True)
    paths.SUMMARY.write_text(json.dumps(summary))
    if evaluation:
        paths.get_evaluation_path("new").write_text(json.dumps(evaluation))
    with pytest.raises(DataError, match=r"^metrics: not whole \(.*run 'dvc repro'"):
        RevisionResults.load("")
