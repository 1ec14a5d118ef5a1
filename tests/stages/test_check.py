"""A wrong value of params.yaml is one line with the remedy, and no output is removed."""

import hashlib
import shutil
from pathlib import Path
from typing import Any

import pytest
import toy_project as toy
from factories import ROOT
from ruamel.yaml import YAML

from pipeline.config import Params
from pipeline.core import paths
from pipeline.core.errors import ParamsError
from pipeline.stages import check, runner

UNDO = "; params.yaml keeps this change, 'git checkout params.yaml' undoes it"
MISTAKES = {
    "architectures=[]": "params.yaml: architectures: List should have at least 1 item, not []",
    "architectures=[basline]": "params.yaml: architectures names 'basline', but there is no block "
    "model.basline; did you mean 'baseline'?",
    "corpus=tinny": "params.yaml: corpus: there is no data/corpora/tinny.yaml; did you mean 'tiny'?",
    "model.dense.units=8": "params.yaml: model.dense.units: Input should be a valid list, not 8",
    "model.dense.dense_units=-3": "params.yaml: model.dense.dense_units: Input should be greater than "
    "or equal to 0, not -3",
    "+train.epoch=3": "params.yaml: train.epoch: no such parameter; did you mean 'epochs'?",
}


def list_stages_after(first: str, stages: dict[str, Any]) -> set[str]:
    """Return the stages that DVC runs after one, whatever the matrix of architectures holds."""
    names, paths_written = {first}, {str(path) for path in list_outputs(stages[first])}
    for _ in stages:
        for name, stage in stages.items():
            if paths_written & set(stage["deps"]):
                names.add(name)
                # A matrix may be empty, and then its stages write nothing.
                paths_written |= set() if "matrix" in stage else list_outputs(stage)
    return names


def list_outputs(stage: dict[str, Any]) -> set[str]:
    entries = [*stage.get("outs", []), *stage.get("metrics", [])]
    return {next(iter(entry)) if isinstance(entry, dict) else entry for entry in entries}


def hash_files(folder: Path) -> dict[str, str]:
    """Return the hash of every file of the project but params.yaml and what DVC and Git keep."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
        and not {".dvc", ".git", "params.yaml"} & set(path.relative_to(folder).parts)
    }


def test_every_stage_runs_after_check_even_without_architectures() -> None:
    stages = YAML(typ="safe", pure=True).load((ROOT / "dvc.yaml").read_text("utf-8"))["stages"]
    assert list_stages_after("check", stages) == set(stages)


def test_dvc_yaml_stays_short() -> None:
    """16 lines a stage with its dependencies, one a line; plots are apart."""
    stages, _, plots = (ROOT / "dvc.yaml").read_text("utf-8").partition("\nplots:\n")
    assert len(stages.splitlines()) <= 210
    assert len(plots.splitlines()) <= 30


@pytest.mark.slow
@pytest.mark.parametrize("override", MISTAKES)
def test_a_mistake_costs_no_output(tmp_path: Path, override: str) -> None:
    project = Path(shutil.copytree(toy.make_finished(), tmp_path / "project", symlinks=True))
    toy.commit(project, "results")
    before = hash_files(project)
    done = toy.run(project, "dvc", "exp", "run", "-S", override, check=False)
    assert done.returncode and f"error: {MISTAKES[override]}{UNDO}\n" in done.stdout + done.stderr
    assert toy.list_run_stages(done.stdout) == {"check"}
    assert hash_files(project) == before
    toy.run(project, "git", "checkout", "params.yaml")
    assert "up to date" in toy.run(project, "dvc", "repro").stdout
    assert toy.run(project, "git", "status", "--short").stdout == ""


@pytest.mark.slow
def test_a_valid_change_runs_check_and_only_what_depends_on_the_value(tmp_path: Path) -> None:
    project = Path(shutil.copytree(toy.make_finished(), tmp_path / "project", symlinks=True))
    toy.edit(project, "benchmark.repeats", 7)
    assert toy.list_run_stages(toy.run(project, "dvc", "repro").stdout) == {"check", "benchmark"}
    assert "up to date" in toy.run(project, "dvc", "repro").stdout


def test_a_valid_file_gives_the_same_output_whatever_it_holds(
    in_folder: Path, project: Params
) -> None:
    paths.CORPORA.mkdir(parents=True)
    for corpus in ("one", "two"):
        paths.get_manifest_path(corpus).touch()
        check.run(project.model_copy(update={"corpus": corpus}))
        assert paths.PARAMS_CHECK.read_text("utf-8") == check.MESSAGE


def test_a_corpus_like_no_other_says_how_to_add_it(in_folder: Path, project: Params) -> None:
    with pytest.raises(
        ParamsError, match=r"no data/corpora/zzz\.yaml; add it with music-rnn add-corpus"
    ):
        check.run(project.model_copy(update={"corpus": "zzz"}))


def test_nothing_is_to_be_undone_in_the_copy_of_a_queued_experiment_or_without_git(
    in_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths.PARAMS.write_text("seed: 1\n")
    assert runner.advise_undo() == ""
    toy.run(in_folder, "git", "init", "-q")
    toy.commit(in_folder, "a project")
    assert runner.advise_undo() == ""
    paths.PARAMS.write_text("seed: 2\n")
    assert runner.advise_undo() == UNDO
    monkeypatch.setenv("DVC_ROOT", str(in_folder.parent))
    assert runner.advise_undo() == ""
