"""Experiments compared with each other, from small made-up scores in a Git repository."""

import json
import shutil

import numpy as np
import pytest
from experiments.conftest import (
    commit_results,
    compare_by_name,
    describe_by_name,
    keep_experiment,
    make_rows,
    print_table,
    write_results,
    write_scores,
)
from factories import run_git

from pipeline.core import git, paths
from pipeline.core.errors import DataError
from pipeline.experiments import diff
from pipeline.experiments.diff import Comparison


def list_verdicts(rows: list[Comparison]) -> list[tuple[str, str, str]]:
    return [(row.architecture, row.experiment, row.verdict) for row in rows]


def test_each_architecture_is_compared_with_that_of_the_first(head: str) -> None:
    keep_experiment("idea", head, {"baseline": -0.5, "dense": -0.5})
    rows = compare_by_name("main", "idea")
    assert list_verdicts(rows) == [
        ("baseline", "main", "reference"),
        ("baseline", "idea", "better"),
        ("dense", "main", "reference"),
        ("dense", "idea", "worse"),
    ]
    assert rows[0].difference is None and rows[0].against == ""
    assert rows[1].difference is not None and rows[3].difference is not None
    assert rows[1].difference.estimate.mean == pytest.approx(-0.5, abs=0.05)
    assert rows[3].difference.estimate.mean == pytest.approx(0.5, abs=0.05)
    assert rows[1].bits_per_note == pytest.approx(rows[0].bits_per_note - 0.5, abs=0.05)
    assert rows[1].num_notes == 4500


def test_a_single_experiment_is_compared_with_the_commit(head: str) -> None:
    keep_experiment("idea", head, {"baseline": -0.5})
    assert list_verdicts(compare_by_name("idea")) == [
        ("baseline", "HEAD", "reference"),
        ("baseline", "idea", "better"),
    ]


def test_files_of_the_commit_that_an_experiment_started_from_are_not_its_results(head: str) -> None:
    """A run of one architecture leaves those of others as they were."""
    keep_experiment("idea", head, {"baseline": -0.5})
    assert git.read_text("", paths.get_evaluation_path("dense"))
    assert {row.architecture for row in compare_by_name("idea")} == {"baseline"}


def test_an_architecture_that_the_first_lacks_is_compared_with_its_best(head: str) -> None:
    keep_experiment("idea", head, {"hybrid": -1.5, "baseline": 0.0})
    rows = compare_by_name("idea")
    assert list_verdicts(rows) == [
        ("baseline", "HEAD", "reference"),
        ("baseline", "idea", "equal"),
        ("dense", "HEAD", "reference"),
        ("hybrid", "idea", "better"),
    ]
    assert (rows[1].against, rows[3].against) == ("baseline", "dense")
    assert (
        "hybrid is not in HEAD, so it is compared with dense, the best there."
        in describe_by_name("idea")
    )


def test_the_work_tree_is_an_experiment(head: str) -> None:
    write_results({"baseline": 0.3, "dense": -1.0})
    assert [row.verdict for row in compare_by_name("workspace")] == [
        "reference",
        "worse",
        "reference",
        "equal",
    ]


def test_a_small_difference_is_too_close_to_call(head: str) -> None:
    write_results({"baseline": 0.001})
    (_, row) = compare_by_name("workspace")
    assert row.verdict == "too close to call"
    assert row.difference is not None and row.difference.estimate.interval.includes_zero


def test_rows_that_agree_in_all_figures_shown_are_equal(head: str) -> None:
    """Another machine changes the last digits of one row; an interval over such rows is implausible."""
    path = paths.get_evaluation_path("baseline")
    values = json.loads(path.read_text())
    values["rows"][3][4] += 0.0001
    path.write_text(json.dumps(values))
    row = compare_by_name("workspace")[1]
    assert row.verdict == "equal"
    assert "0.000 equal" in " ".join(print_table([row]).split())


def test_one_piece_is_too_few_for_a_verdict(head: str) -> None:
    commit_results({"baseline": 0.0}, num_pieces=1)
    write_results({"baseline": -0.5}, num_pieces=1)
    (_, row) = compare_by_name("workspace")
    assert row.verdict == "too few pieces"
    assert row.difference is not None and np.isnan(row.difference.estimate.half_width)
    assert "[" not in print_table([row])


