from dataclasses import replace

import pytest
from factories import make_ingest_summary

from pipeline.corpus.ingest_summary import WorkFile
from pipeline.report import html, readme, summary
from pipeline.stages import report


@pytest.fixture
def results(found):
    return found.results


def with_work_in(results, *splits, split="validation"):
    """Give ingest a work with a file in each of these splits, and let a split decide."""
    work = [WorkFile(member=f"{k}.mid", split=k, composition=f"Waltz ({k})") for k in splits]
    ingest = make_ingest_summary().model_copy(update={"near_duplicates": [work]})
    compare = results.params.compare.model_copy(update={"split": split})
    return replace(
        results, ingest=ingest, params=results.params.model_copy(update={"compare": compare})
    )


def changed(results, **best):
    values = {**results.summary, "best": {**results.summary["best"], **best}}
    return replace(results, summary=values)


def test_recommended_tied_confidence_and_cost(results):
    recommended, tied, confidence, cost = summary.build_statements(results)
    assert (recommended.answer, tied.answer) == ("expressive", "none")
    assert (confidence.answer, cost.answer) == ("Clear on this music only", "337,416 parameters")
    bits = "15.00 bits per note, averaged over 11,585 held-out notes. Fewer is better."
    assert bits in recommended.details
    assert "The fewest of 4 architectures." in recommended.details
    assert tied.details == ["2.500 bits fewer than the next, stacked (95 %: 2.350 to 2.650)."]
    assert confidence.details[0] == "expressive has the fewest bits in 100 % of 2,000 resamples."
    assert "Measured on 1 validation piece; intervals are over passages." in confidence.details
    assert "Training takes 1.25× and playing 1.25× the time of baseline." in cost.details
    assert "One note takes 61 µs from a state, on one thread." in cost.details


