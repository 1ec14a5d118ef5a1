"""`dvc exp show`, as docs/experiments.md has it, is a readable table."""

import json
import re
from pathlib import Path

import pytest
import toy_project as toy
from factories import ROOT
from stages.test_compare import decide_planted

from pipeline.config import Params
from pipeline.core import paths
from pipeline.evaluation.committed_best import CommittedBest
from pipeline.evaluation.results import Evaluation
from pipeline.stages import compare


def read_command() -> str:
    """Return the command of the section on columns, in one line."""
    text = (ROOT / "docs/experiments.md").read_text("utf-8")
    (block,) = re.findall(r"^```bash\n(dvc exp show [^`]*group[^`]*)^```", text, re.M)
    return block.replace("\\\n", " ").strip()


@pytest.fixture
def project(in_folder: Path, project: Params) -> Path:
    """A project with the summary of three architectures, committed."""
    decide_planted("difference", "cross_validation", 1, project)
    scores = Evaluation.load(paths.get_evaluation_path("small")).scores
    committed = CommittedBest("small", "0" * 7, project.ingest.model_dump(), scores)
    committed.save(paths.COMMITTED_BEST)
    params = project.model_copy(update={"architectures": ["baseline", "small", "large"]})
    compare.run(params.restrict_to(compare.PARAM_SECTIONS))
    stages = {"metrics": [str(paths.SUMMARY)], "params": ["params.yaml"]}
    (in_folder / "dvc.yaml").write_text(json.dumps(stages))
    (in_folder / "params.yaml").write_bytes((ROOT / "params.yaml").read_bytes())
    for command in (("git", "init", "-q", "-b", "main"), ("dvc", "init", "-q")):
        toy.run(in_folder, *command)
    return toy.commit(in_folder, "results")


def read_table(shown: str) -> list[dict[str, str]]:
    """Return the rows of a Markdown table."""
    header, _, *lines = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in shown.splitlines()
        if line.startswith("|")
    ]
    return [dict(zip(header, line, strict=True)) for line in lines]


def test_the_documented_columns_are_the_best_and_each_architecture(project: Path) -> None:
    rows = read_table(toy.run(project, "bash", "-c", read_command()).stdout)
    summary = json.loads((project / paths.SUMMARY).read_text("utf-8"))
    columns = {"Experiment", "best.architecture", "best.half_width", "best.recommended"}
    columns |= {"best.against_committed.difference"}
    for name in ("best", "baseline", "small", "large"):
        columns |= {f"{name}.bits_per_note", f"{name}.group"}
    assert [row["Experiment"] for row in rows] == ["workspace", "main"]
    for row in rows:
        assert set(row) == columns
        assert [row[f"{name}.group"] for name in ("large", "small", "baseline")] == ["a", "b", "c"]
        assert float(row["small.bits_per_note"]) == pytest.approx(
            summary["small"]["bits_per_note"], abs=0.01
        )
