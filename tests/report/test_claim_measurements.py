"""What was measured of a claim, read from results."""

import json
import re
from dataclasses import replace
from math import inf
from pathlib import Path

import numpy as np
import pytest
from factories import CARRIED, ROOT, make_busy, make_tiny_model
from hypothesis import given
from hypothesis import strategies as st

from pipeline.config import Params
from pipeline.core import paths
from pipeline.core.errors import DataError
from pipeline.evaluation import intervals
from pipeline.evaluation.bits import PieceScores
from pipeline.evaluation.results import Evaluation
from pipeline.report import claim_measurements
from pipeline.report.claim_measurements import ImplausibleIntervalError, Measurement


def make_evaluation(
    name: str, shift: float, num_replicates: int = 3, num_compositions: int = 6
) -> Evaluation:
    """Make up scores of replicates that all scored the same compositions, each note `shift` bits worse."""
    rng = np.random.default_rng(len(name))
    rows = [
        [replicate, f"waltz {piece}", f"{piece}.mid", 100, *rng.normal(450 + 33 * shift, 9, 3)]
        for replicate in range(1, num_replicates + 1)
        for piece in range(num_compositions)
    ]
    model = make_tiny_model(**CARRIED)
    history = [[{"epoch": 1.0, "notes": 64.0, "loss": 2.0}]] * num_replicates
    scores = PieceScores.from_rows(rows)
    return Evaluation(name, model.config, model.parameters, 10, history, scores)


@pytest.fixture
def results(in_folder: Path) -> Path:
    (in_folder / "params.yaml").write_bytes((ROOT / "params.yaml").read_bytes())
    (in_folder / "metrics").mkdir()
    costs = {"small": {"mib": 200.0, "lost": None}, "large": {"mib": 500.0}}
    times = {"large": {"median": 2.0, "min": 1.5, "max": 2.5}}
    (in_folder / "metrics/benchmark.json").write_text(
        json.dumps({"costs": costs, "train": times, "can_stream": True})
    )
    base = {"run": "start", "architecture": "baseline", "bits_per_note": 14.0, "against": {}}
    rows = {"baseline": base}
    for name, gap in {
        "part": [-0.5, -0.6, -0.4],
        "whole": [-1.0, -1.25, -0.8],
        "worse": [0.2, -0.1, 0.5],
    }.items():
        rows[name] = {
            "run": "longer",
            "architecture": name,
            "bits_per_note": 14.0,
            "against": {"start/baseline": gap},
        }
    (in_folder / "metrics/path.json").write_text(json.dumps(rows))
    return in_folder


def make_measurement(
    kind: str, of: str, over: str = "", base: str = "", source: str = "benchmark"
) -> Measurement:
    named = {
        "quantity": kind,
        "source": source,
        "numerator": of,
        "denominator": over,
        "reference": base,
    }
    return Measurement.model_validate({key: value for key, value in named.items() if value})


@pytest.mark.parametrize(
    ("kind", "over"), [("gain", ""), ("ratio", ""), ("share", "a"), ("value", "a")]
)
def test_a_measure_names_what_its_kind_needs(kind: str, over: str) -> None:
    with pytest.raises(ValueError, match=f"quantity: {kind} needs"):
        make_measurement(kind, "b", over)


def test_values_and_ratios(results: Path) -> None:
    assert claim_measurements.read_estimate(make_measurement("value", "costs/large/mib"), 0.1) == (
        500.0,
        500.0,
        500.0,
    )
    assert claim_measurements.read_estimate(make_measurement("value", "train/large"), 0.1) == (
        2.0,
        1.5,
        2.5,
    )
    assert claim_measurements.read_estimate(make_measurement("value", "can_stream"), 0.1) == (
        1.0,
        1.0,
        1.0,
    )
    assert claim_measurements.read_estimate(
        make_measurement("ratio", "costs/large/mib", "costs/small/mib"), 0.1
    ) == (
        2.5,
        2.5,
        2.5,
    )


@pytest.mark.parametrize(
    "of", ["costs/gone/mib", "costs/large/mib/deeper", "gone", "costs/small/lost"]
)
def test_a_figure_that_is_not_there_is_none(results: Path, of: str) -> None:
    assert claim_measurements.read_estimate(make_measurement("value", of), 0.0) is None
    assert (
        claim_measurements.read_estimate(make_measurement("ratio", "costs/large/mib", of), 0.0)
        is None
    )


def test_a_file_that_is_not_there_is_none(results: Path) -> None:
    assert (
        claim_measurements.read_estimate(make_measurement("value", "a", source="gone"), 0.0) is None
    )
    assert (
        claim_measurements.read_estimate(
            make_measurement("gain", "baseline", "stacked", source="evaluate"), 0.0
        )
        is None
    )
    assert claim_measurements.compute_seed_spread("gone", ["start/baseline"]) == 0.0


