import copy
from dataclasses import replace

from factories import make_quantized_notes
from report.conftest import make_continuation_comparison, make_two_sample_test

from pipeline.report.sections import samples
from pipeline.sample_metrics import features
from pipeline.sample_metrics.features import TrainingReference
from pipeline.sample_metrics.form import Continuation, compute_form


def test_every_histogram_holds_all_architectures_and_draws_two(report_data):
    figures = samples.build_sample_metrics_section(report_data).figures
    assert [figure.title for figure in figures] == [
        "Pitch classes",
        "Pitches",
        "Steps",
        "Durations",
    ]
    assert figures[0].numbers[0][1:] == [
        "held-out music",
        "expressive",
        "stacked",
        "baseline",
        "bidirectional",
    ]
    assert figures[0].numbers[1] == ["C", "8.3 %", "5.8 %", "7.5 %", "8.3 %", "6.7 %"]
    assert figures[0].caption.endswith("samples of expressive and baseline (lines).")


def test_shares_of_a_column_sum_to_one(report_data):
    for figure in samples.build_sample_metrics_section(report_data).figures:
        for column in range(1, len(figure.numbers[0])):
            total = sum(float(row[column].removesuffix(" %")) for row in figure.numbers[1:])
            assert abs(total - 100) < 0.1 * len(figure.numbers)


def test_pitches_that_nobody_plays_are_left_out(report_data):
    rows = samples.build_sample_metrics_section(report_data).figures[1].numbers
    assert (rows[1][0], rows[-1][0], len(rows)) == ("A♭0", "B8", 101)


def test_held_out_music_is_the_reference(report_data):
    _, measures, _, collapsed = samples.build_sample_metrics_section(report_data).tables
    assert measures.rows[1][:2] == ["held-out music", "0.4 (0.3–0.5)"]
    assert measures.rows[2][:2] == ["expressive", "0.5 (0.25–0.75)"]
    assert collapsed.rows[1] == [
        "expressive",
        "none",
        "sample 2",
        "9 notes, sample 2, from etude.mid",
    ]


def test_a_measure_outside_the_range_of_music_says_on_which_side(report_data):
    measures = {
        name: {**values, "measures": copy.deepcopy(values["measures"])}
        for name, values in report_data.sample_metrics.items()
    }
    for name, verdict in zip(measures, ("within", "above", "below", "unknown"), strict=True):
        measures[name]["measures"]["density"] = {
            "samples": [0.5, 0.25, 0.75],
            "held_out": [0.4, 0.3, 0.5],
            "verdict": verdict,
        }
    section = samples.build_sample_metrics_section(replace(report_data, sample_metrics=measures))
    rows = section.tables[1].rows
    column = rows[0].index("notes per second")
    shown = {row[0]: row[column].partition(")")[2] for row in rows[2:]}
    expected = zip(measures, ("", ", above", ", below", ""), strict=True)
    assert shown == dict(expected)
    assert rows[1][column] == "0.4 (0.3–0.5)"


def test_the_table_of_the_classifier_holds_real_music_and_says_what_tells(report_data):
    tests = {"baseline": make_two_sample_test(0.99), "expressive": make_two_sample_test(0.8)}
    table = samples.build_sample_metrics_section(replace(report_data, two_sample=tests)).tables[-1]
    tells = "more keys struck again while they sound; fewer rhythms repeated; longer notes"
    assert table.rows[1:] == [
        ["real against real", "0.51", "0.42 to 0.60", "nothing to tell"],
        ["expressive", "0.80", "0.75 to 0.85", tells],
        ["baseline", "0.99", "0.94 to 1.00", tells],
    ]
    assert "passage of 200 notes" in table.caption
    assert "98 prompts of 10 held-out compositions" in table.caption


def test_measures_outside_the_range_of_held_out_music_are_named(report_data):
    """One without a verdict, as for want of passages, does not count."""
    verdicts = samples.build_sample_metrics_section(report_data).tables[0]
    assert verdicts.rows[:2] == [
        ["architecture", "within", "below", "above"],
        ["expressive", "2 of 3", "none", "runs of 8 pitches heard before"],
    ]
    old = {
        name: {**values, "measures": {"copy": {"samples": [1, 1, 1], "held_out": [1, 1, 1]}}}
        for name, values in report_data.sample_metrics.items()
    }
    table = samples.build_sample_metrics_section(replace(report_data, sample_metrics=old)).tables[0]
    assert table.rows[1] == ["expressive", "0 of 0", "none", "none"]


def test_every_name_in_the_table_is_that_of_a_measure():
    notes = make_quantized_notes(0, 100)
    reference = TrainingReference.from_pieces([notes], [notes])
    (measures,) = features.compute_sample_features([notes], reference)
    assert set(samples.METRIC_NAMES) <= set(measures)


def test_overlaps_stand_below_that_of_music_with_music(report_data):
    overlaps = samples.build_sample_metrics_section(report_data).tables[2]
    assert overlaps.rows[1][1:] == ["0.830", "0.830"]
    assert overlaps.rows[2] == ["expressive", "0.710", "0.710"]


def test_without_measures_there_is_no_section(report_data):
    assert samples.build_sample_metrics_section(replace(report_data, sample_metrics={})).is_empty


def test_form_of_the_best_architecture_stands_beside_that_of_real_music(report_data):
    metrics = {name: dict(values) for name, values in report_data.sample_metrics.items()}
    for name in ("baseline", "expressive"):
        metrics[name]["continuations"] = make_continuation_comparison()
    section = samples.build_sample_metrics_section(replace(report_data, sample_metrics=metrics))
    (table,) = [table for table in section.tables if table.title.startswith("Form")]
    assert table.rows == [
        ["measure", "expressive", "real", "expressive less real", "real less real"],
        [
            "runs of 6 intervals heard within 256 notes [share]",
            "0.0134",
            "0.0672",
            "-0.0538 [-0.06, -0.0412]",
            "+0.0012 [-0.0031, +0.0051]",
        ],
        ["longest copy from training [notes]", "9.25", "9", "+0.25 [no interval]", "–"],
    ]
    assert "40 held-out prompts of 31 compositions, 2,000 notes each" in table.caption
    assert "(22 prompts)" in table.caption


def test_every_measure_of_form_has_a_row():
    notes = make_quantized_notes(0, 500)
    assert set(samples.FORM_NAMES) == {*compute_form(Continuation(notes[:50], notes)), "copy"}
