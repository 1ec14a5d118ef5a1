"""The committed best, from a small Git repository."""

import json
from pathlib import Path

import pytest
from experiments.conftest import commit_results, make_rows
from factories import make_tiny_model, run_git
from typer.testing import CliRunner

from pipeline import cli
from pipeline.core import paths
from pipeline.core.errors import DataError
from pipeline.evaluation.bits import PieceScores
from pipeline.evaluation.committed_best import CommittedBest
from pipeline.evaluation.results import Evaluation
from pipeline.experiments import pin_best


@pytest.fixture
def head(in_folder: Path) -> str:
    """A commit whose best is dense, and a later one without results."""
    run_git("init", "-q", "-b", "main")
    scores = PieceScores.from_rows(make_rows(-1.0, 5, 50, 2))
    history = [[{"epoch": 1.0, "notes": 9.0}]] * 2
    paths.SUMMARY.parent.mkdir()
    paths.SUMMARY.write_text(json.dumps({"best": {"architecture": "dense"}}))
    results = Evaluation("dense", make_tiny_model().config, 9, 10, history, scores)
    commit_results({"baseline": 0.0})
    results.save(paths.get_evaluation_path("dense"))
    run_git("add", "-A")
    run_git("commit", "-q", "-m", "dense")
    commit = run_git("rev-parse", "HEAD")
    run_git("commit", "-q", "--allow-empty", "-m", "later")
    return commit


def test_the_best_of_a_commit_is_kept_with_the_commit_that_wrote_it(head: str) -> None:
    done = CliRunner().invoke(cli.app, ["pin-best"], catch_exceptions=False)
    assert done.output == f"data/committed_best.json: dense at {head[:7]}\n"
    best = CommittedBest.load(paths.COMMITTED_BEST)
    assert (best.architecture, best.commit) == ("dense", head[:7])
    assert best.ingest == {"reader": "symusic", "sustain_pedal": False, "instruments": "all"}
    assert (
        best.scores.to_rows()
        == Evaluation.load(paths.get_evaluation_path("dense")).scores.to_rows()
    )


def test_a_commit_without_results_is_one_line(head: str) -> None:
    with pytest.raises(DataError, match=r"^HEAD~2 has no results of a best architecture \("):
        pin_best.read_committed_best("HEAD~2")
    with pytest.raises(DataError, match=r"^no revision 'HEAD~9' here; name another"):
        pin_best.read_committed_best("HEAD~9")
