"""Sections on how well each architecture predicts: decision, learning, heads, calibration, context, pieces."""

from collections.abc import Sequence
from dataclasses import replace

from pipeline.evaluation import decision
from pipeline.report import quantity, summary, tables, ties
from pipeline.report.blocks import Figure, Section, Table
from pipeline.report.charts import bar, line
from pipeline.report.charts.bar import Interval
from pipeline.report.charts.line import Axes, Series
from pipeline.report.data import ReportData
from pipeline.report.learning_curves import summarize_curves
from pipeline.report.tables import Record

HEADS = ("pitch", "step", "duration")
MIN_BIN_NOTES = 20
"""Notes below which a share of them is not drawn; the numbers below the figure have it."""
PAGE_NOTE = "“The page” is the page of opinions whose claims are tested below."
INTERVAL_COLUMNS = {
    "architecture": "{name}",
    "difference": "{value:+.3f}",
    "lower end": "{low:+.3f}",
    "upper end": "{high:+.3f}",
}
PAIR_COLUMNS = {
    "first": "{a}",
    "second": "{b}",
    "bits of the first less the second, 95 % interval": "{versus}",
    "corrected p": "{corrected_p:.2g}",
    "which is better": "{better}",
}
RELIABILITY_COLUMNS = {
    "architecture": "{name}",
    "given at least": "{bin[0]:g}",
    "at most": "{bin[1]:g}",
    "notes": "{bin[2]:,}",
    "given, mean": "{bin[3]:.3f}",
    "came": "{bin[4]:.3f}",
}
ACCURACY_COLUMNS = {
    "architecture": "{name}",
    "head": "{head}",
    "bits": "{bits:.3f}",
    "bits it expected": "{entropy:.3f}",
    "top-1": "{top_1_percent:.1f} %",
    "top-5": "{top_5_percent:.1f} %",
    "calibration error": "{ece:.4f}",
}


def build_decision_section(data: ReportData) -> Section:
    """Return the decision table, and differences with their intervals."""
    results = data.results
    lead = (
        "Fewer bits per note is better: one bit fewer means that the right note was twice as likely. Architectures that "
        "share a letter of “group” are tied. Times are ratios to the reference. An architecture streams when it can go on "
        "from a state, which a live player needs. An n-gram only counts: what does not beat it has learned little."
    )
    caption = f"{decision.RULE} {summary.INTERVAL_NOTE}"
    rows = tables.build_summary_table(results)
    return Section(
        "decision",
        "Which architecture",
        lead,
        _make_interval_figures(data),
        [
            Table("Architectures, the fewest bits first", rows, caption),
            *_build_tie_tables(data),
            *_build_pair_tables(data),
        ],
    )


def _make_interval_figures(data: ReportData) -> list[Figure]:
    """Return the differences to the reference, of all and once more of the page's architectures at their scale."""
    intervals = []
    for name in data.by_bits:
        row = data.results.summary[name]
        if name != data.results.reference and row["low"] is not None:
            ends = row["difference"], row["low"], row["high"]
            intervals.append(Interval(name, data.get_color_index(name), *ends))
    if not intervals:
        return []
    caption = "A dot is the difference, the line its 95 % interval. Left of zero is better than the reference."
    figures = [_make_interval_figure(data, "Better or worse", caption, intervals)]
    claimed = [interval for interval in intervals if interval.name in data.results.claims]
    if 0 < len(claimed) < len(intervals):
        count = sum(name in data.results.claims for name in data.by_bits)
        title = f"The page's {count} architectures, at their own scale"
        caption = f"The same, without those that the page does not have. {PAGE_NOTE}"
        figures.append(_make_interval_figure(data, title, caption, claimed))
    return figures


def _make_interval_figure(
    data: ReportData, title: str, caption: str, intervals: list[Interval]
) -> Figure:
    axis = f"bits per note, less those of {data.results.reference}"
    drawing = bar.draw_interval_chart(intervals, axis, caption)
    return Figure(title, drawing, caption, tables.tabulate(INTERVAL_COLUMNS, map(vars, intervals)))


