import re
from dataclasses import replace

import pytest
from factories import make_busy, make_ingest_summary

from pipeline.corpus.ingest_summary import WorkFile
from pipeline.report import html, readme, summary
from pipeline.stages import report


@pytest.fixture
def results(report_data):
    return report_data.results


def add_work(results, *splits, split="validation"):
    """Give ingest a work with a file in each of these splits, and let a split decide."""
    work = [WorkFile(member=f"{k}.mid", split=k, composition=f"Waltz ({k})") for k in splits]
    ingest = make_ingest_summary().model_copy(update={"near_duplicates": [work]})
    compare = results.params.compare.model_copy(update={"split": split})
    return replace(
        results, ingest=ingest, params=results.params.model_copy(update={"compare": compare})
    )


def change_best(results, **best):
    values = {**results.summary, "best": {**results.summary["best"], **best}}
    return replace(results, summary=values)


def change_design(results, **values):
    """Change how many replicates and compositions were compared."""
    return replace(results, pairs={**results.pairs, **values})


def change_unbeaten(results, **ngrams):
    """Say which n-gram models architectures do not beat."""
    rows = {
        name: {**results.summary[name], "not_better_than": names} for name, names in ngrams.items()
    }
    best = results.summary["best"]
    best = {**best, "not_better_than": ngrams.get(best["architecture"], "")}
    return replace(results, summary={**results.summary, **rows, "best": best})


def test_recommended_ngrams_confidence_and_cost(results):
    recommended, ngrams, confidence, cost = summary.build_statements(results)
    assert (recommended.topic, recommended.answer) == ("Recommended", "expressive")
    assert (ngrams.answer, cost.answer) == ("all beat a histogram", "337,416 parameters")
    assert recommended.details[:2] == [
        "It has the fewest bits, and can stream.",
        "15.00 bits per note, averaged over 11,585 held-out notes. Fewer is better.",
    ]
    assert recommended.details[-1] == (
        "expressive has 2.50 bits fewer than stacked, the next that is not tied (95 %: 2.25 to 2.75)."
    )
    assert confidence.answer == "covers other pieces and other seeds"
    assert confidence.details == [
        "Measured on 10 compositions, each held out once in 5 replicates (cross-validation), each with its own seed.",
        "Architectures that share a letter are tied, at the 5 % level, corrected for 6 pairs.",
    ]
    assert "Training takes 1.25× (1.00 to 1.50) the CPU time of baseline." in cost.details
    assert "Playing takes 1.25× (1.00 to 1.50) the CPU time of baseline." in cost.details
    assert "One note takes 61 µs of one core from a state." in cost.details


