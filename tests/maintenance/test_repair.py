"""What a killed run leaves is put right, and nothing else is touched."""

import fcntl
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from factories import ROOT, run_git
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from pipeline.cli import app
from pipeline.core.errors import ParamsError, PipelineError
from pipeline.core.git import ConflictError
from pipeline.maintenance import repair

LOCK = (
    "schema: '2.0'\nstages:\n  fetch:\n    cmd: python x.py\n    deps:\n    - path: a.py\n      hash: md5\n"
    f"      md5: {'a' * 32}\n      size: 3\n    params:\n      params.yaml:\n        corpus: tiny\n"
    f"    outs:\n    - path: data/raw\n      hash: md5\n      md5: {'b' * 32}.dir\n      size: 3\n      nfiles: 1\n"
)


@pytest.fixture
def home(in_folder: Path) -> Path:
    """A project of Git and DVC, with a whole record that is committed."""
    (in_folder / ".dvc/tmp").mkdir(parents=True)
    run_git("init", "-q")
    Path("dvc.lock").write_text(LOCK)
    run_git("add", "-A")
    run_git("commit", "-q", "-m", "x")
    return in_folder


ODD = [
    '{"write": {"a": {"pid": 1e400, "cmd": ""}}}',
    '{"read": {"a": 5}}',
    '{"read": [5]}',
    "[" * 100_000,
]
"""Read-write locks as only a damaged disk has them."""


def make_lock_info(pid: int) -> str:
    return json.dumps({"write": {"/x/data": {"pid": pid, "cmd": "dvc repro"}}, "read": {}})


def test_a_whole_project_is_left_as_it_is(home: Path) -> None:
    (home / ".dvc/tmp/rwlock").write_text('{"write": {}, "read": {}}')
    before = {path: path.read_bytes() for path in home.rglob("*") if path.is_file()}
    assert repair.repair_project() == []
    assert {path: data for path, data in before.items() if path.read_bytes() != data} == {}


@pytest.mark.parametrize(
    "text",
    ["", "{", '{"write": {"a": {"pid"', "[]", '{"write": 3}', make_lock_info(2**22 + 5), *ODD],
)
def test_a_torn_or_left_lock_is_removed(home: Path, text: str) -> None:
    (home / ".dvc/tmp/rwlock").write_text(text)
    (line,) = repair.repair_project()
    assert line.startswith(".dvc/tmp/rwlock: ") and "removed" in line
    assert not (home / ".dvc/tmp/rwlock").exists() and repair.repair_project() == []


def test_a_lock_of_another_program_with_that_number_is_removed(home: Path) -> None:
    with subprocess.Popen(["sleep", "30"]) as other:
        (home / ".dvc/tmp/rwlock").write_text(make_lock_info(other.pid))
        assert "gone" in repair.repair_project()[0]
        other.kill()


def test_while_dvc_runs_nothing_is_touched(home: Path) -> None:
    (home / "dvc.lock").write_text("")
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(30)", "dvc"]) as run:
        while "dvc" not in repair._read_command_line(
            run.pid
        ):  # it has no command line in its first moment
            time.sleep(0.01)
        (home / ".dvc/tmp/rwlock").write_text(make_lock_info(run.pid))
        with pytest.raises(
            PipelineError, match=rf"dvc is running here \(process {run.pid}: dvc repro\); wait"
        ):
            repair.repair_project()
        run.kill()
    with (home / ".dvc/tmp/lock").open("a") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(PipelineError, match="dvc is running here"):
            repair.repair_project()
    assert (home / "dvc.lock").read_text() == ""


@given(kept=st.integers(0, len(LOCK) - 1))
def test_a_record_that_is_cut_is_known_or_holds_whole_entries_only(kept: int) -> None:
    if repair.is_complete_lock(LOCK[:kept].encode()):
        assert LOCK[:kept].endswith("\n")
        last = LOCK[:kept].rstrip().splitlines()[-1].strip()
        assert not last.startswith(("- path", "path", "deps", "outs", "hash"))
    assert repair.is_complete_lock(LOCK.encode())


def test_the_record_of_this_project_is_whole() -> None:
    command = ["git", "show", "HEAD:dvc.lock"]
    committed = subprocess.run(command, cwd=ROOT, capture_output=True, check=True).stdout
    assert repair.is_complete_lock(committed)


@pytest.mark.parametrize("text", ["", LOCK[:-20], LOCK[:100], "stages: 3\n", "\0\0\0"])
def test_a_torn_record_is_kept_aside_and_that_of_git_takes_its_place(home: Path, text: str) -> None:
    (home / "dvc.lock").write_text(text)
    (line,) = repair.repair_project()
    assert "dvc.lock: torn" in line and "last commit" in line
    assert (home / "dvc.lock").read_text() == LOCK
    assert (home / ".dvc/tmp/dvc.lock.torn").read_text() == text


def test_without_a_commit_dvc_begins_a_new_record(home: Path) -> None:
    run_git("rm", "-q", "--cached", "dvc.lock")
    run_git("commit", "-q", "-m", "y")
    (home / "dvc.lock").write_text("")
    assert "none, DVC writes a new one" in repair.repair_project()[0]
    assert not (home / "dvc.lock").exists()