def _build_tie_tables(data: ReportData) -> list[Table]:
    """Return what it would take to tell those apart that are tied."""
    rows = ties.build_tie_table(data.results)
    caption = (
        "How much more it would take to tell a small difference, with a chance of 80 %, at the 5 % level, of one pair "
        "alone. Source: Cohen, “Statistical power analysis”, 1988."
    )
    title = f"Ties, and what it would take ({len(rows) - 1})"
    return [Table(title, rows, caption, collapsed=True, is_text=True)] if rows[1:] else []


def _build_pair_tables(data: ReportData) -> list[Table]:
    """Return each pair of architectures, collapsed."""
    results = data.results
    records = []
    for pair in results.pairs["pairs"]:
        better = pair["a"] if pair["difference"] < 0 else pair["b"]
        versus = tables.format_difference(pair, results.decimals)
        records.append({**pair, "better": "tie" if pair["tie"] else better, "versus": versus})
    if not records:
        return []
    caption = f"{summary.INTERVAL_NOTE} p is corrected by Holm's method, 1979; below 0.05 is a difference."
    rows = tables.tabulate(PAIR_COLUMNS, records)
    return [Table(f"Every pair ({len(records)})", rows, caption, collapsed=True)]


def build_heads_section(data: ReportData) -> Section:
    """Return where the bits go, and how they fell in training."""
    lead = (
        "A note is predicted in parts. Where the bar of a model is no shorter than that of the unigram, it has not learned "
        "that part. All were trained on the same number of target notes; a line that still falls would gain from more."
    )
    figures = [_make_heads_figure(data), *_make_learning_curve_figures(data)]
    return Section("heads", "Where the bits go", lead, figures)


def _make_learning_curve_figures(data: ReportData) -> list[Figure]:
    """Return the learning curves, with a band over replicates."""
    results = data.results
    curves = data.rank(summarize_curves(data.learning_curves, results.is_cross_validation))
    if not curves:
        return []
    series = [
        replace(data.make_series(name, curve.points), bounds=curve.bounds)
        for name, curve in curves.items()
    ]
    caption = (
        "Bits per note on validation music while each architecture was trained; lower is better."
    )
    if results.num_replicates > 1:
        caption += f" Line: mean of {results.num_replicates} replicates; band: from the least to the greatest."
    if results.num_replicates > 1 and results.is_cross_validation:
        caption += (
            " Each replicate is validated on other pieces: how hard these are for all is taken out."
        )
    axes = Axes("target notes trained on", "bits per note")
    return [make_line_figure("Learning curves", series, axes, caption, "notes")]


def make_line_figure(
    title: str, series: Sequence[Series], axes: Axes, caption: str, x_name: str
) -> Figure:
    """Return lines, and their points as numbers."""
    drawing = line.draw_line_chart(series, axes, caption)
    return Figure(title, drawing, caption, quantity.tabulate_series(series, x_name))


def _make_heads_figure(data: ReportData) -> Figure:
    """Return the bits of each part of a note, with the n-gram models among them."""
    rows = tables.build_head_table(data.results)
    records = data.results.list_records(with_ngrams=True)
    values = {record["name"]: [record[head] for head in HEADS] for record in records}
    caption = (
        "A bar is the bits per note of a model, split into pitch, step (time since the note before) and duration. "
        "An n-gram model only counts: where its bar is shorter than that of a model, counting predicts better."
    )
    drawing = bar.draw_stacked_bars(values, HEADS, "bits per note", caption)
    return Figure("Bits per head, with n-gram models", drawing, caption, rows)


