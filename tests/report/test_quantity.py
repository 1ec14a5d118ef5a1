from pipeline.report import quantity
from pipeline.report.charts.line import Series


def test_the_numbers_of_a_figure_stand_side_by_side():
    series = [Series("one", 0, [(1, 2.0), (8192, 1.23456)]), Series("two", 1, [(1, 3.0)])]
    assert quantity.tabulate_series(series, "notes") == [
        ["notes", "one", "two"],
        ["1", "2", "3"],
        ["8,192", "1.235", "–"],
    ]


def test_a_table_has_an_end():
    series = [Series("one", 0, [(float(k), 1.0) for k in range(2 * quantity.MAX_ROWS)])]
    assert len(quantity.tabulate_series(series, "notes")) == quantity.MAX_ROWS + 1
