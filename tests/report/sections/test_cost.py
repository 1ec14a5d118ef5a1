from dataclasses import replace

from factories import make_busy

from pipeline.report.sections import cost


def test_sizes_times_and_memory_of_each(report_data):
    sizes, latency = cost.build_cost_section(report_data).tables
    assert dict(zip(sizes.rows[0], sizes.rows[1], strict=True)) == {
        "architecture": "expressive",
        "parameters": "337,416",
        "KB": "338",
        "training, ratio": "1.25× (1.00–1.50)",
        "playing, ratio": "1.25× (1.00–1.50)",
        "multiply-adds a note": "83,000",
        "from the window": "2,000,000",
        "training [CPU s per million notes]": "55 (50–61)",
        "memory to train [MiB]": "812",
        "memory to play [MiB]": "74",
    }
    assert latency.rows[4] == [
        "bidirectional",
        "–",
        "–",
        "900 (880–950)",
        "1,500",
        "1.2× (1.0–1.5)",
        "1.2× (1.0–1.5)",
    ]


def test_bits_are_drawn_against_both_prices(report_data):
    size, time = cost.build_cost_section(report_data).figures
    assert size.numbers[1] == ["expressive", "337,416", "15.000"]
    assert time.numbers[1] == ["expressive", "1.25", "15.000"]
    assert size.drawing.count("<circle") == 4


def test_what_was_not_timed_is_left_out(report_data):
    ratios = {key: report_data.results.benchmark[key] for key in ("train", "generate")}
    section = cost.build_cost_section(
        replace(report_data, results=replace(report_data.results, benchmark=ratios))
    )
    assert len(section.tables) == 1
    assert section.tables[0].rows[0][-1] == "playing, ratio"


def test_memory_need_not_be_measured(report_data):
    costs = {
        name: {key: value for key, value in each.items() if "mib" not in key}
        for name, each in report_data.results.benchmark["costs"].items()
    }
    facts = replace(
        report_data.results, benchmark={**report_data.results.benchmark, "costs": costs}
    )
    assert cost.build_cost_section(replace(report_data, results=facts)).tables[0].rows[1][-3:] == [
        "55 (50–61)",
        "–",
        "–",
    ]


def test_claims_are_counted_and_listed(report_data):
    counted, matrix, listed, studies = cost.build_claims_section(report_data).tables
    assert counted.rows == [
        ["corpus", "fails", "holds", "not tested here", "too close to call"],
        ["default corpus", "2", "0", "0", "1"],
        ["MAESTRO", "1", "1", "1", "0"],
    ]
    assert matrix.rows[3][0] == "baseline (Current)"
    assert listed.collapsed and listed.title == "Every claim (3)"
    assert studies.rows == report_data.study_rows
    assert [
        table.title
        for table in cost.build_claims_section(
            replace(report_data, claim_rows=[], study_rows=[])
        ).tables
    ] == ["Measured (claimed)"]


def test_times_of_a_busy_machine_are_words_and_their_figure_is_left_out(report_data):
    busy = replace(report_data.results, benchmark=make_busy(report_data.results.benchmark))
    section = cost.build_cost_section(replace(report_data, results=busy))
    sizes, latency = section.tables
    assert sizes.rows[1][3:5] == ["not measured: busy"] * 2
    assert sizes.rows[1][7:] == ["not measured: busy", "812", "74"]
    assert latency.rows[1][1:] == ["not measured: busy"] * 6
    assert latency.rows[4][1:3] == ["–", "–"]
    assert [figure.title for figure in section.figures] == ["What size buys"]


def test_a_figure_names_the_architectures_whose_time_is_not_known(report_data):
    train = report_data.results.benchmark["train"]
    train = {**train, "stacked": make_busy(train["stacked"])}
    results = replace(
        report_data.results, benchmark={**report_data.results.benchmark, "train": train}
    )
    _, figure = cost.build_cost_section(replace(report_data, results=results)).figures
    assert figure.drawing.count("<circle") == 3
    assert len(figure.numbers) == 4
    assert figure.caption.endswith("Not measured, since the machine was busy: stacked.")