@given(st.floats(-3, 3), st.floats(0, 1), st.floats(0, 1), st.floats(0, 0.5))
def test_a_gain_is_twice_as_likely_a_bit(
    mean: float, below: float, above: float, spread: float
) -> None:
    """log2 of one and the gain is the difference back, its ends exchanged and moved apart by the spread."""
    tree = {"longer": {"x": {"against": {"start/baseline": [mean, mean - below, mean + above]}}}}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(claim_measurements, "load_results", lambda _: tree)
        patch.setattr(claim_measurements, "locate_results", lambda _: ROOT)
        estimate = claim_measurements.read_estimate(
            make_measurement("gain", "longer/x", "start/baseline", source="path"), spread
        )
    assert estimate is not None
    back = -np.log2(1 + np.array(estimate))
    assert back == pytest.approx([mean, mean + above + spread, mean - below - spread], abs=1e-9)


GAIN = {"kind": "gain", "of": "stacked", "over": "baseline", "source": "evaluate"}


def save_evaluations(**design: int) -> list[PieceScores]:
    """Write params.yaml and evaluations of baseline and stacked; return the scores, those of stacked first."""
    Path("params.yaml").write_bytes((ROOT / "params.yaml").read_bytes())
    made = [make_evaluation("stacked", -0.3, **design), make_evaluation("baseline", 0.0, **design)]
    for each in made:
        each.save(paths.get_evaluation_path(each.architecture))
    return [each.scores for each in made]


def test_a_gain_of_the_last_run_is_over_compositions_and_replicates(in_folder: Path) -> None:
    """Its interval holds chance in training, so the spread of seeds does not widen it."""
    scores = save_evaluations()
    estimate = claim_measurements.read_estimate(make_measurement(**GAIN), 0.5)
    mean, low, high = intervals.estimate_difference(*scores).interval
    assert estimate == pytest.approx((2**-mean - 1, 2**-high - 1, 2**-low - 1), abs=1e-4)
    paths.get_evaluation_path("stacked").write_text("{}")
    with pytest.raises(DataError, match="no evaluation here"):
        claim_measurements.read_estimate(make_measurement(**GAIN), 0.0)


def test_a_gain_of_one_replicate_is_widened_by_the_spread_of_seeds(in_folder: Path) -> None:
    scores = save_evaluations(num_replicates=1)
    estimate = claim_measurements.read_estimate(make_measurement(**GAIN), 0.25)
    mean, low, high = intervals.estimate_difference(*scores).interval
    expected = 2**-mean - 1, 2 ** (-high - 0.25) - 1, 2 ** (-low + 0.25) - 1
    assert estimate == pytest.approx(expected, abs=1e-4)


def test_a_gain_on_one_composition_has_no_interval(in_folder: Path) -> None:
    scores = save_evaluations(num_compositions=1)
    estimate = claim_measurements.read_estimate(make_measurement(**GAIN), 0.0)
    mean = intervals.estimate_difference(*scores).mean
    assert estimate == (pytest.approx(2**-mean - 1, abs=1e-4), -1.0, inf)
    share = {**GAIN, "kind": "share", "over": "stacked", "base": "baseline"}
    assert claim_measurements.read_estimate(make_measurement(**share), 0.0) is None


def test_a_study_of_replicates_is_not_widened(results: Path) -> None:
    gain = make_measurement("gain", "longer/part", "start/baseline", source="path")
    widened = claim_measurements.read_estimate(gain, 0.25)
    assert widened == pytest.approx((2**0.5 - 1, 2**0.15 - 1, 2**0.85 - 1))
    edit_rows(part={"replicates": 3})
    estimate = claim_measurements.read_estimate(gain, 0.25)
    assert estimate == pytest.approx((2**0.5 - 1, 2**0.4 - 1, 2**0.6 - 1))


def test_evaluations_that_other_runs_left_are_not_read(in_folder: Path) -> None:
    """An experiment on another corpus trains one architecture; Git has evaluations of other architectures from other runs."""
    text = (ROOT / "params.yaml").read_text("utf-8")
    one = re.sub(r"(?m)^architectures:\n(- .*\n)+", "architectures: [baseline]\n", text)
    (in_folder / "params.yaml").write_text(one, "utf-8")
    make_evaluation("stacked", 0.0).save(paths.get_evaluation_path("stacked"))
    other = make_evaluation("baseline", 0.0)
    fewer = other.scores.select(other.scores.replicates == 1)
    replace(other, scores=fewer).save(paths.get_evaluation_path("baseline"))
    assert (
        claim_measurements.read_estimate(
            make_measurement("gain", "stacked", "baseline", source="evaluate"), 0.0
        )
        is None
    )


def test_a_share_is_of_bits_gained_and_its_ends_the_worst_case(results: Path) -> None:
    estimate = claim_measurements.read_estimate(
        make_measurement("share", "longer/part", "longer/whole", "start/baseline", "path"), 0.0
    )
    assert estimate == pytest.approx((0.5, 0.4 / 1.25, 0.6 / 0.8))


