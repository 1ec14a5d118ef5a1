"""A project below a folder whose name is not ASCII."""

import subprocess
from pathlib import Path

import pytest
import toy_project as toy
from ruamel.yaml import YAML

from pipeline.core import path_encoding


def test_an_ascii_path_has_no_problem_and_asks_nobody(
    in_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(subprocess, "run")
    assert path_encoding.find_cache_path_problem() == ""


@pytest.mark.slow
def test_what_dvc_refuses_is_said_before_and_the_remedy_works(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = toy.make(tmp_path / "josé/project")
    monkeypatch.chdir(project)
    problem = path_encoding.find_cache_path_problem()
    assert "josé" in problem and "dvc cache dir --local FOLDER" in problem
    run = ("dvc", "exp", "run", "--temp", "fetch")
    assert "'ascii' codec" in toy.run(project, *run, check=False).stderr
    toy.run(project, "dvc", "cache", "dir", "--local", str(tmp_path / "cache"))
    assert path_encoding.find_cache_path_problem() == ""
    toy.run(project, *run)


@pytest.mark.slow
def test_study_and_doctor_say_it_before_anything_runs(tmp_path: Path) -> None:
    project = toy.make(tmp_path / "josé/project")
    run = {"description": "d", "params": {"seed": 1}, "architectures": ["baseline"]}
    study = {
        "title": "t",
        "page": "docs/a.md",
        "metrics": "metrics/studies/a.json",
        "runs": {"one": run},
    }
    (project / "studies").mkdir()
    with (project / "studies/tiny.yaml").open("w") as out:
        YAML().dump(study, out)
    result = toy.music_rnn(project, "study", "tiny", check=False)
    assert result.returncode == 1 and "dvc cache dir --local FOLDER" in result.stderr
    assert "dvc cache dir --local FOLDER" in " ".join(
        toy.music_rnn(project, "doctor", check=False).stdout.split()
    )
