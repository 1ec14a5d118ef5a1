"""Stage compare."""

import csv
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from factories import make_scores

from pipeline.config import Params
from pipeline.core import files, paths
from pipeline.evaluation.committed_best import CommittedBest
from pipeline.evaluation.results import Evaluation
from pipeline.stages import compare

PARAMETERS = {"baseline": 500, "small": 1000, "large": 9000}
FOLD_OF_COMPOSITION = [1, 2, 2, 3, 3, 4, 4, 5, 5, 5]
LENGTHS = [20449, 2366, 18361, 5322, 14225, 12417, 3141, 5550, 11585, 8475]
TIE = {"large": "a", "small": "a", "baseline": "b"}
DIFFERENCE = {"large": "a", "small": "b", "baseline": "c"}


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
    assert [(row["architecture"], row["replicate"], row["epoch"]) for row in rows] == [
        (name, replicate, epoch)
        for name in ("baseline", "bidirectional")
        for replicate in "123"
        for epoch in "12"
    ]


def test_pairs_and_pieces_agree_with_the_summary(in_made: Path) -> None:
    summary, pairs = (json.loads(path.read_text("utf-8")) for path in (paths.SUMMARY, paths.PAIRS))
    (pair,) = pairs["pairs"]
    assert [pair["a"], pair["b"]] == pairs["ranked"]
    against = summary["bidirectional"]
    ends = (against["difference"], against["low"], against["high"])
    if pair["a"] == "baseline":
        ends = (-ends[0], -ends[2], -ends[1])
    assert (pair["difference"], pair["low"], pair["high"]) == ends
    assert pair["difference"] <= 0
    assert (pairs["replicates"], pairs["compositions"], pairs["scheme"]) == (
        3,
        5,
        "cross_validation",
    )
    assert pairs["ranked"][0] == summary["best"]["architecture"]
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
    assert [row[:2] for row in pieces["rows"]] == [
        [f"{number}.mid", 149 + 10 * number] for number in range(5)
    ]
    for column, name in enumerate(pieces["columns"][2:4], 2):
        mean = sum(row[1] * row[column] for row in pieces["rows"]) / 845
        assert abs(mean - summary[name]["bits_per_note"]) < 2e-4


@pytest.mark.slow
def test_held_out_music_too_short_for_an_interval_ends_in_a_report_that_says_so(
    made_short: Path,
) -> None:
    summary = json.loads(paths.SUMMARY.read_text("utf-8"))
    rivals = {"baseline", "bidirectional"} - {summary["best"]["architecture"]}
    assert set(summary["best"]["tied_with"].split()) == rivals
    assert summary["best"]["low"] is None or summary["reference"] == summary["best"]["architecture"]
    assert "there is no interval" in paths.DECISION.read_text("utf-8")
    assert paths.REPORT.stat().st_size > 10_000


def plant_difference(planted: str, num_replicates: int, num_compositions: int) -> np.ndarray:
    """Return the bits per note [R, C] by which `large` differs from `small`."""
    difference = np.zeros((num_replicates, num_compositions))
    if planted == "difference":
        difference -= 0.1
    elif planted == "lucky seed":
        difference[0] -= 0.5
    elif planted == "one composition":
        difference[:, 2] -= 1
    return difference


def write_planted_run(planted: str, scheme: str, seed: int, project: Params) -> Params:
    """Write evaluations and n-gram scores with a planted difference; return the parameters of the run."""
    rng = np.random.default_rng([seed, len(planted), len(scheme)])
    num_notes = np.array(LENGTHS if scheme == "cross_validation" else LENGTHS * 6)
    shape = 5, len(num_notes)
    difficulty = 14 + rng.normal(0, 2, shape[1])
    shifts = {"baseline": 1.0, "small": 0.0, "large": plant_difference(planted, *shape)}
    is_missing = np.array(FOLD_OF_COMPOSITION) != np.arange(1, 6)[:, None]
    for name, shift in shifts.items():
        noise = rng.normal(0, 0.02, (5, 1)) + rng.normal(0, 0.03, shape)
        bits = difficulty + shift + noise
        if scheme == "cross_validation":
            bits[is_missing] = math.nan
        histories = [[dict.fromkeys(compare.CURVE_COLUMNS, 1.0)]] * 5
        scores = make_scores(bits, num_notes)
        config, parameters = project.model["baseline"], PARAMETERS[name]
        evaluation = Evaluation(name, config, parameters, 4 * parameters, histories, scores)
        evaluation.save(paths.get_evaluation_path(name))
        files.write_text(paths.get_calibration_path(name), '{"heads": {}, "context": []}\n')
    CommittedBest("small", "0" * 7, {}, scores).save(paths.COMMITTED_BEST)
    rows = make_scores(np.where(np.isnan(bits), math.nan, 27.0), num_notes).to_rows()
    files.write_text(paths.NGRAMS, json.dumps({"uniform": {"rows": rows}}))
    return project.model_copy(update={"architectures": list(PARAMETERS)})


