from dataclasses import replace

import pytest

from pipeline.report.sections import quality


def test_the_decision_has_a_row_an_architecture_the_best_first(found):
    section = quality.build_decision_section(found)
    rows = section.tables[0].rows
    assert [(row[0], row[-1]) for row in rows] == [
        *(("architecture", "best in"), ("expressive", "100 %")),
        *(("trigram (n-gram)", "–"), ("unigram (n-gram)", "–")),
        *(("stacked", "0 %"), ("baseline", "0 %"), ("bidirectional", "0 %")),
        ("uniform (n-gram)", "–"),
    ]
    assert [row[0] for row in section.figures[0].numbers[1:]] == [
        "expressive",
        "stacked",
        "bidirectional",
    ]


def test_a_crowd_beside_a_far_best_gets_its_own_figure(found):
    titles = [figure.title for figure in quality.build_decision_section(found).figures]
    assert titles == ["Better or worse", "The same without expressive"]
    near = {**found.results.summary["expressive"], "low": -0.3, "high": -0.2}
    facts = replace(found.results, summary={**found.results.summary, "expressive": near})
    assert [
        figure.title
        for figure in quality.build_decision_section(replace(found, results=facts)).figures
    ] == ["Better or worse"]


def test_a_pair_says_which_is_better_unless_it_is_too_close(found):
    told = {
        (row[0], row[1]): row[-1]
        for row in quality.build_decision_section(found).tables[1].rows[1:]
    }
    assert told["stacked", "expressive"] == "expressive"
    assert told["baseline", "stacked"] == "too close to call"
    assert len(told) == 6


def test_heads_and_learning_stand_together(found):
    heads, learning = quality.build_heads_section(found).figures
    assert [row[0] for row in heads.numbers[1:]] == [
        *("expressive", "trigram (n-gram)", "unigram (n-gram)"),
        *("stacked", "baseline", "bidirectional", "uniform (n-gram)"),
    ]
    assert learning.numbers[1] == ["8,192", "16", "18.5", "18.6", "18.7"]


def test_calibration_has_a_figure_a_head_and_all_its_bins(found):
    section = quality.build_calibration_section(found)
    assert [figure.title for figure in section.figures] == [
        f"Calibration of {head}" for head in quality.HEADS
    ]
    assert len(section.figures[0].numbers) == 1 + 4 * 5
    assert ["baseline", "0.2", "0.4", "101", "0.300", "0.250"] in section.figures[0].numbers
    assert section.tables[0].rows[1] == [
        "expressive",
        "pitch",
        "5.500",
        "5.100",
        "5.0 %",
        "20.0 %",
        "0.0120",
    ]


def test_bits_by_context_are_summed_over_heads(found):
    both, pitch = quality.build_context_section(found).figures
    assert both.numbers[0] == ["notes heard", "expressive", "stacked", "baseline", "bidirectional"]
    assert both.numbers[1] == ["1", "15.5", "15.5", "15.5", "15.5"]
    assert pitch.numbers[2] == ["2", "5.7", "5.9", "6", "5.8"]


def test_pieces_are_folded_and_have_an_end(found):
    (table,) = quality.build_pieces_section(found).tables
    assert table.collapsed
    assert table.rows[1] == ["etude.mid", "11,585", "17.60", "17.50", "17.70", "15.00"]
    many = {**found.piece_scores, "rows": found.piece_scores["rows"] * 1000}
    (table,) = quality.build_pieces_section(replace(found, piece_scores=many)).tables
    assert len(table.rows) == 401
    assert "400 of 1,000 pieces" in table.caption


@pytest.mark.parametrize(
    "make",
    [
        quality.build_calibration_section,
        quality.build_context_section,
        quality.build_pieces_section,
    ],
)
def test_what_was_not_measured_is_not_shown(found, make):
    assert make(replace(found, calibration={}, piece_scores={})).is_empty
    assert not make(found).is_empty