def build_calibration_section(data: ReportData) -> Section:
    """Return whether models know how sure they may be, and how often they are right."""
    lead = (
        "A model is calibrated when what it calls 30 % likely comes 30 % of the time. Points below the diagonal: it is "
        "surer than it may be. Top-1 is how often the likeliest value was right, top-5 one of the five likeliest."
    )
    figures = []
    for head in (*HEADS, "velocity", "pedal"):
        figures += _make_calibration_figures(data, head)
    return Section(
        "calibration",
        "Do they know what they do not know?",
        lead,
        figures,
        _build_accuracy_tables(data),
    )


def _make_calibration_figures(data: ReportData, head: str) -> list[Figure]:
    """Return the reliability of one head, of the models that have it."""
    series, records = [], []
    for name, values in data.calibration.items():
        bins = values["heads"].get(head, {}).get("reliability", [])
        records += [{"name": name, "bin": row} for row in bins]
        if points := [(row[3], row[4]) for row in bins if row[2] >= MIN_BIN_NOTES]:
            series.append(data.make_series(name, points))
    if not series:
        return []
    caption = f"How often the likeliest {head} came, by how likely the model held it; on the diagonal, just as often."
    axes = Axes("probability it was given", "share of times it came", identity=True)
    drawing = line.draw_line_chart(series, axes, caption)
    rows = tables.tabulate(RELIABILITY_COLUMNS, records)
    return [Figure(f"Calibration of {head}", drawing, caption, rows)]


def _build_accuracy_tables(data: ReportData) -> list[Table]:
    records: list[Record] = []
    for name, values in data.rank(data.calibration).items():
        for head, row in values["heads"].items():
            percent = {f"{key}_percent": 100 * row[key] for key in ("top_1", "top_5")}
            records.append({"name": name, "head": head, **row, **percent})
    if not records:
        return []
    caption = "Bits above those expected: too sure. Calibration error: mean distance from the diagonal, 0 is best."
    rows = tables.tabulate(ACCURACY_COLUMNS, records)
    return [Table("Accuracy and calibration by head", rows, caption, collapsed=True)]


def build_context_section(data: ReportData) -> Section:
    """Return bits by how many notes were read before."""
    lead = "Does memory help? Every point is of the same notes, predicted after fewer or more notes were heard."
    figures = []
    if data.calibration:
        figures = [
            _make_context_figure(data, "Bits by context", "bits per note", 5),
            _make_context_figure(data, "Bits of pitch by context", "bits of pitch", 3),
        ]
    return Section("context", "What memory brings", lead, figures)


def _make_context_figure(data: ReportData, title: str, axis: str, end_column: int) -> Figure:
    """Draw the bits of rows of notes heard, targets, and one column a head, summed up to column `end_column`."""
    series = []
    for name, values in data.rank(data.calibration).items():
        points = [(row[0], sum(row[2:end_column])) for row in values["context"]]
        series.append(data.make_series(name, points))
    caption = f"{axis.capitalize()} by how many notes the model had heard before. A flat line makes no use of more."
    axes = Axes("notes heard before", axis, log_x=True)
    return make_line_figure(title, series, axes, caption, "notes heard")


def build_pieces_section(data: ReportData) -> Section:
    """Return the bits of each held-out piece, collapsed."""
    lead = (
        "Some music is harder to predict than other music: compare along a row, not down a column."
    )
    sections: list[Table] = []
    if data.piece_scores:
        rows = data.piece_scores["rows"]
        cells = [list(data.piece_scores["columns"])]
        for name, notes, *bits in rows[: quantity.MAX_ROWS]:
            cells.append([name, f"{notes:,}", *map("{:.2f}".format, bits)])
        caption = "Bits per note of each held-out piece."
        if len(rows) > quantity.MAX_ROWS:
            caption += f" The first {quantity.MAX_ROWS} of {len(rows):,} pieces."
        sections = [Table(f"Pieces ({len(rows):,})", cells, caption, collapsed=True)]
    return Section("pieces", "Piece by piece", lead, tables=sections)
