"""Studies: what they run."""

from pathlib import Path

import pytest
from conftest import ROOT

from pipeline import study
from pipeline.params import Params
from pipeline.study import Factorial, Run, StudyError


@pytest.fixture
def factorial() -> Factorial:
    axes = {"input": ["scalar", "embedding"], "heads": ["regression", "mixture"], "objective": ["last", "every"]}
    return Factorial(of=["baseline", "stacked"], width=16, chain=8, **axes)


def test_a_factorial_is_every_combination_and_each_makes_sense(project: Params, factorial: Factorial) -> None:
    made = study.blocks(factorial, project)
    assert len(made) == 16
    one = made["stacked_embedding_mixture_every"]
    assert (one.input, one.heads, one.objective, one.memory) == ("embedding", "mixture", "every", "carried")
    assert one.units == project.model["stacked"].units
    assert made["baseline_scalar_regression_last"] == project.model["baseline"]


def test_overrides_give_dvc_the_same_blocks(project: Params, factorial: Factorial) -> None:
    """DVC reads overrides by Hydra: what it makes of them must be the block."""
    from omegaconf import OmegaConf

    run = Run(about="a", set={"train.epochs": 2}, architectures=["wide"], factorial=factorial)
    told = study.overrides(run, project)
    assert told[0] == "train.epochs=2"
    assert told[-1].startswith("architectures=[wide,baseline_scalar_regression_last,")
    name, _, block = next(each for each in told if "stacked_embedding_mixture_every" in each).partition("=")
    assert name == "+model.stacked_embedding_mixture_every"
    read = OmegaConf.to_container(OmegaConf.create(f"block: {block.replace(':', ': ')}"))["block"]
    assert read == study.blocks(factorial, project)["stacked_embedding_mixture_every"].model_dump()


def test_the_studies_of_the_project_can_be_read(project: Params, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    for path in Path("studies").glob("*.yaml"):
        for run in study.load(path.stem).runs.values():
            assert study.names(run, project)


def test_a_missing_or_bad_study_is_one_line(in_folder: Path) -> None:
    with pytest.raises(StudyError, match="no such study; there are: none here"):
        study.load("maestro")
    (in_folder / "studies").mkdir()
    (in_folder / "studies/bad.yaml").write_text("title: x\nrunz: {}\n")
    with pytest.raises(StudyError, match="runz") as error:
        study.load("bad")
    assert "\n" not in str(error.value)
