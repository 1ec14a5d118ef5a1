"""What the search of learning rates found, on its page and in params.yaml."""

import importlib.util
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

import pytest
from experiments.test_tune import make_dataset, shrink_project
from factories import ROOT
from typer.testing import CliRunner

from pipeline.cli import app
from pipeline.config import Params
from pipeline.core import files, git, paths
from pipeline.core.errors import DataError
from pipeline.core.extras import explain_missing_module
from pipeline.evaluation.results import format_compact_json
from pipeline.experiments import tune, tune_results
from pipeline.experiments.tune import TuneScore
from pipeline.experiments.tune_results import Results, Search

BITS = {"baseline": {0.001: 17.0, 0.002: 16.5, 0.004: 16.5}, "gated": {0.001: 15.0, 0.002: 14.5}}
"""By architecture and rate; 20 at other rates."""
PAGE_BITS = 18.25


@pytest.fixture
def params(project: Params) -> Params:
    return shrink_project(project)


@pytest.fixture
def search(params: Params, in_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Search:
    """The plan of a project of two architectures, of which one is of the page."""
    monkeypatch.setattr(git, "run_git", lambda *arguments: "0123456 2026-11-28\n")
    pieces = tune.split_training_pieces(make_dataset())
    monkeypatch.setattr(tune, "load_training_pieces", lambda params: pieces)
    files.write_text(paths.CLAIMS, "architectures: {baseline: {name: Current}}\n")
    return tune_results.plan_search(params)


def keep_scores(search: Search, bits: Mapping[str, Mapping[float, float]]) -> None:
    """Keep a score of every run, as training would."""
    for key, run in search.runs.items():
        total = bits[run.architecture].get(run.learning_rate, 20.0)
        score = TuneScore(PAGE_BITS if run.is_of_page else total, 1.0, 1.0, 1.0)
        text = format_compact_json(asdict(score))
        files.write_text(tune.get_kept_dir() / f"{key}.json", text)


@pytest.fixture
def results(search: Search) -> Results:
    keep_scores(search, BITS)
    return tune_results.collect_results(search, {})


def set_rates(params: Params, **rates: float) -> Params:
    model = {
        name: config.model_copy(update={"learning_rate": rates[name]})
        for name, config in params.model.items()
    }
    return params.model_copy(update={"model": model})


def test_the_fewest_bits_choose_the_rate_and_the_lower_one_of_equals(results: Results) -> None:
    choices = tune_results.choose_rates(results)
    assert {name: choice.learning_rate for name, choice in choices.items()} == {
        "baseline": 0.002,
        "gated": 0.002,
    }
    assert choices["baseline"].bits_per_note == 16.5
    assert not choices["baseline"].is_at_edge
    assert results["best"] == {
        "baseline": {"learning_rate": 0.002, "bits_per_note": 16.5, "is_at_edge": False},
        "gated": {"learning_rate": 0.002, "bits_per_note": 14.5, "is_at_edge": False},
    }


def test_a_rate_at_an_edge_of_the_grid_is_named_on_the_page(search: Search) -> None:
    keep_scores(search, {"baseline": {0.0005: 16.0}, "gated": {0.016: 15.0}})
    results = tune_results.collect_results(search, {})
    page = tune_results.render_page(results)
    assert (
        "The best rate is at an edge of the grid for `baseline` (0.0005), `gated` (0.016):" in page
    )
    assert "No best rate" not in page


def test_the_page_has_all_figures(results: Results) -> None:
    page = tune_results.render_page(results)
    row = "| baseline | 20.000 | 17.000 | 16.500 | 16.500 | 20.000 | 20.000 | 0.002 |"
    assert row in page
    assert "| baseline | 18.250 | 16.500 | -1.750 | 0.002 |" in page
    assert "| gated | 18.250" not in page
    assert "No best rate is at an edge of the grid." in page
    assert "at a rate of 0.001 and with a loss weight of pitch of 0.05" in page
    assert "Held out: work 0." in page
    assert "Not finished" not in page


def test_a_page_of_part_of_the_runs_names_what_is_missing(search: Search) -> None:
    keep_scores(search, BITS)
    key = next(key for key, run in search.runs.items() if run.architecture == "gated")
    (tune.get_kept_dir() / f"{key}.json").unlink()
    results = tune_results.collect_results(search, {})
    assert list(tune_results.find_missing_runs(search, results)) == [key]
    assert list(tune_results.choose_rates(results)) == ["baseline"]
    page = tune_results.render_page(results)
    assert "Not finished: gated." in page
    assert "| gated | – | 15.000 | 14.500 | 20.000 | 20.000 | 20.000 | – |" in page


def test_runs_of_committed_results_are_not_run_again(search: Search, results: Results) -> None:
    tune_results.write_results(results)
    tune.remove_kept_scores()
    loaded = tune_results.load_results()
    assert tune_results.find_missing_runs(search, loaded) == {}
    assert tune_results.collect_results(search, loaded) == results


def test_torn_results_are_one_line(in_folder: Path) -> None:
    files.write_text(tune_results.METRICS, '{"baseline": {"run": "rate-0.001"}}')
    with pytest.raises(DataError, match=r"tune\.json: cannot be read .*; take it from Git again"):
        tune_results.load_results()


def test_rates_that_the_study_found_match(params: Params, results: Results) -> None:
    assert (
        tune_results.find_mismatches(set_rates(params, baseline=0.002, gated=0.002), results) == []
    )


def test_a_changed_value_is_one_line_that_says_what_to_do(params: Params, results: Results) -> None:
    params = set_rates(params, baseline=0.003, gated=0.002)
    assert tune_results.find_mismatches(params, results) == [
        "model.baseline.learning_rate is 0.003, but the best is 0.002 in metrics/studies/tune.json; set it"
    ]
    params = set_rates(params, baseline=0.002, gated=0.002)
    weights = params.train.loss_weights.model_copy(update={"pitch": 0.05})
    train = params.train.model_copy(update={"epochs": 2, "loss_weights": weights})
    lines = tune_results.find_mismatches(params.model_copy(update={"train": train}), results)
    assert lines[0].startswith("epochs is 2, but 1 in metrics/studies/tune.json; run 'music-rnn")
    assert lines[1].startswith("loss_weights is ")
    assert len(lines) == 2
    wider = params.model["gated"].model_copy(update={"units": [9]})
    model = {**params.model, "gated": wider, "new": wider}
    update = {"model": model, "architectures": [*params.architectures, "new"]}
    lines = tune_results.find_mismatches(params.model_copy(update=update), results)
    assert [line.partition(":")[0] for line in lines] == ["model.gated", "model.new"]
    assert tune_results.find_mismatches(params, {}) == [
        "metrics/studies/tune.json: no study of learning rates; run 'music-rnn study tune'"
    ]


def test_params_have_the_rates_of_the_committed_study(
    project: Params, in_committed_metrics: Path
) -> None:
    assert tune_results.find_mismatches(project, tune_results.load_results()) == []


def test_the_committed_page_is_of_the_committed_figures(in_committed_metrics: Path) -> None:
    page = (ROOT / tune_results.PAGE).read_text("utf-8")
    assert page == tune_results.render_page(tune_results.load_results())


def test_the_command_runs_what_is_missing_and_names_the_rates_to_set(
    search: Search, params: Params, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran: list[tuple[int, int]] = []

    def run_all(runs: Mapping[str, object], params: Params, num_processes: int) -> None:
        ran.append((len(runs), num_processes))
        keep_scores(search, BITS)

    monkeypatch.setattr(tune, "run_all", run_all)
    monkeypatch.setattr("pipeline.cli.experiments.load_params", lambda path: params)
    for arguments in ([], ["--jobs", "3"], ["--force"]):
        shown = CliRunner().invoke(app, ["study", "tune", *arguments])
        assert shown.exit_code == 0, shown.output
    assert ran == [(13, 0), (0, 3), (13, 0)]
    assert "docs/tune.md" in shown.output
    assert (
        "params.yaml: model.baseline.learning_rate is 0.001, but the best is 0.002" in shown.output
    )
    before = {path: path.read_bytes() for path in Path().rglob("*.*") if path.is_file()}
    shown = CliRunner().invoke(app, ["study", "other", "--jobs", "3"])
    assert shown.exit_code == 2 and "only study tune has it" in shown.output
    shown = CliRunner().invoke(app, ["study", "tune", "--no-run"])
    assert shown.output == tune_results.PAGE.read_text() + "\n"
    assert {path: path.read_bytes() for path in Path().rglob("*.*") if path.is_file()} == before


def test_without_tensorflow_no_process_starts_and_finished_runs_are_shown(
    search: Search, params: Params, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run_all(runs: Mapping[str, object], params: Params, num_processes: int) -> None:
        assert not runs, "processes start"

    def find_spec(name: str) -> None:
        assert name == "tensorflow"

    monkeypatch.setattr(tune, "run_all", run_all)
    monkeypatch.setattr("pipeline.cli.experiments.load_params", lambda path: params)
    monkeypatch.setattr(importlib.util, "find_spec", find_spec)
    shown = CliRunner().invoke(app, ["study", "tune"])
    assert isinstance(shown.exception, ModuleNotFoundError)
    assert str(explain_missing_module(shown.exception)) == (
        "package tensorflow is not installed; pip install 'music-rnn[train]'"
    )
    keep_scores(search, BITS)
    assert CliRunner().invoke(app, ["study", "tune"]).exit_code == 0
