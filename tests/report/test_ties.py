"""Ties in words."""

from dataclasses import replace

import pytest

from pipeline.report import summary, ties
from pipeline.report.tables import RunResults


@pytest.fixture
def results(report_data) -> RunResults:
    return report_data.results


def describe_pair(results: RunResults, more_compositions, more_replicates, **design) -> str:
    pair = {"a": "x", "b": "y", "tie": True}
    pair |= {"more_compositions": more_compositions, "more_replicates": more_replicates}
    return ties.describe_power(pair, replace(results, pairs={**results.pairs, **design}))


def test_under_cross_validation_one_factor_is_of_both(results):
    assert describe_pair(results, None, 11.96) == (
        "would show with about 12 times as many compositions and replicates (60 replicates of 120 compositions)"
    )
    assert describe_pair(results, 0.0, 0.8) == "would have shown"


@pytest.mark.parametrize(
    ("factors", "text"),
    [
        (
            (4.0, None),
            "would show with about 4.0 times as many compositions (400 compositions, with 3 seeds)",
        ),
        (
            (4.0, 2.0),
            "would show with about 4.0 times as many compositions (400 compositions, with 3 seeds)",
        ),
        ((0.3, 0.2), "would have shown"),
        ((None, 2.7), "would show with 9 seeds; no number of compositions is enough with 3 seeds"),
        ((None, None), "would show only with both more compositions and more than 3 seeds"),
    ],
)
def test_where_replicates_are_seeds_each_number_has_its_factor(results, factors, text):
    design = {"scheme": "seeds", "replicates": 3, "compositions": 100}
    assert describe_pair(results, *factors, **design) == text


def test_one_composition_tells_nothing(results):
    design = {"scheme": "seeds", "compositions": 1}
    assert describe_pair(results, None, None, **design) == "cannot be told from one composition"


def test_the_ties_that_would_take_most_are_first(results):
    rows = ties.build_tie_table(results)
    assert [row[0] for row in rows[1:]] == [
        "stacked and bidirectional",
        "stacked and baseline",
        "baseline and bidirectional",
    ]
    pairs = [
        {**pair, "more_replicates": None} if pair["a"] == "baseline" else pair
        for pair in results.pairs["pairs"]
    ]
    seeds = {**results.pairs, "scheme": "seeds", "pairs": pairs}
    first = ties.build_tie_table(replace(results, pairs=seeds))[1]
    assert first[0] == "baseline and bidirectional"
    assert first[2].startswith("would show only with both")


def test_statements_have_the_ties_of_the_best_and_the_decision_all(results):
    assert ties.list_best_ties(results) == []
    page = summary.render_decision_page(results)
    assert page.count("would show with about") == 3
    tied = {
        **results.summary["best"],
        "architecture": "stacked",
        "tied_with": "baseline bidirectional",
    }
    pairs = {**results.pairs, "ranked": ["stacked", "baseline", "bidirectional"]}
    best = replace(results, summary={**results.summary, "best": tied}, pairs=pairs)
    assert len(ties.list_best_ties(best)) == 3
    few = summary.state_best(best).details
    assert sum("would show" in line for line in few) == 3


def test_many_ties_of_the_best_are_the_largest_and_a_count(results, monkeypatch):
    monkeypatch.setattr(summary, "MAX_TIES", 1)
    tied = {
        **results.summary["best"],
        "architecture": "stacked",
        "tied_with": "baseline bidirectional",
    }
    pairs = {**results.pairs, "ranked": ["stacked", "baseline", "bidirectional"]}
    best = replace(results, summary={**results.summary, "best": tied}, pairs=pairs)
    details = summary.state_best(best).details
    assert details[-2].startswith("stacked and bidirectional: a difference of 0.05 bits")
    assert details[-1] == "metrics/decision.md has all 3 ties of the best."


def test_a_run_without_ties_has_no_table(results):
    clear = [{**pair, "tie": False} for pair in results.pairs["pairs"]]
    page = summary.render_decision_page(replace(results, pairs={**results.pairs, "pairs": clear}))
    assert "what it would take" not in page
