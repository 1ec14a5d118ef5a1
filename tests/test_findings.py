"""What a study found, on its page and in its figures."""

import json

import pytest
from conftest import codes
from test_streaming import CARRIED, tiny

from pipeline import findings, metrics, streaming
from pipeline.findings import Found
from pipeline.results import Evaluation
from pipeline.study import Run, Study


def evaluation(name: str, shift: float) -> Evaluation:
    """Evaluate a tiny model on made-up pieces, each note `shift` bits worse."""
    model = tiny(**CARRIED)
    pieces = [codes(seed, 40 + seed) for seed in range(25)]
    bits = [each + shift / 3 for each in streaming.bits(model, pieces, 4)]
    scores = metrics.collect([f"{number}.mid" for number in range(25)], bits)
    history = [{"epoch": 1.0, "notes": 64.0, "loss": 2.0, **scores.per_note()}]
    return Evaluation(name, model.block, model.parameters, 10, history, scores)


@pytest.fixture
def found() -> Found:
    first = evaluation("baseline", 0.0)
    timings = {"train": {"baseline": {"median": 1.0}, "better": {"median": 2.5}}}
    run = Run(about="two of them", set={}, architectures=["baseline", "better"])
    return Found(run, [first, evaluation("better", -0.5)], {"unigram": first.scores}, timings, 3)


def test_the_page_has_every_model_and_floor_the_fewest_bits_first(found: Found) -> None:
    study = Study(title="Title", page="docs/a.md", figures="metrics/a.json", runs={"axes": found.run})
    lines = [line for line in findings.page(study, {"axes": found}).splitlines() if line.startswith("| ")]
    assert [line.split(" | ")[0] for line in lines[1:]] == ["| better", "| baseline", "| unigram (floor)"]
    assert "-0.500 [-0.500, -0.500]" in lines[1]
    assert "2.50×" in lines[1]
    assert len({line.count("|") for line in lines}) == 1


def test_figures_are_of_the_form_that_programs_read(found: Found) -> None:
    told = json.loads(findings.figures({"axes": found}))
    row = told["better"]
    assert row["bits_per_note"] == pytest.approx(told["baseline"]["bits_per_note"] - 0.5, abs=2e-4)
    assert row["interval"][0] < row["bits_per_note"] < row["interval"][1]
    assert {"pitch", "step", "duration", "parameters", "input", "heads", "objective", "cell"} <= set(row)


def test_a_name_in_two_runs_is_kept_apart(found: Found) -> None:
    told = json.loads(findings.figures({"axes": found, "long": found}))
    assert set(told) == {"baseline", "better", "baseline_long", "better_long"}
