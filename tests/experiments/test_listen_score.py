"""Exact intervals, and answers read from files."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from scipy.stats import binomtest

from pipeline.core.errors import DataError
from pipeline.experiments import listen_score
from pipeline.experiments.listen_score import Answer

HEADER = "item,model,piece,choice,right,seconds,sure\n"


@given(st.data())
def test_the_interval_is_that_of_scipy(data: st.DataObject) -> None:
    count = data.draw(st.integers(1, 400))
    num_right = data.draw(st.integers(0, count))
    exact = binomtest(num_right, count).proportion_ci(0.95, method="exact")
    interval = listen_score.compute_exact_interval(num_right, count)
    assert interval == pytest.approx((exact.low, exact.high), abs=1e-9)


def test_the_interval_of_many_answers_is_that_of_scipy() -> None:
    exact = binomtest(5_100, 10_000).proportion_ci(0.95, method="exact")
    interval = listen_score.compute_exact_interval(5_100, 10_000)
    assert interval == pytest.approx((exact.low, exact.high), abs=1e-8)


def test_the_interval_of_none_right_by_hand() -> None:
    # (1 - p) ** 4 = 0.025
    assert listen_score.compute_exact_interval(0, 4) == pytest.approx((0, 1 - 0.025**0.25))
    assert listen_score.compute_exact_interval(4, 4) == pytest.approx((0.025**0.25, 1))


@pytest.mark.parametrize(
    ("num_right", "verdict"),
    [(18, "heard as a model"), (11, "not told from a person"), (2, "taken for a person")],
)
def test_the_verdict_is_that_of_the_interval(num_right: int, verdict: str) -> None:
    assert listen_score.Score(None, None, 20, num_right).verdict == verdict


def write_answers(path: Path, *rows: str) -> Path:
    path.write_text(HEADER + "\n".join(rows) + "\n", encoding="utf-8")
    return path


def test_several_listeners_are_scored_alone_and_together_by_model(tmp_path: Path) -> None:
    one = write_answers(tmp_path / "ann.csv", "1,wide,a.mid,A,1,9.5,", "2,baseline,a.mid,B,0,3.0,")
    two = write_answers(tmp_path / "bob.csv", "1,wide,a.mid,A,1,8.1,very", "2,baseline,a,A,1,4,")
    scores = listen_score.score_answers(listen_score.load_answers([one, two]))
    rows = [
        (Path(score.listener or "all").name, score.model, score.num_right, score.num_answers)
        for score in scores
    ]
    assert rows == [
        ("ann", None, 1, 2),
        ("bob", None, 2, 2),
        ("all", "baseline", 1, 2),
        ("all", "wide", 2, 2),
        ("all", None, 3, 4),
    ]
    assert "as independent" in listen_score.describe_scores(scores)


def test_listeners_and_models_called_all_are_counted_once(tmp_path: Path) -> None:
    one = write_answers(tmp_path / "all.csv", "1,all,a.mid,A,1,9.5,", "2,wide,a.mid,B,0,3.0,")
    two = write_answers(tmp_path / "bob.csv", "1,all,a.mid,A,0,8.1,", "2,wide,a.mid,A,0,4.0,")
    scores = listen_score.score_answers(listen_score.load_answers([one, two]))
    assert [(score.num_right, score.num_answers) for score in scores] == [
        *[(1, 2), (0, 2)],
        *[(1, 2), (0, 2)],
        (1, 4),
    ]


def test_one_listener_of_one_model_is_one_row() -> None:
    scores = listen_score.score_answers([Answer("ann", "wide", True), Answer("ann", "wide", False)])
    assert [(score.listener, score.model) for score in scores] == [(None, "wide")]


def test_the_table_shows_share_interval_and_verdict(capsys: pytest.CaptureFixture[str]) -> None:
    Console(width=100).print(
        listen_score.make_score_table([listen_score.Score(None, "wide", 20, 18)])
    )
    row = capsys.readouterr().out.splitlines()[1]
    assert " ".join(row.split()) == "all wide 20 18 90% [68%, 99%] heard as a model"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "has no column 'item'"),
        ("item,model,piece,choice,seconds\n", "has no column 'right'"),
        (HEADER, "has no answers"),
        (HEADER + "1,wide,a.mid,A,yes,1.0,\n", "line 2: right is 'yes', not 0 or 1"),
        (HEADER + "1,wide\n", "line 2: right is None"),
    ],
)
def test_a_file_without_answers_is_refused_with_the_reason(
    tmp_path: Path, text: str, why: str
) -> None:
    path = tmp_path / "answers.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match=why) as error:
        listen_score.load_answers([path])
    assert str(path) in str(error.value)


def test_a_file_that_is_no_text_or_missing_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "answers.csv"
    with pytest.raises(DataError, match="no answers here"):
        listen_score.load_answers([path])
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DataError, match="no answers here"):
        listen_score.load_answers([path])


def test_the_same_file_twice_is_refused(tmp_path: Path) -> None:
    one = write_answers(tmp_path / "a.csv", "1,wide,a.mid,A,1,9.5,")
    two = write_answers(tmp_path / "b.csv", "1,wide,a.mid,A,1,9.5,")
    with pytest.raises(DataError, match=r"b\.csv: the same answers as .*a\.csv"):
        listen_score.load_answers([one, two])
