"""From a push to a promoted model that another repository gets by tag, with stages that take no time."""

import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest
import toy_project as toy
from ruamel.yaml import YAML
from typer.main import get_command

from pipeline import cli
from pipeline.ci import retrain
from pipeline.core.errors import DiskError

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def origin(tmp_path_factory: pytest.TempPathFactory) -> SimpleNamespace:
    """A bare repository and a folder remote that hold a toy project which was run, pushed and tagged."""
    home = tmp_path_factory.mktemp("origin")
    first = Path(shutil.copytree(toy.make_finished(), home / "first", symlinks=True))
    toy.run(home, "git", "init", "-q", "--bare", "-b", "main", "bare.git")
    toy.run(first, "git", "remote", "add", "origin", str(home / "bare.git"))
    toy.run(first, "dvc", "remote", "add", "-q", "-d", "folder", str(home / "remote"))
    toy.commit(first, "a remote")
    done = toy.music_rnn(first, "retrain")
    assert (
        "too close: baseline predicts held-out notes at" in done.stdout
    )  # than itself; but none was promoted before
    toy.commit(first, "first results")
    toy.run(first, "git", "tag", "-a", "recommended@v1.0.0", "-m", "the first")
    toy.run(first, "git", "push", "-q", "-u", "origin", "main", "recommended@v1.0.0")
    return SimpleNamespace(home=home, bare=home / "bare.git", first=first)


def clone_origin(origin: SimpleNamespace, folder: Path, *options: str) -> Path:
    toy.run(origin.home, "git", "clone", "-q", *options, str(origin.bare), str(folder))
    return folder


def test_without_the_remote_a_fresh_clone_makes_all_of_it_again(
    origin: SimpleNamespace, tmp_path: Path
) -> None:
    here = clone_origin(origin, tmp_path / "clone")
    toy.run(here, "dvc", "remote", "remove", "folder")
    before = (here / "dvc.lock").read_bytes()
    shown = toy.run(here, "dvc", "repro").stdout
    assert {"train@baseline", "train@dense", "windows"} <= toy.list_run_stages(shown)
    assert (here / "dvc.lock").read_bytes() == before


def test_a_change_is_retrained_judged_kept_and_offered_and_a_fresh_clone_has_nothing_to_do(
    origin: SimpleNamespace, tmp_path: Path
) -> None:
    here = clone_origin(origin, tmp_path / "clone")
    toy.edit(here, "model.dense.units", [64])
    toy.commit(here, "more units")
    toy.run(here, "git", "push", "-q")
    (here / ".dvc/tmp").mkdir(exist_ok=True)
    (here / ".dvc/tmp/rwlock").write_text("{")  # as a killed run left it
    shown = toy.music_rnn(here, "retrain", "--branch", "retrain/1", "--summary", "report.md").stdout
    assert ".dvc/tmp/rwlock" in shown
    assert "corpus tiny: changes of its folder cannot be seen (nowhere: no such folder)" in shown
    assert toy.list_run_stages(shown) == {
        "check",
        "train@dense",
        "evaluate@dense",
        "sample_metrics@dense",
        "compare",
        "benchmark",
    }
    page = (here / "report.md").read_text()
    assert page.startswith(
        "## Retrained, against HEAD\n\n**better: dense predicts held-out notes at "
    )
    assert "- train@dense runs: model.dense.units is [64], was [8]." in page
    assert "| train@dense | " in page and "| dense | " in page and "| better |" in page
    assert "  recommended:\n    path: models/dense\n" in (here / "dvc.yaml").read_text()
    locked = YAML(typ="safe", pure=True).load((here / "dvc.lock").read_text())["stages"][
        "train@dense"
    ]["outs"][0]["md5"]
    card = (here / "metrics/card.md").read_text()
    assert all(
        f"| {name} | " in card
        for name in ("corpus", "split", "params", "code", "bits per note", "cost")
    )
    assert (
        locked in card
        and "| licence of the music | CC0 |" in card
        and "2 modules and packages that train it" in card
    )
    second = clone_origin(origin, tmp_path / "second", "-b", "retrain/1")
    toy.run(second, "dvc", "pull", "-q")
    assert "up to date" in toy.run(second, "dvc", "repro").stdout
    assert "Nothing would run" in toy.music_rnn(second, "plan").stdout
    assert toy.run(second, "git", "log", "-1", "--format=%s").stdout == "Retrain: better\n"
    assert (second / "models/dense/weights").read_text() == "64 42 dense\n"