def decide_planted(planted: str, scheme: str, seed: int, project: Params) -> dict[str, Any]:
    """Run the stage on a planted difference; return its summary."""
    params = write_planted_run(planted, scheme, seed, project)
    compare.run(params.restrict_to(compare.PARAM_SECTIONS))
    assert json.loads(paths.PAIRS.read_text("utf-8"))["scheme"] == scheme
    return dict(json.loads(paths.SUMMARY.read_text("utf-8")))


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("scheme", ["cross_validation", "seeds"])
@pytest.mark.parametrize(
    ("planted", "groups", "recommended"),
    [
        ("tie", TIE, "small"),
        ("difference", DIFFERENCE, "large"),
        ("lucky seed", TIE, "small"),
        ("one composition", TIE, "small"),
    ],
)
@pytest.mark.usefixtures("in_folder")
def test_groups_are_those_of_what_was_planted(
    planted: str,
    groups: dict[str, str],
    recommended: str,
    scheme: str,
    seed: int,
    project: Params,
) -> None:
    summary = decide_planted(planted, scheme, seed, project)
    assert {name: summary[name]["group"] for name in PARAMETERS} == groups
    assert summary["best"]["recommended"] == recommended
    rivals = [name for name, letter in groups.items() if letter == "a"]
    rivals.remove(summary["best"]["architecture"])
    assert summary["best"]["tied_with"].split() == rivals
    assert summary["small"]["not_better_than"] == ""


@pytest.mark.usefixtures("in_folder")
def test_from_one_replicate_alone_the_lucky_seed_would_be_better(project: Params) -> None:
    """What replicates are for: the same run looks like a difference if only its first seed is read."""
    params = write_planted_run("lucky seed", "seeds", 1, project)
    for name in PARAMETERS:
        path = paths.get_evaluation_path(name)
        values = json.loads(path.read_text("utf-8"))
        values["rows"] = [row for row in values["rows"] if row[0] == 1]
        path.write_text(json.dumps(values))
    ngrams = json.loads(paths.NGRAMS.read_text("utf-8"))
    rows = [row for row in ngrams["uniform"]["rows"] if row[0] == 1]
    paths.NGRAMS.write_text(json.dumps({"uniform": {"rows": rows}}))
    compare.run(params.restrict_to(compare.PARAM_SECTIONS))
    summary = json.loads(paths.SUMMARY.read_text("utf-8"))
    assert {name: summary[name]["group"] for name in PARAMETERS} == DIFFERENCE


@pytest.mark.usefixtures("in_folder")
def test_only_a_tie_says_what_it_would_take_to_tell_a_difference(project: Params) -> None:
    decide_planted("difference", "seeds", 1, project)
    pairs = json.loads(paths.PAIRS.read_text("utf-8"))["pairs"]
    assert not any("more_compositions" in pair or pair["tie"] for pair in pairs)
    decide_planted("tie", "cross_validation", 1, project)
    ties = [pair for pair in json.loads(paths.PAIRS.read_text("utf-8"))["pairs"] if pair["tie"]]
    assert [(pair["more_compositions"], pair["more_replicates"] > 0) for pair in ties] == [
        (None, True)
    ]


def test_the_tables_that_dvc_draws_have_every_architecture(in_made: Path) -> None:
    names = {"baseline", "bidirectional"}
    ngrams = {"unigram", "trigram", "context_mixing"}
    expected = {paths.CALIBRATION_PLOT: names, paths.CONTEXT_PLOT: names}
    expected[paths.PIECE_PLOT] = names | ngrams
    for path, models in expected.items():
        rows = list(csv.DictReader(path.read_text("utf-8").splitlines()))
        assert {row["architecture"] for row in rows} == models
