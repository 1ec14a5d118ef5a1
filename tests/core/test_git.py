import subprocess
from contextlib import suppress
from pathlib import Path

import pytest
from factories import run_git

from pipeline.core import git
from pipeline.core.errors import DataError

LOCK = """schema: '2.0'
stages:
  ingest:
    cmd: python -m x
    params:
      params.yaml:
        ingest:
          pedal: false
    outs:
    - path: data/notes
      md5: abc.dir
"""


@pytest.fixture
def repository(in_folder: Path) -> Path:
    """One commit that holds a lock and a JSON file, and a work tree that holds another."""
    (in_folder / "dvc.lock").write_text(LOCK)
    (in_folder / "a.json").write_text('{"a": 1}')
    for command in ("init -q", "add .", "commit -q -m one", "tag v1"):
        run_git(*command.split())
    (in_folder / "a.json").write_text('{"a": 2}')
    (in_folder / "new.json").write_text("{")
    return in_folder


def test_a_revision_keeps_what_it_had(repository: Path) -> None:
    assert git.make_json_reader("v1")(Path("a.json")) == {"a": 1}
    assert git.make_json_reader("HEAD")(Path("a.json")) == {"a": 1}
    assert git.make_json_reader("")(Path("a.json")) == {"a": 2}
    assert git.make_json_reader("v1")(Path("new.json")) == {}
    assert git.make_json_reader("")(Path("not/there.json")) == {}


def test_a_revision_is_found_by_each_of_its_names(repository: Path) -> None:
    commit = git.find_commit("HEAD")
    assert len(commit) == 40
    assert git.find_commit("v1") == git.find_commit(commit[:7]) == commit
    assert git.find_commit("v2") == git.find_commit("") == ""
    subprocess.run(["git", "branch", "-q", "idea"], check=True)
    assert {"v1", "idea"} <= set(git.list_revision_names())


def test_what_the_lock_says(repository: Path) -> None:
    lock = git.DvcLock.load("v1")
    assert lock.get_outputs() == {Path("data/notes"): "abc.dir"}
    assert lock.get_params("ingest") == {"ingest": {"pedal": False}}
    assert lock.get_params("train") == {}
    (repository / "dvc.lock").unlink()
    assert git.DvcLock.load().stages == {}


def test_conflict_markers_are_named_with_their_line(repository: Path) -> None:
    ours = "<<<<<<< HEAD\n      md5: a\n=======\n      md5: b\n>>>>>>> other\n"
    (repository / "dvc.lock").write_text(LOCK + ours)
    with pytest.raises(
        git.ConflictError, match=r"dvc.lock: conflict markers of Git at line 12; .*--ours"
    ):
        git.DvcLock.load()


@pytest.mark.parametrize("name", ["dvc.yaml", "dvc.lock"])
def test_the_files_of_dvc_have_no_conflict_markers(in_folder: Path, name: str) -> None:
    git.check_dvc_files()
    Path(name).write_text("<<<<<<< HEAD\nstages: {}\n=======\n>>>>>>> other\n")
    with pytest.raises(git.ConflictError, match=f"{name}: conflict markers of Git at line 1"):
        git.check_dvc_files()


def test_an_empty_dvc_yaml_is_no_project_without_stages(in_folder: Path) -> None:
    Path("dvc.yaml").touch()
    with pytest.raises(DataError, match=r"empty; 'git checkout dvc\.yaml' restores it"):
        git.check_dvc_files()


def test_changes_since_the_lock_was_committed_are_listed_by_file(repository: Path) -> None:
    assert git.list_changes_since_lock() == {Path("a.json"): "changed", Path("new.json"): "new"}
    (repository / "a.json").unlink()
    assert git.list_changes_since_lock()[Path("a.json")] == "gone"
    subprocess.run(["git", "add", "-A"], check=True)
    subprocess.run(
        ["git", "-c", "user.name=a", "-c", "user.email=a@b", "commit", "-q", "-m", "two"],
        check=True,
    )
    assert git.list_changes_since_lock() == {Path("a.json"): "gone", Path("new.json"): "new"}


def test_without_git_no_file_is_known_to_have_changed(in_folder: Path) -> None:
    assert git.list_changes_since_lock() == {}


def test_errors_name_the_revision_or_the_file(repository: Path) -> None:
    with pytest.raises(DataError, match="no revision 'v9' here; fetch it"):
        git.read_text("v9", Path("a.json"))
    with pytest.raises(DataError, match=r"new.json: not JSON .*; run 'dvc repro'"):
        git.make_json_reader("")(Path("new.json"))
    with pytest.raises(DataError, match="git ls-tree"):
        git.run_git("ls-tree", "nonsense")


def test_a_lock_that_was_cut_anywhere_is_read_or_said_to_be_torn(in_folder: Path) -> None:
    """DVC writes dvc.lock in place; many cuts of it are valid YAML."""
    for end in range(len(LOCK) + 1):
        (in_folder / "dvc.lock").write_text(LOCK[:end])
        with suppress(DataError):
            lock = git.DvcLock.load()
            assert "abc.dir".startswith("".join(lock.get_outputs().values()))
            assert set(lock.get_params("ingest")) <= {"ingest"}