@pytest.mark.parametrize("change", [{"notes": 49}, {"pedal": "true"}])
def test_other_notes_are_not_compared(head: str, change: dict[str, int]) -> None:
    """With the sustain pedal, the same notes have other durations."""
    write_results({"baseline": -0.5}, **change)
    (_, row) = compare_by_name("workspace")
    assert (row.verdict, row.difference) == ("not the same notes", None)
    (sentence,) = describe_by_name("workspace")
    assert sentence == (
        "workspace and HEAD did not score the same notes (30 pieces, 3 replicates and 30 pieces, 3 replicates): corpus, "
        "ingest, replicates and compare must be equal in both."
    )


@pytest.mark.parametrize(
    ("design", "shared"),
    [
        ({"num_pieces": 29}, "29 pieces, 3 replicates"),
        ({"num_replicates": 2}, "30 pieces, 2 replicates"),
        ({"num_pieces": 31, "num_replicates": 4}, "30 pieces, 3 replicates"),
    ],
)
def test_of_other_pieces_and_replicates_the_shared_ones_are_compared(
    head: str, design: dict[str, int], shared: str
) -> None:
    # Pieces that both have are as hard as in the reference: a longer table begins with the same figures.
    write_results({"baseline": -0.5}, **design)
    (_, row) = compare_by_name("workspace")
    assert row.verdict == "better"
    assert row.difference is not None
    assert row.difference.estimate.mean == pytest.approx(-0.5, abs=0.05)
    sentence, intervals = describe_by_name("workspace")
    assert sentence.startswith("workspace and HEAD share a part of their notes (")
    assert sentence.endswith(f"; the difference is over the shared ones: {shared}.")
    assert intervals == f"Intervals are paired, over {shared}."


OLD_ROWS = [[f"{number // 2}.mid", 25, 300.0 + number, 300.0, 300.0] for number in range(12)]
"""Of six pieces cut to two passages, as files had them before there were replicates."""


def test_results_from_before_replicates_are_one_replicate_of_whole_pieces(head: str) -> None:
    write_scores("baseline", OLD_ROWS)
    (_, row) = compare_by_name("workspace", wanted=("baseline",))
    assert (row.num_notes, row.verdict) == (300, "worse")
    assert row.difference is not None
    assert row.difference.estimate.num_replicates == 1
    assert row.difference.estimate.num_compositions == 6
    assert describe_by_name("workspace")[-1].startswith("One replicate says nothing of other seeds")


def test_a_verdict_is_corrected_for_the_number_of_comparisons(head: str) -> None:
    """A difference that is real by itself is too close to call as one of many."""
    shifts = {f"m{number}": 0.0 for number in range(12)}
    commit_results(shifts)
    for number in range(12):
        rows = make_rows(0.0, 30, 50, 3)
        for index, row in enumerate(rows):
            # Mean 0.45 and standard deviation 1 over 30 pieces: t = 2.4, p = 0.02.
            row[4] += 50 * (0.45 + (-1) ** index)
        write_scores(f"m{number}", rows)
    differences = [row.difference for row in compare_by_name("workspace") if row.difference]
    assert not any(item.estimate.interval.includes_zero for item in differences)
    assert {row.verdict for row in compare_by_name("workspace")} == {
        "reference",
        "too close to call",
    }
    assert compare_by_name("workspace", wanted=("m3",))[1].verdict == "worse"
    assert "Verdicts are corrected for 12 comparisons; intervals are not." in describe_by_name(
        "workspace"
    )


def test_an_older_key_of_ingest_is_the_same_reading(head: str) -> None:
    text = paths.PARAMS.read_text()
    paths.PARAMS.write_text(
        text.replace("sustain_pedal", "pedal").replace(", instruments: all", "")
    )
    assert {row.verdict for row in compare_by_name("workspace")} == {"reference", "equal"}


