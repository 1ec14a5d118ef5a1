"""Figures of the work tree compared with those of the last commit."""

import json
from pathlib import Path

import pytest
import toy_project as toy

from pipeline.ci import committed
from pipeline.core import paths

SUMMARY = {
    "best": {"architecture": "wide", "bits_per_note": 14.5, "difference": -0.5},
    "reference": "baseline",
    "baseline": {"bits_per_note": 15.0, "difference": 0.0, "low": 0.0, "high": 0.0, "epochs": 6},
    "wide": {"bits_per_note": 14.5, "difference": -0.5, "low": -0.6, "high": -0.4, "epochs": 6},
    "ngrams": {"trigram": {"bits_per_note": 16.0, "difference": 1.0, "low": None, "high": None}},
}
NUM_SUMMARY = 12
"""Of each architecture 5 figures, of the n-gram model 2; `best` repeats."""
RATIO = {"median": 2.0, "min": 1.8, "max": 2.4}
BENCHMARK = {
    "train": {"wide": RATIO},
    "costs": {
        "wide": {"parameters": 84_354, "train_mib": 700.0, "train_seconds_per_million": RATIO}
    },
    "latency": {"wide": {"window": {"median_us": 90.0, "min_us": 80.0}, "predict": RATIO}},
}
SAMPLES = {"measures": {"copy": {"samples": [5.0, 4.0, 7.0]}}, "histograms": {"pitches": [0.1] * 9}}


@pytest.fixture
def project(in_folder: Path) -> Path:
    """A repository with one commit of figures, to run in."""
    for path, values in (
        (paths.SUMMARY, SUMMARY),
        (paths.BENCHMARK, BENCHMARK),
        (paths.get_sample_metrics_path("wide"), SAMPLES),
    ):
        toy.write(path, values)
    toy.run(in_folder, "git", "init", "-q")
    return toy.commit(in_folder, "figures")


def change_figure(path: Path, keys: str, value: object) -> None:
    """Change one value of a file of figures, by keys with slashes between them."""
    tree = node = json.loads(path.read_text("utf-8"))
    *parents, last = keys.split("/")
    for key in parents:
        node = node[key]
    node[last] = value
    path.write_text(json.dumps(tree))


def test_equal_figures_are_counted(project: Path) -> None:
    commit = toy.run(project, "git", "rev-parse", "--short=7", "HEAD").stdout.strip()
    assert committed.describe_changes() == (
        f"{NUM_SUMMARY + 4} figures: 0 differ from those committed at {commit}"
    )


def test_a_change_beyond_noise_is_named_and_one_within_it_is_counted(project: Path) -> None:
    change_figure(paths.SUMMARY, "wide/bits_per_note", 14.55)
    change_figure(paths.SUMMARY, "wide/difference", -0.65)
    assert committed.describe_changes().endswith(
        ", 1 of them beyond noise: wide difference -0.5 -> -0.65"
    )
    change_figure(paths.SUMMARY, "wide/difference", -0.5)
    line = committed.describe_changes()
    assert ": 1 differ from those committed at " in line
    assert line.endswith(", none of them beyond noise")


@pytest.mark.parametrize(
    ("path", "keys", "within", "beyond"),
    [
        (paths.SUMMARY, "wide/bits_per_note", 14.59, 14.61),
        (paths.SUMMARY, "baseline/bits_per_note", 15.09, 15.11),
        (paths.SUMMARY, "ngrams/trigram/bits_per_note", 16.09, 16.11),
        (paths.BENCHMARK, "train/wide/median", 2.39, 2.41),
        (paths.BENCHMARK, "costs/wide/parameters", 84_500, 90_000),
        (paths.BENCHMARK, "latency/wide/predict/median", 1.9, 1.7),
        (
            paths.get_sample_metrics_path("wide"),
            "measures/copy/samples",
            [6.0, 6.0, 9.0],
            [8.0, 4.0, 7.0],
        ),
    ],
)
def test_noise_is_that_of_the_kind_of_figure(
    project: Path, path: Path, keys: str, within: object, beyond: object
) -> None:
    change_figure(path, keys, within)
    assert committed.describe_changes().endswith(", none of them beyond noise")
    change_figure(path, keys, beyond)
    assert ", 1 of them beyond noise: " in committed.describe_changes()


def test_without_any_interval_rounding_is_noise() -> None:
    (figure,) = committed.list_summary_figures({"baseline": {"bits_per_note": 15.0}})
    assert (figure.low, figure.high) == (14.9995, 15.0005)


def test_a_time_of_a_busy_machine_is_no_figure(project: Path) -> None:
    busy = {**dict.fromkeys(RATIO), "reason": "not measured: busy"}
    change_figure(paths.BENCHMARK, "train/wide", busy)
    assert committed.describe_changes().startswith(f"{NUM_SUMMARY + 3} figures: 0 differ")


def test_times_and_memory_of_another_machine_are_no_figures(project: Path) -> None:
    before = committed.describe_changes()
    change_figure(paths.BENCHMARK, "costs/wide/train_mib", 900.0)
    change_figure(paths.BENCHMARK, "costs/wide/train_seconds_per_million/median", 900.0)
    change_figure(paths.BENCHMARK, "latency/wide/window/median_us", 900.0)
    assert committed.describe_changes() == before


def test_only_the_first_figures_are_named(project: Path) -> None:
    for number in range(8):
        change_figure(paths.BENCHMARK, f"costs/wide/{number}", 1.0)
    toy.commit(project, "more")
    for number in range(8):
        change_figure(paths.BENCHMARK, f"costs/wide/{number}", 2.0)
    line = committed.describe_changes()
    assert line.count(" -> ") == committed.MAX_SHOWN
    assert line.endswith(" and 3 more")


def test_a_folder_without_a_commit_is_one_line(in_folder: Path) -> None:
    toy.write(paths.SUMMARY, SUMMARY)
    expected = "figures not compared: this folder has no commit of Git"
    assert committed.describe_changes() == expected
    toy.run(in_folder, "git", "init", "-q")
    assert committed.describe_changes() == expected


def test_a_machine_without_git_is_one_line(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    assert committed.describe_changes().startswith("figures not compared with those committed: ")


def test_a_commit_without_figures_is_one_line(project: Path) -> None:
    toy.run(project, "git", "rm", "-rq", "--cached", "metrics")
    toy.run(project, "git", "commit", "-qm", "none")
    assert committed.describe_changes().endswith("has none of them")


def test_a_damaged_file_is_one_line(project: Path) -> None:
    paths.SUMMARY.write_text("{")
    line = committed.describe_changes()
    assert line.startswith("figures not compared with those committed: metrics/summary.json: not ")
    assert "\n" not in line