def test_there_is_no_share_of_a_gain_that_is_not_sure(results: Path) -> None:
    assert (
        claim_measurements.read_estimate(
            make_measurement("share", "longer/part", "longer/worse", "start/baseline", "path"), 0.0
        )
        is None
    )
    assert (
        claim_measurements.read_estimate(
            make_measurement("share", "longer/part", "longer/whole", "start/baseline", "path"), 0.9
        )
        is None
    )


def test_seeds_lie_as_far_apart_as_their_bits(results: Path) -> None:
    rows = json.loads(Path("metrics/path.json").read_text("utf-8"))
    rows["baseline"]["bits_per_note"] = 13.75
    Path("metrics/path.json").write_text(json.dumps(rows))
    assert (
        claim_measurements.compute_seed_spread(
            "path", ["start/baseline", "longer/part", "longer/whole"]
        )
        == 0.25
    )


def edit_rows(**changes: dict[str, object]) -> None:
    """Change rows of the study that the fixture wrote."""
    path = Path("metrics/path.json")
    rows = json.loads(path.read_text("utf-8"))
    for name, values in changes.items():
        rows[name] |= values
    path.write_text(json.dumps(rows))


def test_studies_say_where_their_figures_are_from(results: Path) -> None:
    folder = results / "metrics/studies"
    folder.mkdir()
    rows = json.loads((results / "metrics/path.json").read_text("utf-8"))
    (folder / "older.json").write_text(json.dumps(rows))
    for name, row in rows.items():
        commit = "8deb2ac" if name == "worse" else "dd62086"
        row |= {"corpus": "band", "source_commit": commit, "source_date": "2026-11-27"}
    (folder / "path.json").write_text(json.dumps(rows))
    header, older, path = claim_measurements.tabulate_studies()
    assert header == ["study", "corpus", "runs", "models", "code of commit", "from"]
    assert older == ["older", "–", "2", "4", "–", "–"]
    assert path == ["path", "band", "2", "4", "dd62086, 8deb2ac", "2026-11-27"]


SEEDS = ["start/baseline", "longer/part", "longer/whole"]


def test_a_seed_that_did_not_train_is_no_chance_in_training(results: Path) -> None:
    edit_rows(part={"bits_per_note": 27.5})
    problem = r"path: seeds that lie 13\.500 bits per note apart .* longer/part has 27\.500"
    with pytest.raises(ImplausibleIntervalError, match=problem):
        claim_measurements.compute_seed_spread("path", SEEDS)


def test_seeds_that_were_scored_on_other_notes_are_refused(results: Path) -> None:
    edit_rows(part={"scored_notes": 200}, whole={"scored_notes": 11_585})
    with pytest.raises(ImplausibleIntervalError, match="differ in scored_notes, so not in their"):
        claim_measurements.compute_seed_spread("path", SEEDS)


@pytest.mark.parametrize(
    ("against", "problem"),
    [
        ([0.065, -13.4, 13.5], r"implausible interval of longer/part .* wider than 1\.200"),
        ([0.065, 0.1, 0.2], "path: implausible interval"),
        ([0.065, float("nan"), 0.2], "path: implausible interval"),
        ([float("inf"), float("-inf"), float("inf")], "path: implausible interval"),
    ],
)
def test_an_interval_that_its_data_cannot_give_is_refused(
    results: Path, against: list[float], problem: str
) -> None:
    wide = {"interval": [13.85, 14.15]}
    edit_rows(baseline=wide, part={**wide, "against": {"start/baseline": against}})
    gain = make_measurement("gain", "longer/part", "start/baseline", source="path")
    with pytest.raises(ImplausibleIntervalError, match=problem):
        claim_measurements.read_estimate(gain, 0.0)
    edit_rows(part={"against": {"start/baseline": [0.065, -0.1, 0.3]}})
    assert claim_measurements.read_estimate(gain, 0.0)


@pytest.mark.parametrize(
    "name", ["baseline", "stacked", "bidirectional", "dense", "hybrid", "wide"]
)
def test_layers_add_up_to_what_was_counted(
    project: Params, committed_metrics: Path, name: str
) -> None:
    """Keras counted the parameters of the trained model; the formula must give as many."""
    trained = json.loads((committed_metrics / paths.get_evaluation_path(name)).read_text("utf-8"))
    assert (
        sum(claim_measurements.count_layer_parameters(project.get_model_config(name)).values())
        == trained["parameters"]
    )


def test_a_layer_of_the_project_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    assert (
        claim_measurements.read_estimate(
            make_measurement("count", "stacked/lstm1", source="params"), 0.0
        )
        == (266_240.0,) * 3
    )
    assert (
        claim_measurements.read_estimate(
            make_measurement("count", "stacked/lstm3", source="params"), 0.0
        )
        is None
    )


def test_a_time_of_a_busy_machine_is_not_judged(results: Path) -> None:
    path = results / "metrics/benchmark.json"
    path.write_text(json.dumps(make_busy(json.loads(path.read_text("utf-8")))))
    assert claim_measurements.read_estimate(make_measurement("value", "train/large"), 0.1) is None
    ratio = make_measurement("ratio", "train/large/median", "train/large/median")
    assert claim_measurements.read_estimate(ratio, 0.1) is None