@pytest.mark.parametrize("worker", ["git", "dvc"])
@pytest.mark.parametrize(
    "name", ["index.lock", "HEAD.lock", "packed-refs.lock", "refs/heads/x.lock"]
)
def test_the_locks_of_git_are_removed_unless_someone_is_at_work(
    home: Path, monkeypatch: pytest.MonkeyPatch, name: str, worker: str
) -> None:
    (home / ".git" / name).write_text("")
    with monkeypatch.context() as patch:
        patch.setattr(
            repair, "find_project_processes", lambda program: [1] if program == worker else []
        )
        assert repair.repair_project() == []
    assert repair.repair_project() == [f".git/{name}: left by a run that is gone; removed"]
    run_git("commit", "-q", "--allow-empty", "-m", "y")


def test_a_git_in_this_folder_is_found(home: Path) -> None:
    with subprocess.Popen(["git", "cat-file", "--batch"], stdin=subprocess.PIPE) as work:
        assert wait_for_process("git") == [work.pid]
        work.kill()


def test_half_written_files_of_dead_writers_are_removed_and_those_of_living_ones_kept(
    home: Path,
) -> None:
    (home / "metrics/evaluate").mkdir(parents=True)
    (home / ".downloads").mkdir()
    dead, living = (
        home / f"metrics/evaluate/.a.json.{pid}.part" for pid in (2**22 + 5, os.getpid())
    )
    above, below = (home / place / f".a.b.{2**22 + 5}.part" for place in (".", ".downloads"))
    for path in (dead, living, above, below):
        path.write_text("{")
    assert repair.repair_project() == [
        f"{path.relative_to(home)}: half written by a run that is gone; removed"
        for path in (above, dead, below)
    ]
    assert living.exists() and not any(path.exists() for path in (above, dead, below))


def wait_for_process(program: str) -> list[int]:
    """Wait until such a process has begun."""
    for _ in range(100):
        if pids := repair.find_project_processes(program):
            return pids
        time.sleep(0.05)
    return []


def test_a_worker_of_a_queue_is_found(home: Path) -> None:
    """It works in a folder of its own, below this one, and holds no lock here."""
    task = home / ".dvc/tmp/exps/tmp1"
    task.mkdir(parents=True)
    assert repair.find_project_processes("dvc") == []
    (task / "dvc").write_text("import time\ntime.sleep(60)\n")
    with subprocess.Popen([sys.executable, "dvc"], cwd=task) as worker:
        assert wait_for_process("dvc") == [worker.pid]
        worker.kill()


def test_a_git_in_a_linked_worktree_is_found(
    home: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """It shares the refs, and their locks, with this folder."""
    linked = tmp_path_factory.mktemp("linked") / "tree"
    run_git("worktree", "add", "-q", str(linked), "-b", "other")
    with subprocess.Popen(
        ["git", "cat-file", "--batch"], stdin=subprocess.PIPE, cwd=linked
    ) as work:
        assert wait_for_process("git") == [work.pid]
        work.kill()


def test_what_a_run_is_writing_into_the_cache_is_left(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    half = home / ".dvc/cache/files/md5/5d/.Xy3.tmp"
    half.parent.mkdir(parents=True)
    half.write_text("hel")
    monkeypatch.setattr(
        repair, "find_project_processes", lambda program: [1] if program == "dvc" else []
    )
    assert repair.repair_project() == [] and half.exists()


def test_a_half_written_folder_of_a_dead_writer_is_removed(home: Path) -> None:
    dead, living = (home / f"data/notes/.notes.{pid}.part" for pid in (2**22 + 5, os.getpid()))
    for folder in (dead, living):
        folder.mkdir(parents=True)
        (folder / "part-00000.parquet").write_text("half")
    assert repair.repair_project() == [
        f"{dead.relative_to(home)}: half written by a run that is gone; removed"
    ]
    assert not dead.exists() and living.exists()


def test_what_dvc_was_writing_into_its_cache_is_removed_and_objects_are_kept(home: Path) -> None:
    half, whole = (
        home / ".dvc/cache/files/md5/5d" / name
        for name in (".Xy3.tmp", "41402abc4b2a76b9719d911017c592")
    )
    half.parent.mkdir(parents=True)
    for path in (half, whole):
        path.write_text("hello")
    assert repair.repair_project() == [
        f"{half.relative_to(home)}: half written by a run that is gone; removed"
    ]
    assert whole.exists() and not half.exists()


def test_a_torn_record_is_mended_where_dvc_never_ran(home: Path) -> None:
    (home / ".dvc/tmp").rmdir()
    (home / "dvc.lock").write_text("stages:")
    assert "kept as .dvc/tmp/dvc.lock.torn" in repair.repair_project()[0]
    assert (home / "dvc.lock").read_text() == LOCK


def test_conflict_markers_are_left_to_a_person(home: Path) -> None:
    text = f"<<<<<<< HEAD\n{LOCK}=======\n{LOCK}>>>>>>> other\n"
    (home / "dvc.lock").write_text(text)
    with pytest.raises(ConflictError, match="conflict markers of Git at line 1; take one side"):
        repair.repair_project()
    assert (home / "dvc.lock").read_text() == text


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "needs keys and values, not nothing"),
        ("seed: [1\n", "not YAML"),
        ("seed: 1\n", "Field required"),
    ],
)
def test_broken_params_are_said_with_the_remedy_and_code_1(
    home: Path, text: str, problem: str
) -> None:
    (home / "params.yaml").write_bytes((ROOT / "params.yaml").read_bytes())
    run_git("add", "params.yaml")
    run_git("commit", "-q", "-m", "params")
    assert CliRunner().invoke(app, ["repair"]).exit_code == 0
    (home / "params.yaml").write_text(text)
    error = CliRunner().invoke(app, ["repair"]).exception
    assert isinstance(error, ParamsError)
    assert problem in str(error) and "'git checkout params.yaml' undoes it" in str(error)
