from dataclasses import replace

import pytest

from pipeline.report.sections import quality


def test_the_decision_has_a_row_an_architecture_the_best_first(report_data):
    section = quality.build_decision_section(report_data)
    rows = section.tables[0].rows
    assert [row[:3] for row in rows] == [
        *(["architecture", "group", "bits"], ["expressive", "a", "15.00"]),
        ["context_mixing", "n-gram", "15.50"],
        *(["trigram", "n-gram", "16.40"], ["unigram", "n-gram", "16.50"]),
        *(["stacked", "b", "17.50"], ["baseline", "b", "17.60"], ["bidirectional", "b", "17.70"]),
        ["uniform", "n-gram", "26.90"],
    ]
    assert [row[0] for row in section.figures[0].numbers[1:]] == [
        "expressive",
        "stacked",
        "bidirectional",
    ]


def test_the_architectures_of_the_page_get_a_figure_at_their_scale(report_data):
    _, own = quality.build_decision_section(report_data).figures
    assert own.title == "The page's 3 architectures, at their own scale"
    assert [row[0] for row in own.numbers[1:]] == ["stacked", "bidirectional"]
    claims = {
        name: {**report_data.results.claims["baseline"]} for name in report_data.architectures
    }
    all_claimed = replace(report_data, results=replace(report_data.results, claims=claims))
    assert len(quality.build_decision_section(all_claimed).figures) == 1
    none_claimed = replace(report_data, results=replace(report_data.results, claims={}))
    assert len(quality.build_decision_section(none_claimed).figures) == 1


def test_a_pair_says_which_is_better_unless_it_is_a_tie(report_data):
    tied, pairs = quality.build_decision_section(report_data).tables[1:]
    better = {(row[0], row[1]): row[-1] for row in pairs.rows[1:]}
    assert better["expressive", "stacked"] == "expressive"
    assert better["stacked", "baseline"] == "tie"
    assert len(better) == 6
    assert len(tied.rows) == 1 + 3 and tied.collapsed


def test_heads_and_learning_stand_together(report_data):
    heads, learning = quality.build_heads_section(report_data).figures
    assert [row[0] for row in heads.numbers[1:]] == [
        *("expressive", "context_mixing (n-gram)", "trigram (n-gram)", "unigram (n-gram)"),
        *("stacked", "baseline", "bidirectional", "uniform (n-gram)"),
    ]
    first = ["16 (16–16)", "18.5 (18.5–18.5)", "18.6 (18.6–18.6)", "18.7 (18.7–18.7)"]
    assert learning.numbers[1] == ["8,192", *first]
    assert learning.drawing.count('class="band"') == 4
    assert "2 replicates" not in learning.caption and "5 replicates" in learning.caption


def test_calibration_has_a_figure_a_head_and_all_its_bins(report_data):
    section = quality.build_calibration_section(report_data)
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


def test_bits_by_context_are_summed_over_heads(report_data):
    both, pitch = quality.build_context_section(report_data).figures
    assert both.numbers[0] == ["notes heard", "expressive", "stacked", "baseline", "bidirectional"]
    assert both.numbers[1] == ["1", "15.5", "15.5", "15.5", "15.5"]
    assert pitch.numbers[2] == ["2", "5.7", "5.9", "6", "5.8"]


def test_pieces_are_folded_and_have_an_end(report_data):
    (table,) = quality.build_pieces_section(report_data).tables
    assert table.collapsed
    assert table.rows[1] == ["etude.mid", "11,585", "17.60", "17.50", "17.70", "15.00"]
    many = {**report_data.piece_scores, "rows": report_data.piece_scores["rows"] * 1000}
    (table,) = quality.build_pieces_section(replace(report_data, piece_scores=many)).tables
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
def test_what_was_not_measured_is_not_shown(report_data, make):
    assert make(replace(report_data, calibration={}, piece_scores={})).is_empty
    assert not make(report_data).is_empty