def test_what_got_worse_ends_with_code_1_and_is_not_offered(
    origin: SimpleNamespace, tmp_path: Path
) -> None:
    here = clone_origin(origin, tmp_path / "clone")
    for name in toy.ARCHITECTURES:
        toy.edit(here, f"model.{name}.units", [2])
    toy.commit(here, "fewer units")
    done = toy.music_rnn(here, "retrain", "--branch", "retrain/2", check=False)
    assert done.returncode == 1
    assert (
        "worse, and refused: " in done.stdout and "Refused since the model is worse." in done.stdout
    )
    assert "retrain/2" not in toy.run(here, "git", "ls-remote", "origin").stdout
    assert toy.music_rnn(here, "gate", check=False).returncode == 1
    assert toy.music_rnn(here, "promote", check=False).returncode == 1
    assert "models/baseline" in (here / "dvc.yaml").read_text()


def test_another_repository_gets_the_promoted_model_by_tag(
    origin: SimpleNamespace, tmp_path: Path
) -> None:
    bare = str(origin.bare)
    toy.run(
        tmp_path,
        "dvc",
        "get",
        "-q",
        bare,
        "models/baseline",
        "--rev",
        "recommended@v1.0.0",
        "-o",
        "by-path",
    )
    toy.run(
        tmp_path,
        "dvc",
        "artifacts",
        "get",
        "-q",
        bare,
        "recommended",
        "--rev",
        "v1.0.0",
        "-o",
        "by-name",
    )
    for folder in ("by-path", "by-name"):
        assert (tmp_path / folder / "weights").read_text() == "8 42 baseline\n"


def test_an_experiment_is_shared_by_the_git_and_the_dvc_remote(
    origin: SimpleNamespace, tmp_path: Path
) -> None:
    first, second = (
        clone_origin(origin, tmp_path / "here"),
        clone_origin(origin, tmp_path / "there"),
    )
    toy.run(first, "dvc", "pull", "-q")
    toy.run(first, "dvc", "exp", "run", "-q", "-n", "wider", "-S", "model.dense.units=[32]")
    toy.run(first, "dvc", "exp", "push", "-q", "origin", "wider")
    assert "wider" in toy.run(second, "dvc", "exp", "list", "origin", "--rev", "HEAD").stdout
    toy.run(second, "dvc", "exp", "pull", "-q", "origin", "wider")
    toy.run(second, "dvc", "exp", "apply", "-q", "wider")
    assert (second / "models/dense/weights").read_text() == "32 42 dense\n"
    toy.run(second, "dvc", "exp", "branch", "-q", "wider", "as-a-branch")
    assert "as-a-branch" in toy.run(second, "git", "branch", "--list", "as-a-branch").stdout


def test_a_leaked_split_is_refused_by_the_command(origin: SimpleNamespace, tmp_path: Path) -> None:
    from pipeline.core import paths
    from pipeline.corpus import tables

    here = Path(shutil.copytree(origin.first, tmp_path / "leaky"))
    rows = tables.read_pieces(here / paths.PIECES)
    (here / paths.PIECES).unlink()
    tables.write_pieces(
        here / paths.PIECES,
        [*rows[:-1], tables.PieceRow(4, "4.mid", "piece 0", "train", 300, 60.0, "4")],
    )
    done = toy.music_rnn(here, "gate", check=False)
    assert done.returncode == 1
    assert "Refused since 0.mid (test) is the same composition as 4.mid (train)." in done.stdout


def test_a_base_that_is_not_there_is_one_line(origin: SimpleNamespace) -> None:
    done = toy.music_rnn(origin.first, "gate", "--base", "v9", check=False)
    assert done.stderr == "error: no revision 'v9' here; fetch it, or name another with --base\n"


def test_the_command_that_updates_the_readme_is_one_of_today() -> None:
    assert retrain.UPDATE_README[-1] in get_command(cli.app).commands


def test_the_times_of_stages_are_those_between_their_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    timed_lines = [
        (0.0, "Stage 'fetch' didn't change, skipping"),
        (1.0, "Running stage 'train@a':"),
        (1.5, "> python"),
        (3.0, ""),
    ]
    timed_lines += [
        (3.0, "Stage 'b' is cached - skipping run, checking out outputs"),
        (5.0, "Running stage 'c':"),
        (9.0, "x"),
    ]
    monkeypatch.setattr(retrain, "run_command", lambda command, show: (0, timed_lines))
    result = retrain.run_dvc_repro(print)
    assert result.stage_seconds == {"train@a": 2.0, "c": 4.0}
    assert result.cached_stages == ["b"]
    monkeypatch.setattr(retrain, "run_command", lambda command, show: (1, timed_lines))
    with pytest.raises(retrain.RetrainError, match="'dvc repro' failed"):
        retrain.run_dvc_repro(print)


def test_a_report_is_added_to_what_is_there(tmp_path: Path) -> None:
    retrain.append_report("one\n", tmp_path / "a.md")
    retrain.append_report("two\n", tmp_path / "a.md")
    assert (tmp_path / "a.md").read_text() == "one\ntwo\n"
    (tmp_path / "file").touch()
    with pytest.raises(DiskError, match="cannot be written"):
        retrain.append_report("one\n", tmp_path / "file/a.md")
