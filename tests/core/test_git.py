import subprocess
from contextlib import suppress
from pathlib import Path

import pytest

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
    for command in (
        "init -q",
        "add .",
        "-c user.name=a -c user.email=a@b commit -q -m one",
        "tag v1",
    ):
        subprocess.run(["git", *command.split()], check=True)
    (in_folder / "a.json").write_text('{"a": 2}')
    (in_folder / "new.json").write_text("{")
    return in_folder


def test_a_revision_keeps_what_it_had(repository: Path) -> None:
    assert git.make_json_reader("v1")(Path("a.json")) == {"a": 1}
    assert git.make_json_reader("HEAD")(Path("a.json")) == {"a": 1}
    assert git.make_json_reader("")(Path("a.json")) == {"a": 2}
    assert git.make_json_reader("v1")(Path("new.json")) == {}
    assert git.make_json_reader("")(Path("not/there.json")) == {}


def test_what_the_lock_says(repository: Path) -> None:
    assert git.load_output_hash("v1", Path("data/notes")) == "abc.dir"
    assert git.load_output_hash("", Path("data/other")) == ""
    assert git.load_stage_params("v1", "ingest") == {"ingest": {"pedal": False}}
    assert git.load_stage_params("v1", "train") == {}
    (repository / "dvc.lock").unlink()
    assert git.load_dvc_lock("") == {}


def test_errors_name_the_revision_or_the_file(repository: Path) -> None:
    with pytest.raises(DataError, match="no revision 'v9' here; fetch it"):
        git.read_text("v9", Path("a.json"))
    with pytest.raises(DataError, match=r"new.json: not JSON .*; run 'dvc repro'"):
        git.make_json_reader("")(Path("new.json"))
    with pytest.raises(DataError, match="git ls-tree"):
        git.run_git("ls-tree", "nonsense")


def test_a_lock_that_was_cut_anywhere_is_read_or_said_to_be_torn(in_folder: Path) -> None:
    """DVC writes it in place; many a cut leaves YAML that is whole."""
    for end in range(len(LOCK) + 1):
        (in_folder / "dvc.lock").write_text(LOCK[:end])
        with suppress(DataError):
            assert "abc.dir".startswith(git.load_output_hash("", Path("data/notes")))
            assert set(git.load_stage_params("", "ingest")) <= {"ingest"}
