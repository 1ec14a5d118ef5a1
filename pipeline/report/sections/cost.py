"""The sections on what an architecture costs, and on what was claimed of it."""

from collections import Counter

from pipeline.report import tables
from pipeline.report.blocks import Figure, Section, Table
from pipeline.report.charts import line
from pipeline.report.charts.line import Axes
from pipeline.report.data import ReportData
from pipeline.report.tables import Record, Rows

SIZE_COLUMNS = {
    "architecture": "{name}",
    "parameters": "{parameters:,}",
    "KB": "{kilobytes:,.0f}",
    "training, ratio": "{train[median]:.2f}× ({train[min]:.2f}–{train[max]:.2f})",
    "playing, ratio": "{generate[median]:.2f}× ({generate[min]:.2f}–{generate[max]:.2f})",
}
SECONDS_PER_MILLION = (
    "{costs[train_seconds_per_million][median]:,.0f} ({costs[train_seconds_per_million][min]:,.0f}–"
    "{costs[train_seconds_per_million][max]:,.0f})"
)
COST_COLUMNS = {
    "multiply-adds a note": "{costs[multiply_adds]:,}",
    "from the window": "{costs[multiply_adds_window]:,}",
    "training [CPU s per million notes]": SECONDS_PER_MILLION,
    "memory to train [MiB]": "{costs[train_mib]:,.0f}",
    "memory to play [MiB]": "{costs[play_mib]:,.0f}",
}
LATENCY_COLUMNS = {
    "architecture": "{name}",
    "from a state [µs]": "{latency[streaming][median_us]:,.0f} ({latency[streaming][min_us]:,.0f}–{latency[streaming][max_us]:,.0f})",
    "slowest of 1,000 from a state": "{latency[streaming][p999_us]:,.0f}",
    "from the window [µs]": "{latency[window][median_us]:,.0f} ({latency[window][min_us]:,.0f}–{latency[window][max_us]:,.0f})",
    "slowest of 1,000 from the window": "{latency[window][p999_us]:,.0f}",
    "model.predict takes": "{latency[predict][median]:,.1f}× ({latency[predict][min]:,.1f}–{latency[predict][max]:,.1f})",
    "compiled window takes": "{latency[compiled][median]:,.1f}× ({latency[compiled][min]:,.1f}–{latency[compiled][max]:,.1f})",
}


def build_cost_section(data: ReportData) -> Section:
    """Return sizes, times and memory."""
    records = data.results.list_records()
    lead = (
        "Ratios travel: all architectures were run in turn in one process, and each CPU time is divided by that of the "
        "reference in the same round. Seconds and megabytes are of the machine that ran this; the rest is counted. A "
        "time is not measured where other work on the machine made its rounds differ by more than a third."
    )
    blocks = [_build_size_table(data, records)]
    timed = [record for record in records if record["latency"]]
    if timed:
        blocks.append(_build_latency_table(timed))
    for record in records:
        record["training"] = record["train"]["median"]
    time_axis = "training time, ratio to the reference"
    figures = [
        _make_bits_by_cost_figure(data, records, "What size buys", "parameters", "parameters")
    ]
    if any(record["training"] is not None for record in records):
        figures.append(
            _make_bits_by_cost_figure(
                data, records, "What training time buys", time_axis, "training"
            )
        )
    return Section("costs", "What it costs", lead, figures, blocks)


def _make_bits_by_cost_figure(
    data: ReportData, records: list[Record], title: str, axis: str, key: str
) -> Figure:
    """Draw bits against a cost: an architecture is worth it when it lies below cheaper ones."""
    measured = [record for record in records if record[key] is not None]
    missing = [record["name"] for record in records if record[key] is None]
    series = []
    for record in measured:
        point = float(record[key]), record["bits_per_note"]
        series.append(data.make_series(record["name"], [point]))
    caption = (
        f"Bits per note by {axis}. The price pays where a dot lies lower than those to its left."
    )
    if missing:
        caption += f" Not measured, since the machine was busy: {', '.join(missing)}."
    columns = {
        "architecture": "{name}",
        axis: f"{{{key}:,.6g}}",
        "bits per note": "{bits_per_note:.3f}",
    }
    drawing = line.draw_scatter(series, Axes(axis, "bits per note"), caption)
    return Figure(title, drawing, caption, tables.tabulate(columns, measured))


def _build_size_table(data: ReportData, records: list[Record]) -> Table:
    columns = SIZE_COLUMNS
    if data.results.benchmark.get("costs"):
        columns = SIZE_COLUMNS | COST_COLUMNS
    caption = (
        "Ratios of CPU time: median of the rounds, least to greatest in brackets; below 1 is cheaper than the "
        "reference."
    )
    return Table("Size, training and memory", tables.tabulate(columns, records), caption)


def _build_latency_table(records: list[Record]) -> Table:
    """Return the time of one note, and how many times as long it takes as the tutorial does it."""
    caption = (
        "CPU time for one note, sampling included, on one thread: median of the rounds, least to greatest in brackets. "
        "The last two columns: how many times as long Keras takes, called as the tutorial calls it, and compiled."
    )
    rows = tables.tabulate(LATENCY_COLUMNS, records)
    return Table("Time to play one note", rows, caption)


def build_claims_section(data: ReportData) -> Section:
    """Return what was measured beside what was claimed, and the studies that it was measured in."""
    lead = (
        "The page this project answers compared five architectures by opinion. Its claims, in brackets, stand beside "
        "what was measured here."
    )
    blocks = [Table("Measured (claimed)", tables.build_comparison_table(data.results))]
    if data.claim_rows:
        caption = "A claim holds when all of the 95 % interval is within its bounds, and fails when none of it is."
        title = f"Every claim ({len(data.claim_rows) - 1})"
        blocks.insert(0, _build_verdict_table(data.claim_rows))
        blocks.append(Table(title, data.claim_rows, caption, collapsed=True, is_text=True))
    if data.study_rows[1:]:
        caption = (
            "Figures that are not of the run above are of these experiments, in metrics/studies."
        )
        title = "Studies that the claims are held against"
        blocks.append(Table(title, data.study_rows, caption))
    return Section("claims", "Claimed against measured", lead, tables=blocks)


def _build_verdict_table(claim_rows: Rows) -> Table:
    """Return how many claims met each verdict, by corpus; a verdict stands beside the figure it is of."""
    header, *rows = claim_rows
    counts = {}
    for column, name in enumerate(header):
        if name.startswith("verdict"):
            counts[header[column - 1]] = Counter(row[column] for row in rows)
    verdicts = sorted(set().union(*counts.values()))
    lines = [["corpus", *verdicts]]
    for corpus, counted in counts.items():
        lines.append([corpus, *(str(counted[verdict]) for verdict in verdicts)])
    return Table("How many claims hold", lines)
