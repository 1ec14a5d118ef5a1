"""All that the pipeline wrote is read again; every kind of damage is found and named."""

import hashlib
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
import toy_project as toy
from factories import make_tiny_model
from typer.testing import CliRunner

from pipeline import cli
from pipeline.core import checksums, paths
from pipeline.corpus import bundle
from pipeline.corpus.bundle import CorpusPiece
from pipeline.dataset import windows
from pipeline.dataset.sharded_notes import ShardedNotes
from pipeline.dataset.windows import WindowDataset
from pipeline.maintenance import repair, verify
from pipeline.models import model_io

KINDS = {
    "corpora": "data/raw/a.zip",
    "tables of notes": "data/notes/notes/part-00000.parquet",
    "windows": "data/windows/notes-00000.npy",
    "models": "models/tiny/weights.npz",
    "replicates": "models/tiny/replicates/2/weights.npz",
    "unfinished trainings": ".checkpoints/a-1/state.npz",
    "objects in DVC's cache": ".dvc/cache/files/md5/5d/41402abc4b2a76b9719d911017c592",
    "outputs in dvc.lock": "metrics/a.json",
}


@pytest.fixture
def home(in_folder: Path) -> Path:
    """A project with one of each kind."""
    for place in KINDS.values():
        Path(place).parent.mkdir(parents=True, exist_ok=True)
    bundle.write_bundle(
        Path(KINDS["corpora"]),
        [CorpusPiece("a.mid", "a", "train", hashlib.sha256(b"x").hexdigest())],
        [b"x"],
    )
    Path(KINDS["tables of notes"]).write_text("hello")
    checksums.write_checksums(paths.NOTES.parent)
    codes = np.zeros((4, 4), np.int16)
    windows.save_windows(
        WindowDataset(
            notes=ShardedNotes([codes]),
            piece_ends=np.array([4]),
            splits=np.array(["train"]),
            piece_names=np.array(["a.mid"]),
            compositions=np.array(["a"]),
            sequence_length=2,
            stride=1,
            max_train_notes=0,
        ),
        paths.WINDOWS,
    )
    for replicate in (1, 2):
        folder = paths.get_replicate_dir("tiny", replicate)
        model_io.save_model(make_tiny_model(seed=replicate), folder)
    Path(KINDS["unfinished trainings"]).write_bytes(hashlib.sha256(b"x").digest() + b"x")
    Path(KINDS["objects in DVC's cache"]).write_text("hello")
    Path("metrics/a.json").write_text("{}")
    md5 = hashlib.md5(b"{}").hexdigest()
    lock = f"schema: '2.0'\nstages:\n  x:\n    cmd: y\n    outs:\n    - path: metrics/a.json\n      md5: {md5}\n"
    Path("dvc.lock").write_text(lock + f"    - path: metrics/gone.json\n      md5: {md5}\n")
    return in_folder


def test_an_undamaged_project_has_no_problem(home: Path) -> None:
    results = list(verify.verify_project())
    assert {each.category for each in results} == set(KINDS) | {"bundled models", "folders"}
    assert [each.problem for each in results if each.problem] == []