def test_only_architectures_that_are_wanted_are_compared(head: str) -> None:
    keep_experiment("idea", head, {"baseline": -0.5, "dense": -0.5})
    assert {row.architecture for row in compare_by_name("idea", wanted=("dense", "dense"))} == {
        "dense"
    }
    with pytest.raises(DataError, match=r"no results of 'dens' in idea; did you mean 'dense'\?"):
        compare_by_name("idea", wanted=("dens",))
    with pytest.raises(DataError, match=r"no results of 'x' in idea; there are: baseline, dense"):
        compare_by_name("idea", wanted=("x",))


def test_several_experiments_stand_below_the_first(head: str) -> None:
    keep_experiment("one", head, {"baseline": -0.5})
    keep_experiment("two", head, {"baseline": 0.5})
    assert list_verdicts(
        compare_by_name("HEAD", "one", "two", "workspace", wanted=("baseline",))
    ) == [
        ("baseline", "HEAD", "reference"),
        ("baseline", "one", "better"),
        ("baseline", "two", "worse"),
        ("baseline", "workspace", "equal"),
    ]


def test_an_unknown_name_is_one_line_with_a_near_one(head: str) -> None:
    keep_experiment("larger-dense", head, {"dense": -0.5})
    run_git("branch", "tuned")
    for typed, meant in (("larger-dens", "larger-dense"), ("tund", "tuned"), ("head", "HEAD")):
        with pytest.raises(DataError, match=f"'{typed}' here; did you mean '{meant}'"):
            diff.load_experiments([typed])
    with pytest.raises(DataError, match=r"no experiment or revision '' here; 'dvc exp list"):
        diff.load_experiments([""])


@pytest.mark.parametrize("names", [["HEAD"], ["main"], ["HEAD", "main"], ["workspace"] * 2])
def test_an_experiment_is_not_compared_with_itself(head: str, names: list[str]) -> None:
    with pytest.raises(DataError, match=r"is the same as (HEAD|workspace); name another"):
        diff.load_experiments(names)


def test_of_experiments_of_one_name_that_of_the_commit_is_taken(head: str) -> None:
    keep_experiment("idea", head, {"baseline": -0.5})
    later = commit_results({"baseline": 0.1})
    other = keep_experiment("idea", later, {"baseline": 0.5})
    assert diff.find_experiment("idea") == other
    commit_results({"baseline": 0.2})
    with pytest.raises(DataError, match=rf"^idea: 2 experiments have this name; .*{other[:7]}"):
        diff.find_experiment("idea")


def test_results_that_are_away_are_named(head: str) -> None:
    """DVC removes an evaluation before it runs the stage again."""
    paths.get_evaluation_path("dense").unlink()
    assert "workspace has no results of dense; 'dvc repro' makes them." in describe_by_name(
        "workspace"
    )
    shutil.rmtree(paths.EVALUATIONS)
    with pytest.raises(DataError, match=r"^workspace has no results in metrics/evaluate; run 'dvc"):
        diff.load_experiments(["workspace"])


@pytest.mark.parametrize(
    "values",
    [
        "[1]",
        "{",
        '{"rows": []}',
        '{"rows": [["a", 0, 1, 1, 1]]}',
        '{"rows": [["a", 5, NaN, 1, 1]]}',
        '{"rows": [["a", 5, 1, 1, 1], ["a", 5, 1, 1]]}',
        '{"rows": [["a", "b", 1, 1, 1]]}',
        '{"rows": [[1, "a", "a", 5, 1, 1]]}',
        '{"rows": [[1, "a", "a", 0, 1, 1, 1]]}',
        '{"rows": [[1, "a", "a", 5, 1, NaN, 1]]}',
    ],
)
def test_damaged_results_are_one_line(head: str, values: str) -> None:
    paths.get_evaluation_path("dense").write_text(values)
    with pytest.raises(DataError, match=r"metrics/evaluate/dense.json: .*run 'dvc repro'$"):
        diff.load_experiments(["workspace"])


@pytest.mark.parametrize("text", ["- a\n", "architectures: 3\n", "a: [\n", "ingest: 3\n"])
def test_damaged_params_are_one_line(head: str, text: str) -> None:
    paths.PARAMS.write_text(text)
    with pytest.raises(DataError, match=r"^workspace: params.yaml cannot be read"):
        diff.load_experiments(["workspace"])
