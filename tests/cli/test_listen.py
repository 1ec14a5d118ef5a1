"""The command that makes a listening test and scores its answers."""

import hashlib
import json
import re
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from experiments.test_listen_pieces import make_dataset
from factories import ROOT, make_quantized_notes, make_tiny_model
from typer.testing import CliRunner

from pipeline import cli
from pipeline.core import paths
from pipeline.core.errors import DataError, ParamsError
from pipeline.dataset import windows
from pipeline.dataset.sharded_notes import ShardedNotes
from pipeline.models import model_io

RUN = CliRunner()
ANSWERS = "item,model,piece,choice,right,seconds,sure\n1,tiny,a.mid,A,{},2.5,\n"


@pytest.fixture
def in_project(in_folder: Path) -> Path:
    """A project with windows of three pieces, and a model that was trained on them."""
    shutil.copy(ROOT / paths.PARAMS, paths.PARAMS)
    shutil.copytree(ROOT / paths.CORPORA, paths.CORPORA)
    paths.WINDOWS.parent.mkdir()
    notes = make_quantized_notes(0, 3 * 600)
    dataset = replace(
        make_dataset(), notes=ShardedNotes([notes]), piece_ends=make_dataset().piece_ends * 12
    )
    windows.save_windows(dataset, paths.WINDOWS)
    sha256 = hashlib.sha256(paths.WINDOWS.read_bytes()).hexdigest()
    for name in ("tiny", "other"):
        card = {"windows_sha256": sha256, "replicate": 1, "replicates": 1, "scheme": "seeds"}
        model = replace(make_tiny_model(), provenance=card)
        model_io.save_model(model, paths.get_model_dir(name))
    return in_folder


def read_test(path: str) -> dict[str, object]:
    text = Path(path).read_text(encoding="utf-8")
    match = re.search(r'id="listening-test">(.*?)</script>', text)
    assert match
    return json.loads(match[1])


def test_a_test_of_two_models_is_one_file(in_project: Path) -> None:
    done = RUN.invoke(
        cli.app,
        ["listen", "tiny", "other", "--pairs", "4", "--seconds", "3"],
        catch_exceptions=False,
    )
    assert done.stdout == "listen.html\n"
    assert "trained on" not in done.stderr
    test = read_test("listen.html")
    assert len(test["pairs"]) == 4 and test["seconds"] == 3
    with pytest.raises(ParamsError, match=r"--out listen\.html: exists"):
        RUN.invoke(cli.app, ["listen", "tiny"], catch_exceptions=False)


def test_equal_seeds_give_equal_files_and_other_seeds_others(in_project: Path) -> None:
    written = []
    for number, seed in enumerate(("1", "1", "2")):
        arguments = ["tiny", "--pairs", "3", "--seconds", "2", "--seed", seed]
        RUN.invoke(cli.app, ["listen", *arguments, "-o", f"{number}.html"], catch_exceptions=False)
        written.append(Path(f"{number}.html").read_bytes())
    assert written[0] == written[1] != written[2]


def test_pictures_and_sound_of_every_pair_are_written(
    in_project: Path,
) -> None:
    arguments = ["listen", "tiny", "--pairs", "2", "--seconds", "1", "--pictures", "seen"]
    done = RUN.invoke(cli.app, arguments, catch_exceptions=False)
    assert done.stdout.split() == ["listen.html", "seen/pair-1.png", "seen/pair-2.png"]
    assert len(list(Path("seen").iterdir())) == 6


def test_the_bundled_model_is_the_default_and_what_it_knows_is_said(in_project: Path) -> None:
    done = RUN.invoke(cli.app, ["listen", "--pairs", "1", "--seconds", "1"], catch_exceptions=False)
    assert "maestro: was trained on maestro-v3" in done.stderr


def test_without_windows_the_remedy_is_named(in_project: Path) -> None:
    paths.WINDOWS.unlink()
    with pytest.raises(DataError, match="make them with 'dvc repro windows'"):
        RUN.invoke(cli.app, ["listen", "tiny"], catch_exceptions=False)


def test_answers_of_several_listeners_are_scored(in_folder: Path) -> None:
    for name, num_right in (("ann", 1), ("bob", 0)):
        Path(f"{name}.csv").write_text(ANSWERS.format(num_right) + "\n")
    done = RUN.invoke(cli.app, ["listen", "--score", "ann.csv", "bob.csv"], catch_exceptions=False)
    rows = [line.split()[:4] for line in done.stdout.splitlines()[1:4]]
    assert rows == [
        ["ann", "all", "1", "1"],
        ["bob", "all", "1", "0"],
        ["all", "tiny", "2", "1"],
    ]
    assert "guessing gives 50 %" in done.stdout


def test_no_answers_to_score_is_refused(in_folder: Path) -> None:
    done = RUN.invoke(cli.app, ["listen", "--score"])
    assert done.exit_code == 2
    assert "name the CSV files" in done.stderr