def test_all_views_render_the_same_statements(report_data, results, monkeypatch, tmp_path, capsys):
    """Each sentence is written once, so no view can say what another does not."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "metrics").mkdir()
    monkeypatch.setenv("COLUMNS", "1000")
    monkeypatch.setattr(report, "load_run_results", lambda _: results)
    monkeypatch.setattr(report.data, "load_report_data", lambda _: report_data)
    report.run(results.params)
    views = [
        capsys.readouterr().out,
        summary.render_decision_page(results),
        html.render_page(report_data),
        readme.render_decision_summary(results),
    ]
    views[2] = re.sub(r'<span class="definition".*?</span>|</?span[^>]*>', "", views[2])
    for statement in summary.build_statements(results):
        for text in (statement.topic, statement.answer, *statement.sentences):
            escaped = text.replace("'", "&#39;")
            assert all(text in view or escaped in view for view in views), text
    for name in results.summary["ngrams"]:
        assert all(re.search(rf"{name}\W.*n-gram", view) for view in views)


def test_a_bit_is_a_factor_of_two(results):
    row = {**results.summary["expressive"], "difference": -2.0}
    results = replace(results, summary={**results.summary, "expressive": row})
    text = "The note that came was 4 times as likely as under baseline."
    assert text in summary.state_recommendation(results).details


TIED = {"architecture": "stacked", "tied_with": "baseline bidirectional"}


@pytest.mark.parametrize(
    ("best", "rule"),
    [
        ({}, "It has the fewest bits, and can stream."),
        (
            {**TIED, "recommended": "baseline"},
            "Of the best that can stream, it has the fewest parameters.",
        ),
        (
            {**TIED, "recommended": "bidirectional"},
            "No architecture can stream, so it is the one with the fewest bits.",
        ),
        (
            {"architecture": "bidirectional", "recommended": "baseline"},
            "bidirectional cannot stream; of those that can, it is the best, or has the fewest parameters of those tied.",
        ),
    ],
)
def test_the_recommendation_names_its_rule(results, best, rule):
    assert summary.state_recommendation(change_best(results, **best)).details[0] == rule


@pytest.mark.parametrize(
    ("best", "answers"),
    [
        ({}, ["expressive"]),
        ({"recommended": "baseline"}, ["baseline", "expressive"]),
        (
            {**TIED, "recommended": "stacked"},
            ["stacked", "stacked, baseline and bidirectional, tied"],
        ),
    ],
)
def test_best_has_a_statement_of_its_own_only_where_it_is_not_the_recommended_one_alone(
    results, best, answers
):
    first = best.get("architecture", "expressive")
    ranked = [name for name in results.by_bits if name in (first, "baseline", "bidirectional")]
    other = change_design(change_best(results, **best), ranked=ranked)
    statements = summary.build_statements(other)[: len(answers) + 1]
    topics = ["Recommended", "Best"][: len(answers)]
    assert [statement.topic for statement in statements] == [*topics, "Against n-grams"]
    assert [statement.answer for statement in statements[:-1]] == answers


def test_the_reference_is_not_compared_with_itself(results):
    details = summary.state_recommendation(change_best(results, recommended="baseline")).details
    assert not any("times as likely" in line for line in details)


def test_a_best_that_is_tied_is_a_set(results):
    ranked = [name for name in results.by_bits if name != "expressive"]
    statement = summary.state_best(change_design(change_best(results, **TIED), ranked=ranked))
    assert statement.answer == "stacked, baseline and bidirectional, tied"
    assert statement.details[0] == "Nobody can say which of 3 is better."
    assert statement.details[1] == (
        "stacked and bidirectional: a difference of 0.05 bits would show with about 32 times as many compositions and "
        "replicates (160 replicates of 320 compositions)."
    )


def test_seeds_are_counted_on_pieces_of_compositions_of_a_split(results):
    seeds = change_design(results, scheme="seeds", replicates=3, compositions=100)
    statement = summary.state_confidence(replace(seeds, num_pieces=137))
    assert statement.details[0] == (
        "3 seeds on 137 pieces of 100 compositions of the validation split."
    )
    assert (statement.answer, statement.warning) == ("covers other pieces and other seeds", "")


def test_one_seed_says_nothing_of_other_seeds(results):
    statement = summary.state_confidence(change_design(results, scheme="seeds", replicates=1))
    assert statement.answer == "covers other pieces, not other seeds"
    assert statement.warning == "One seed only: intervals hold other pieces and not other seeds."


def test_one_composition_says_nothing(results):
    one = change_design(results, scheme="seeds", compositions=1)
    statement = summary.state_confidence(one)
    assert statement.answer == "nobody can say"
    assert "there is no interval" in statement.warning
    assert not any("letter" in line for line in statement.details)


def test_a_work_of_training_in_the_split_that_decides_is_a_warning(report_data, results):
    seeds = change_design(results, scheme="seeds")
    leaking = add_work(seeds, "train", "validation", "test")
    warning = (
        "The models trained on 1 work of the validation split: train.mid (train) is the same work as validation.mid "
        "(validation); give all files of a work one split in the manifest, or leave them out."
    )
    assert summary.state_confidence(leaking).warning == warning
    page = html.render_page(replace(report_data, results=leaking))
    for view in (
        summary.render_decision_page(leaking),
        readme.render_decision_summary(leaking),
        page,
    ):
        assert warning in view
    assert "music it never saw" not in page and "music it never saw" in html.render_page(
        report_data
    )


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
    elsewhere = add_work(change_design(results, scheme="seeds"), *splits, split=split)
    assert summary.state_confidence(elsewhere).warning == ""


def test_a_leak_that_the_manifest_accepts_is_no_warning_and_is_named(results):
    leaking = add_work(change_design(results, scheme="seeds"), "train", "validation")
    accepted = replace(leaking, accepted_leaks=["Waltz (train)"])
    assert summary.state_confidence(accepted).warning == ""
    text = "- leaks: none but those that the manifest accepts: Waltz (train)\n"
    assert text in summary.render_decision_page(accepted)


def test_under_cross_validation_a_work_of_two_names_is_a_leak(results):
    """Folds are of compositions, and splits do not matter."""
    leaking = add_work(results, "train", "test")
    assert summary.state_confidence(leaking).warning == (
        "The models trained on 1 held-out work: test.mid (Waltz (test)) is the same work as train.mid "
        "(Waltz (train)); give all files of a work one composition in the manifest, or leave all but one out."
    )
    work = [
        file.model_copy(update={"composition": "Waltz"})
        for file in leaking.ingest.near_duplicates[0]
    ]
    ingest = leaking.ingest.model_copy(update={"near_duplicates": [work]})
    assert summary.state_confidence(replace(leaking, ingest=ingest)).warning == ""


def test_the_decision_page_has_the_corpus_where_it_is_known(results):
    page = summary.render_decision_page(results)
    assert "\n## The corpus\n\n- taken: 1,000 notes in 6 pieces" in page
    assert "\n- leaks: none\n\n## The rule\n" in page
    metrics_alone = summary.render_decision_page(replace(results, ingest=None))
    assert "## The corpus" not in metrics_alone
    assert (
        'one pair alone. Source: Cohen, "Statistical power analysis", 1988.\n\n## The rule\n'
        in metrics_alone
    )


def test_a_best_below_the_ngrams_is_a_warning(results):
    assert summary.state_ngrams(results).warning == ""
    below = change_unbeaten(results, expressive="unigram trigram")
    warning = "The best does not beat every n-gram model"
    assert warning in summary.state_ngrams(below).warning
    assert warning in summary.format_markdown_statements(below)


def test_ngrams_are_named_with_the_fewer_of_those_that_beat_them_and_those_that_do_not(results):
    assert summary.state_ngrams(results).details[1:] == [
        "All beat context_mixing, trigram, unigram and uniform."
    ]
    weak = change_unbeaten(
        results,
        expressive="trigram",
        stacked="unigram trigram",
        bidirectional="uniform unigram trigram",
        baseline="unigram trigram",
    )
    statement = summary.state_ngrams(weak)
    assert statement.answer == "3 of 4 do not beat a histogram"
    assert statement.details[1:] == [
        "No architecture beats trigram.",
        "Only expressive beats unigram.",
        "All but bidirectional beat uniform.",
        "The 3 that do not beat unigram have regression heads.",
    ]
    some = change_unbeaten(results, stacked="unigram")
    assert not any("regression" in line for line in summary.state_ngrams(some).details)


def test_one_that_cannot_stream_cannot_play_live(results):
    details = summary.state_cost(change_best(results, recommended="bidirectional")).details
    assert "One note takes 900 µs of one core from the window." in details
    assert details[-1] == "It cannot go on from a state, so it cannot play live."


def test_the_cost_on_a_busy_machine_is_said_not_to_be_known(results):
    busy = replace(results, benchmark=make_busy(results.benchmark))
    details = summary.state_cost(busy).details
    assert "Training time not measured: busy." in details
    assert "Playing time not measured: busy." in details
    assert "Time of one note not measured: busy." in details
