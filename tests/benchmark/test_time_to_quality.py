"""The script that measures CPU seconds to given bits per note."""

import runpy
from typing import Any

import pytest
from factories import ROOT, make_pedal_notes, make_window_dataset

from pipeline.config import Params
from pipeline.config.schema import ModelConfig
from pipeline.dataset.windows import WindowDataset

SMALL = {"embedding_dim": 8, "head_dim": 8, "units": [32, 32]}


@pytest.fixture(scope="module")
def script() -> dict[str, Any]:
    return runpy.run_path(str(ROOT / "benchmarks/time_to_quality.py"))


def make_dataset() -> WindowDataset:
    """Make three pieces to train on and four to validate on, with a pedal that moves."""
    pieces = [make_pedal_notes(seed, 120 if seed < 3 else 40) for seed in range(7)]
    return make_window_dataset(pieces, ["train"] * 3 + ["validation"] * 4)


def make_params(project: Params) -> Params:
    """Add a small model of the pedal with recall, and one without either."""
    block = project.model["recurrent_attention"].model_dump() | SMALL | {"span": 16}
    full = ModelConfig.model_validate(block | {"model_pedal": True, "recall": True})
    models = {"full": full, "plain": ModelConfig.model_validate(block)}
    return project.model_copy(update={"model": {**project.model, **models}})


@pytest.mark.slow
def test_models_with_and_without_pedal_and_recall_are_timed_side_by_side(
    script: dict[str, Any], project: Params, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = ["train.epochs=2", "train.notes_per_epoch=512", "train.stateful.bptt_length=16"]
    params = script["set_values"](make_params(project), settings)
    dataset = script["thin_out_validation"](make_dataset())
    curves = script["measure_curves"](params, dataset, ["full", "plain"], 600)
    shown = capsys.readouterr().out.splitlines()
    assert len(shown) == 4
    assert {line.split()[0] for line in shown[:2]} == {"full", "plain"}
    for curve in curves.values():
        (first, _), (second, _) = curve
        assert 0 < first < second
    assert curves["full"][1].bits != curves["plain"][1].bits
    table = script["format_table"](curves, (99.0, 1.0)).splitlines()
    assert table[0].split() == ["architecture", "to", "99", "bits", "to", "1", "bits", "best"]
    assert [line.split()[0] for line in table[1:]] == ["full", "plain"]
    assert all(line.split()[3] == "never" for line in table[1:])


def test_a_goal_is_reached_at_the_first_epoch_that_is_as_good(script: dict[str, Any]) -> None:
    point = script["Point"]
    curve = [point(5.0, 13.2), point(9.0, 13.0), point(14.0, 13.1), point(20.0, 11.5)]
    seconds = [script["find_seconds"](curve, goal) for goal in (14.0, 13.0, 12.0, 11.0)]
    assert seconds == [5.0, 9.0, 20.0, None]
    assert script["format_table"]({"wide": curve}, (13.0, 11.0)).splitlines()[1].split() == [
        *("wide", "9.0", "s", "never", "11.500")
    ]


def test_training_stops_after_the_seconds_given(script: dict[str, Any], project: Params) -> None:
    def train(params: object, name: str, dataset: object) -> Any:
        cost = {"slow": 30.0, "fast": 10.0}[name]
        return (script["Point"](cost * epoch, 13.0) for epoch in range(1, 100))

    measure = script["measure_curves"]
    measure.__globals__["train_curve"], original = train, measure.__globals__["train_curve"]
    curves = measure(project, make_dataset(), ["slow", "fast"], 60)
    measure.__globals__["train_curve"] = original
    assert [len(curves[name]) for name in ("slow", "fast")] == [3, 7]


def test_one_of_three_validation_pieces_is_scored(script: dict[str, Any]) -> None:
    thinned = script["thin_out_validation"](make_dataset())
    assert thinned.splits.tolist() == ["train"] * 3 + ["validation", "test", "test", "validation"]


def test_values_are_set_by_name(script: dict[str, Any], project: Params) -> None:
    params = script["set_values"](project, ["train.epochs=48", "model.wide.learning_rate=0.01"])
    assert params.train.epochs == 48
    assert params.train.max_validation_notes == 10**9
    assert params.model["wide"].learning_rate == 0.01
    with pytest.raises(SystemExit, match=r"--set train\.epoch=1: params\.yaml has no train\.epoch"):
        script["set_values"](project, ["train.epoch=1"])
    with pytest.raises(SystemExit, match=r"--set train\.epochs=0: .*; give another value"):
        script["set_values"](project, ["train.epochs=0"])
