"""Sections on how well each architecture predicts: decision, learning, heads, calibration, context, pieces."""

from collections.abc import Mapping
from typing import Any

from pipeline.evaluation import decision
from pipeline.report import quantity
from pipeline.report import tables as report
from pipeline.report.blocks import Figure, Section, Table
from pipeline.report.charts import bar, line
from pipeline.report.charts.bar import Interval
from pipeline.report.charts.line import Axes, Series
from pipeline.report.data import ReportData
from pipeline.report.tables import Rows

HEADS = ("pitch", "step", "duration")
MIN_BIN_NOTES = 20
"""Notes below which a share of them is not drawn; the numbers below the figure have it."""
OUTLIER_RATIO = 5
"""Intervals that are this many times nearer to zero than the best get a figure of their own."""


def build_decision_section(data: ReportData) -> Section:
    """Return the decision table, and differences with their intervals."""
    facts = data.results
    rows = report.build_summary_table(facts)
    if shares := data.pairs.get("best"):
        rows = [
            [*row, told]
            for row, told in zip(rows, ["best in", *_format_win_rates(shares, rows)], strict=True)
        ]
    told = [
        Interval(
            name,
            data.get_color_index(name),
            *(float(facts.summary[name][key]) for key in ("difference", "low", "high")),
        )
        for name in data.by_bits
        if name != facts.summary["reference"]
    ]
    figures = [_make_interval_figure(data, "Better or worse", told)] if told else []
    if len(told) > 2 and _compute_extent(told) > OUTLIER_RATIO * _compute_extent(told[1:]):
        figures.append(_make_interval_figure(data, f"The same without {told[0].name}", told[1:]))
    lead = (
        "Fewer bits per note is better: one bit fewer means that the right note was twice as likely. Times are ratios "
        "to the reference. An architecture streams when it can go on from a state, which a live player needs."
    )
    if shares:
        lead += " “Best in” is the share of resamples in which an architecture has the fewest bits."
    tables = [Table("Architectures, the fewest bits first", rows, decision.RULE)]
    return Section(
        "decision", "Which architecture", lead, figures, [*tables, *_build_pair_tables(data)]
    )


def _compute_extent(intervals: list[Interval]) -> float:
    """Return how far from zero a figure of intervals must reach."""
    return max(abs(end) for each in intervals for end in (each.low, each.high))


def _make_interval_figure(data: ReportData, title: str, intervals: list[Interval]) -> Figure:
    axis = f"bits per note, less those of {data.results.summary['reference']}"
    says = "A dot is the difference, the line its 95 % interval. Left of zero is better than the reference."
    return Figure(
        title, bar.draw_interval_chart(intervals, axis, says), says, _tabulate_intervals(intervals)
    )


def _format_win_rates(win_rates: Mapping[str, float], rows: Rows) -> list[str]:
    return [f"{100 * float(win_rates[row[0]]):.0f} %" for row in rows[1:]]


def _tabulate_intervals(intervals: list[Interval]) -> Rows:
    header = ["architecture", "difference", "lower end", "upper end"]
    return [
        header,
        *(
            [each.name, f"{each.value:+.3f}", f"{each.low:+.3f}", f"{each.high:+.3f}"]
            for each in intervals
        ),
    ]


def _build_pair_tables(data: ReportData) -> list[Table]:
    """Return each pair of architectures, folded."""
    if not data.pairs:
        return []
    rows = [
        ["first", "second", "bits of the first less the second", "95 % interval", "which is better"]
    ]
    for each in data.pairs["pairs"]:
        low, high = float(each["low"]), float(each["high"])
        better = "too close to call" if low <= 0 <= high else each["a"] if high < 0 else each["b"]
        rows.append(
            [
                each["a"],
                each["b"],
                f"{each['difference']:+.3f}",
                f"{low:+.3f} to {high:+.3f}",
                better,
            ]
        )
    says = f"Paired bootstrap over {data.pairs['rows']:,} {data.pairs['unit']}, {data.pairs['resamples']:,} resamples."
    return [Table("Every pair", rows, says, collapsed=True)]


def build_heads_section(data: ReportData) -> Section:
    """Return where the bits go, and how they fell in training."""
    lead = (
        "A note is told in parts. Where a model is no shorter than the histogram (unigram), it has not learned that "
        "part. All were trained on the same number of target notes; a line that still falls would gain from more."
    )
    return Section(
        "heads",
        "Where the bits go",
        lead,
        [_make_heads_figure(data), *_make_learning_curve_figures(data)],
    )


def _make_learning_curve_figures(data: ReportData) -> list[Figure]:
    """Return the learning curves."""
    series = []
    for name in data.by_bits:
        mine = [row for row in data.learning_curves if row["architecture"] == name]
        if mine:
            points = [(float(row["notes"]), float(row["bits_per_note"])) for row in mine]
            series.append(Series(name, data.get_color_index(name), points))
    says = "Bits per note on validation music while each architecture was trained; lower is better."
    if not series:
        return []
    axes = Axes("target notes trained on", "bits per note")
    return [
        Figure(
            "Learning curves",
            line.draw_line_chart(series, axes, says),
            says,
            quantity.tabulate_series(series, "notes"),
        )
    ]