def test_all_views_render_the_same_statements(found, results, monkeypatch, tmp_path, capsys):
    """Each sentence is written once, so no view can say what another does not."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "metrics").mkdir()
    monkeypatch.setenv("COLUMNS", "1000")
    monkeypatch.setattr(report, "load_run_results", lambda _: results)
    monkeypatch.setattr(report.data, "load_report_data", lambda _: found)
    report.run(results.params)
    views = [
        capsys.readouterr().out,
        summary.render_decision_page(results),
        html.render_page(found),
        readme.render_decision_summary(results),
    ]
    for statement in summary.build_statements(results):
        for text in (statement.topic, statement.answer, *statement.sentences):
            escaped = text.replace("'", "&#39;")
            assert all(text in view or escaped in view for view in views), text
    for name in results.summary["ngrams"]:
        assert all(f"{name} (n-gram)" in view for view in views)
        assert not any("(floor)" in view or "Floors" in view for view in views)


def test_a_bit_is_a_factor_of_two(results):
    row = {**results.summary["expressive"], "difference": -2.0}
    results = replace(results, summary={**results.summary, "expressive": row})
    text = "The note that came was 4 times as likely as baseline held it."
    assert text in summary.state_recommendation(results).details


def test_the_recommended_need_not_be_the_best(results):
    details = summary.state_recommendation(changed(results, recommended="baseline")).details
    assert (
        "expressive has the fewest, 15.00, but by the rule baseline is to be preferred." in details
    )
    assert not any("times as likely" in line for line in details)


def test_ties_are_named_and_leave_the_order_open(results):
    tied = changed(results, tied_with="stacked baseline")
    assert summary.state_ties(tied).answer == "stacked, baseline"
    assert summary.state_confidence(tied).answer == "Too close to call"


def test_few_pieces_are_a_warning_and_many_are_none(results):
    assert "say nothing of other music" in summary.state_confidence(results).warning
    many = summary.state_confidence(replace(results, resampled_by_passage=False, num_pieces=137))
    assert (many.answer, many.warning) == ("Clear", "")


def test_a_work_of_training_in_the_split_that_decides_is_a_warning(found, results):
    leaking = with_work_in(results, "train", "validation", "test")
    warning = (
        "The models trained on 1 work of the validation split: train.mid (train) is the same work as validation.mid "
        "(validation); give all files of a work one split in the manifest, or leave them out."
    )
    assert summary.state_confidence(leaking).warning.startswith(f"{warning} So few pieces")
    page = html.render_page(replace(found, results=leaking))
    for view in (
        summary.render_decision_page(leaking),
        readme.render_decision_summary(leaking),
        page,
    ):
        assert warning in view
    assert "music it never saw" not in page and "music it never saw" in html.render_page(found)


@pytest.mark.parametrize(
    ("splits", "split"),
    [
        (("train", "test"), "validation"),
        (("validation", "test"), "validation"),
        (("train", "validation"), "test"),
        (("train",), "validation"),
    ],
)
def test_a_leak_elsewhere_is_no_warning(results, splits, split):
    elsewhere = with_work_in(replace(results, resampled_by_passage=False), *splits, split=split)
    assert summary.state_confidence(elsewhere).warning == ""


def test_a_leak_that_the_manifest_accepts_is_no_warning_and_is_named(results):
    leaking = with_work_in(replace(results, resampled_by_passage=False), "train", "validation")
    accepted = replace(leaking, accepted_leaks=["Waltz (train)"])
    assert summary.state_confidence(accepted).warning == ""
    text = "- leaks: none but those that the manifest accepts: Waltz (train)\n"
    assert text in summary.render_decision_page(accepted)


def test_the_decision_page_has_the_corpus_where_it_is_known(results):
    page = summary.render_decision_page(results)
    assert "\n## The corpus\n\n- taken: 1,000 notes in 6 pieces" in page
    assert "\n- leaks: none\n\n## The rule\n" in page
    metrics_alone = summary.render_decision_page(replace(results, ingest=None))
    assert "## The corpus" not in metrics_alone
    assert "so far in the piece.\n\n## The rule\n" in metrics_alone


def test_a_best_below_the_ngrams_is_a_warning(results):
    assert summary.state_recommendation(results).warning == ""
    below = changed(results, not_better_than="unigram trigram")
    warning = "The best does not beat every n-gram model"
    assert warning in summary.state_recommendation(below).warning
    assert warning in summary.format_markdown_statements(below)


def test_architectures_are_listed_with_the_ngrams_that_they_do_not_beat(results):
    details = summary.state_recommendation(results).details
    assert details[-1] == "Every architecture is better than every n-gram model."
    unbeaten = {
        "expressive": "",
        "stacked": "unigram trigram",
        "bidirectional": "uniform unigram trigram",
        "baseline": "unigram trigram",
    }
    rows = {
        name: {**results.summary[name], "not_better_than": ngrams}
        for name, ngrams in unbeaten.items()
    }
    weak = replace(results, summary={**results.summary, **rows})
    assert summary.state_recommendation(weak).details[-1] == (
        "Not better than n-gram models: stacked, baseline (than unigram, trigram); "
        "bidirectional (than uniform, unigram, trigram)."
    )


def test_without_pairs_the_reference_is_the_measure(results):
    alone = replace(results, pairs={})
    assert summary.state_ties(alone).details == [
        "2.600 bits fewer than baseline (95 %: 2.500 to 2.650)."
    ]
    (detail,) = summary.state_ties(changed(alone, architecture="baseline")).details
    assert detail.startswith("The next is expressive")


def test_a_pair_is_read_in_either_order(results):
    turned = [
        {"a": pair["b"], "b": pair["a"]}
        | {"difference": -pair["difference"], "low": -pair["high"], "high": -pair["low"]}
        for pair in results.pairs["pairs"]
    ]
    other = replace(results, pairs={**results.pairs, "pairs": turned})
    assert summary.state_ties(other) == summary.state_ties(results)


def test_one_that_cannot_stream_cannot_play_live(results):
    details = summary.state_cost(changed(results, recommended="bidirectional")).details
    assert "One note takes 900 µs from the window, on one thread." in details
    assert details[-1] == "It cannot go on from a state, so it cannot play live."
