from dataclasses import replace

from pipeline.report import summary as story


def changed(found, **best):
    summary = {**found.results.summary, "best": {**found.results.summary["best"], **best}}
    return replace(found, results=replace(found.results, summary=summary))


def test_which_how_sure_at_what_cost(found):
    which, sure, price = story.build_answers(found)
    assert (which.answer, sure.answer, price.answer) == (
        "expressive",
        "Clear on this music only",
        "337,416 parameters",
    )
    assert (
        "15.00 bits per note, averaged over 11,585 held-out notes. Fewer is better."
        in which.meaning
    )
    assert "The fewest of 4 architectures." in which.meaning
    assert "2.500 bits fewer than the next, stacked (95 %: 2.350 to 2.650)." in sure.meaning
    assert "Measured on 1 validation piece; intervals are over passages." in sure.meaning
    assert "Training takes 1.25× and playing 1.25× the time of baseline." in price.meaning
    assert "One note takes 61 µs from a state, on one thread." in price.meaning


def test_a_bit_is_a_factor_of_two(found):
    mine = {**found.results.summary["expressive"], "difference": -2.0}
    found = replace(
        found, results=replace(found.results, summary={**found.results.summary, "expressive": mine})
    )
    assert (
        "The note that came was 4 times as likely as baseline held it."
        in story.answer_recommendation(found).meaning
    )


def test_the_recommended_need_not_be_the_best(found):
    meaning = story.answer_recommendation(changed(found, recommended="baseline")).meaning
    assert (
        "expressive has the fewest, 15.00, but by the rule below baseline is to be preferred."
        in meaning
    )
    assert not any("times as likely" in line for line in meaning)


def test_what_is_not_sure_is_said(found):
    assert (
        story.answer_confidence(changed(found, tied_with="stacked baseline")).answer
        == "Too close to call: stacked, baseline"
    )
    assert "say nothing of other music" in story.answer_confidence(found).warning
    assert (
        story.answer_confidence(
            replace(
                found, results=replace(found.results, resampled_by_passage=False, num_pieces=137)
            )
        ).warning
        == ""
    )


def test_a_best_below_the_floors_is_a_warning(found):
    assert story.answer_recommendation(found).warning == ""
    assert (
        "these floors: unigram, trigram."
        in story.answer_recommendation(changed(found, not_better_than="unigram trigram")).warning
    )


def test_without_pairs_the_reference_is_the_measure(found):
    alone = replace(found, pairs={})
    assert (
        "2.600 bits fewer than baseline (95 %: 2.500 to 2.650)."
        in story.answer_confidence(alone).meaning
    )
    assert any(
        "The next is expressive" in line
        for line in story.answer_confidence(changed(alone, architecture="baseline")).meaning
    )


def test_one_that_cannot_stream_cannot_play_live(found):
    meaning = story.answer_cost(changed(found, recommended="bidirectional")).meaning
    assert "One note takes 900 µs from the window, on one thread." in meaning
    assert meaning[-1] == "It cannot go on from a state, so it cannot play live."