def _make_heads_figure(data: ReportData) -> Figure:
    """Return the bits of each part of a note, with the floors among them."""
    rows = report.build_head_table(data.results)
    values = {row[0]: [float(cell) for cell in row[2:]] for row in rows[1:]}
    says = (
        "A bar is the bits per note of a model, split into pitch, step (time since the note before) and duration. "
        "Floors are predictors that know little: a model whose bar is longer than theirs has learned nothing of use."
    )
    return Figure(
        "Bits per head, with floors",
        bar.draw_stacked_bars(values, HEADS, "bits per note", says),
        says,
        rows,
    )


def build_calibration_section(data: ReportData) -> Section:
    """Return whether models know how sure they may be, and how often they are right."""
    figures = []
    for head in (*HEADS, "velocity"):
        mine = [
            (name, told["heads"][head])
            for name, told in data.calibration.items()
            if head in told["heads"]
        ]
        series = [
            Series(name, data.get_color_index(name), points)
            for name, told in mine
            if (
                points := [
                    (float(row[3]), float(row[4]))
                    for row in told["reliability"]
                    if row[2] >= MIN_BIN_NOTES
                ]
            )
        ]
        if series:
            says = f"How often the likeliest {head} came, by how likely the model held it; on the diagonal, just as often."
            axes = Axes("probability it was given", "share of times it came", identity=True)
            drawing = line.draw_line_chart(series, axes, says)
            figures.append(
                Figure(f"Calibration of {head}", drawing, says, _tabulate_reliability(mine))
            )
    lead = (
        "A model is calibrated when what it calls 30 % likely comes 30 % of the time. Points below the diagonal: it is "
        "surer than it may be. Top-1 is how often the likeliest value was right, top-5 one of the five likeliest."
    )
    return Section(
        "calibration",
        "Do they know what they do not know?",
        lead,
        figures,
        _build_accuracy_tables(data),
    )


def _tabulate_reliability(named_heads: list[tuple[str, Mapping[str, Any]]]) -> Rows:
    rows = [["architecture", "given at least", "at most", "notes", "given, mean", "came"]]
    for name, head in named_heads:
        for low, high, notes, predicted, came in head["reliability"]:
            rows.append(
                [name, f"{low:g}", f"{high:g}", f"{notes:,}", f"{predicted:.3f}", f"{came:.3f}"]
            )
    return rows


def _build_accuracy_tables(data: ReportData) -> list[Table]:
    if not data.calibration:
        return []
    rows = [
        ["architecture", "head", "bits", "bits it expected", "top-1", "top-5", "calibration error"]
    ]
    for name in (each for each in data.by_bits if each in data.calibration):
        for head, told in data.calibration[name]["heads"].items():
            shares = [f"{100 * float(told[key]):.1f} %" for key in ("top_1", "top_5")]
            rows.append(
                [
                    name,
                    head,
                    f"{told['bits']:.3f}",
                    f"{told['entropy']:.3f}",
                    *shares,
                    f"{told['ece']:.4f}",
                ]
            )
    says = "Bits above those expected: too sure. Calibration error: mean distance from the diagonal, 0 is best."
    return [Table("Accuracy and calibration by head", rows, says, collapsed=True)]


def build_context_section(data: ReportData) -> Section:
    """Return bits by how many notes were heard before."""
    lead = "Does memory help? Every point is of the same notes, told after fewer or more notes were heard."
    wanted = (
        ("Bits by context", "bits per note", 5),
        ("Bits of pitch by context", "bits of pitch", 3),
    )
    figures = [_make_context_figure(data, *each) for each in wanted] if data.calibration else []
    return Section("context", "What memory brings", lead, figures)


def _make_context_figure(data: ReportData, title: str, axis: str, end_column: int) -> Figure:
    """Draw the bits of rows of notes heard, targets, and one column a head, summed up to column `until`."""
    series = []
    for name in (each for each in data.by_bits if each in data.calibration):
        points = [
            (float(row[0]), sum(map(float, row[2:end_column])))
            for row in data.calibration[name]["context"]
        ]
        series.append(Series(name, data.get_color_index(name), points))
    says = f"{axis.capitalize()} by how many notes the model had heard before. A flat line makes no use of more."
    drawing = line.draw_line_chart(series, Axes("notes heard before", axis, log_x=True), says)
    return Figure(title, drawing, says, quantity.tabulate_series(series, "notes heard"))


def build_pieces_section(data: ReportData) -> Section:
    """Return the bits of each held-out piece, folded."""
    tables = []
    if data.piece_scores:
        columns, rows = data.piece_scores["columns"], data.piece_scores["rows"]
        told = [
            [str(row[0]), f"{row[1]:,}", *(f"{value:.2f}" for value in row[2:])]
            for row in rows[: quantity.MAX_ROWS]
        ]
        more = (
            f" The first {quantity.MAX_ROWS} of {len(rows):,} pieces."
            if len(rows) > quantity.MAX_ROWS
            else ""
        )
        says = f"Bits per note of each held-out piece.{more}"
        tables = [Table(f"Pieces ({len(rows):,})", [list(columns), *told], says, collapsed=True)]
    lead = (
        "Some music is harder to foresee than other music: compare along a row, not down a column."
    )
    return Section("pieces", "Piece by piece", lead, tables=tables)