@pytest.mark.parametrize("kind", KINDS)
def test_one_flipped_bit_of_any_kind_is_found_and_named(home: Path, kind: str) -> None:
    path = Path(KINDS[kind])
    torn = bytearray(path.read_bytes())
    torn[len(torn) // 2] ^= 1
    path.write_bytes(torn)
    faults = [each for each in verify.verify_project() if each.problem]
    assert [each.category for each in faults] == [kind]
    assert path.name in faults[0].problem and "\n" not in faults[0].problem


def test_the_command_ends_with_one_when_something_is_damaged(home: Path) -> None:
    done = CliRunner().invoke(cli.app, ["verify"])
    assert done.exit_code == 0 and "corpora" in done.output
    Path("metrics/a.json").write_text("{ }")
    done = CliRunner().invoke(cli.app, ["verify"])
    assert done.exit_code == 1 and "metrics/a.json: not what dvc.lock says" in done.output


def test_a_torn_record_is_a_fault_not_a_traceback(home: Path) -> None:
    Path("dvc.lock").write_text("stages: {")
    assert (
        "run 'music-rnn repair'"
        in next(each for each in verify.verify_project() if each.problem).problem
    )


def test_the_hash_of_a_folder_is_that_of_dvc(in_folder: Path) -> None:
    from dvc_data.hashfile.build import build
    from dvc_data.hashfile.db.local import LocalHashFileDB
    from dvc_objects.fs.local import LocalFileSystem

    for name in ("b/c.txt", "a.txt", "b.txt", "b/ü"):
        path = in_folder / "out" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    system = LocalFileSystem()
    built = build(
        LocalHashFileDB(system, str(in_folder / "cache")), str(in_folder / "out"), system, "md5"
    )
    assert verify.compute_dvc_md5(in_folder / "out") == built[2].hash_info.value
    (in_folder / "out" / ".a.txt.99.part").write_text("")
    assert verify.compute_dvc_md5(in_folder / "out") == built[2].hash_info.value


def shut_folder(monkeypatch: pytest.MonkeyPatch, folder: str) -> None:
    """Make a folder unreadable; a mode would not stop root."""
    look = os.scandir

    def scandir(path: object) -> object:
        if str(path) == folder:
            raise PermissionError(13, "Permission denied", folder)
        return look(path)  # type: ignore[call-overload]

    monkeypatch.setattr(os, "scandir", scandir)


@pytest.mark.parametrize("folder", ["data/raw", ".dvc/cache/files"])
def test_a_folder_that_cannot_be_read_is_a_problem(
    home: Path, monkeypatch: pytest.MonkeyPatch, folder: str
) -> None:
    shut_folder(monkeypatch, folder)
    result = next(each for each in verify.verify_project() if each.problem)
    assert result.category == "folders" and result.problem.startswith(
        f"{folder}: cannot be looked into"
    )


def test_an_output_that_cannot_be_read_is_one_fault_among_others(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    of = verify.compute_dvc_md5
    monkeypatch.setattr(
        verify,
        "compute_dvc_md5",
        lambda path: Path("gone").read_bytes() if path.name == "a.json" else of(path),
    )
    faults = [each for each in verify.verify_project() if each.problem]
    assert [each.category for each in faults] == [
        "outputs in dvc.lock"
    ] and "metrics/a.json" in faults[0].problem


def test_what_a_run_takes_away_meanwhile_is_no_fault(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    look = os.scandir

    def scandir(path: object) -> object:
        if str(path) == "models/tiny":
            raise FileNotFoundError(2, "No such file or directory", str(path))
        return look(path)  # type: ignore[call-overload]

    monkeypatch.setattr(os, "scandir", scandir)
    assert [each.problem for each in verify.verify_project() if each.problem] == []


def test_what_dvc_was_writing_is_no_object_unless_it_is_writing_now(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path(KINDS["objects in DVC's cache"]).with_name(".Xy3.tmp").write_text("hel")
    with monkeypatch.context() as patch:
        patch.setattr(repair, "find_project_processes", lambda program: [1])
        assert [each.problem for each in verify.verify_project() if each.problem] == []
    (fault,) = [each.problem for each in verify.verify_project() if each.problem]
    assert "'music-rnn repair' removes it" in fault


def test_an_output_that_cannot_even_be_asked_for_ends_nothing(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in a folder that is closed: Path.exists raises then."""
    exists = Path.exists

    def closed(path: Path) -> bool:
        if path.name == "a.json":
            raise PermissionError(13, "Permission denied", str(path))
        return exists(path)

    monkeypatch.setattr(Path, "exists", closed)
    assert (
        len([each for each in verify.verify_project() if each.category == "outputs in dvc.lock"])
        == 1
    )


@pytest.mark.slow
def test_the_remedy_for_a_damaged_object_works(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """'dvc checkout' copies a damaged object again, and DVC then reports everything as up to date."""
    project = Path(shutil.copytree(toy.make_finished(), tmp_path / "project", symlinks=True))
    monkeypatch.chdir(project)
    output = Path("models/dense/weights")
    (damaged,) = [
        path for path in verify.DVC_CACHE.glob("??/*") if path.read_bytes() == output.read_bytes()
    ]
    mode = damaged.stat().st_mode
    damaged.chmod(0o644)
    damaged.write_bytes(b"X" + damaged.read_bytes()[1:])
    damaged.chmod(mode)
    shutil.rmtree(output.parent)
    toy.run(project, "dvc", "checkout")
    assert output.read_bytes() == damaged.read_bytes()
    problems = [check.problem for check in verify.verify_project() if check.problem]
    remedy = "delete it there, then run 'dvc repro'"
    (problem,) = [problem for problem in problems if problem.startswith(f"{output.parent}: not")]
    assert f"nor is its copy in the cache, {damaged}; {remedy}" in problem
    damaged.unlink()
    toy.run(project, "dvc", "repro")
    # The corpus of the toy project is no zip.
    kinds = {"outputs in dvc.lock", "objects in DVC's cache"}
    checks = [check for check in verify.verify_project() if check.category in kinds]
    assert checks and not any(check.problem for check in checks)
