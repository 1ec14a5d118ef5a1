"""The sections on what an architecture costs, and on what was claimed of it."""

from collections.abc import Mapping
from typing import Any

from pipeline.report import tables as report
from pipeline.report.blocks import Figure, Section, Table
from pipeline.report.charts import line as lines
from pipeline.report.charts.line import Axes, Series
from pipeline.report.data import ReportData
from pipeline.report.tables import Rows


def build_cost_section(data: ReportData) -> Section:
    """Return sizes, times and memory."""
    tables = [_build_size_table(data)]
    if data.results.benchmark.get("latency"):
        tables.append(_build_latency_table(data))
    lead = (
        "Ratios travel: all architectures were run in turn in one process, and each time is divided by that of the "
        "reference in the same round. Seconds and megabytes are of the machine that ran this; the rest is counted."
    )
    sizes = {name: float(data.results.summary[name]["parameters"]) for name in data.by_bits}
    times = {name: float(data.results.benchmark["train"][name]["median"]) for name in data.by_bits}
    figures = [_make_bits_by_cost_figure(data, "What size buys", "parameters", sizes)]
    figures.append(
        _make_bits_by_cost_figure(
            data, "What training time buys", "training time, ratio to the reference", times
        )
    )
    return Section("costs", "What it costs", lead, figures, tables)


def _make_bits_by_cost_figure(
    data: ReportData, title: str, axis: str, costs: Mapping[str, float]
) -> Figure:
    """Draw bits against a price: an architecture is worth it when it lies below cheaper ones."""
    bits = {name: float(data.results.summary[name]["bits_per_note"]) for name in costs}
    series = [
        Series(name, data.get_color_index(name), [(price, bits[name])])
        for name, price in costs.items()
    ]
    says = f"Bits per note by {axis}. The price pays where a dot lies lower than those to its left."
    rows = [[name, f"{price:,.6g}", f"{bits[name]:.3f}"] for name, price in costs.items()]
    drawing = lines.draw_scatter(series, Axes(axis, "bits per note"), says)
    return Figure(title, drawing, says, [["architecture", axis, "bits per note"], *rows])


def _build_size_table(data: ReportData) -> Table:
    told, timings = data.results.benchmark.get("costs", {}), data.results.benchmark
    rows: Rows = [["architecture", "parameters", "KB", "training, ratio", "playing, ratio"]]
    if told:
        rows[0] += ["multiply-adds a note", "from the window", "training [s per million notes]"]
        rows[0] += ["memory to train [MiB]", "memory to play [MiB]"]
    for name in data.by_bits:
        mine = data.results.summary[name]
        row = [name, f"{mine['parameters']:,}", f"{mine['bytes'] / 1000:,.0f}"]
        row += [_format_ratio(timings["train"][name]), _format_ratio(timings["generate"][name])]
        if each := told.get(name):
            row += [f"{each['multiply_adds']:,}", f"{each['multiply_adds_window']:,}"]
            figures = [
                each.get(key) for key in ("train_seconds_per_million", "train_mib", "play_mib")
            ]
            row += ["–" if figure is None else f"{figure:,.0f}" for figure in figures]
        rows.append(row + ["–"] * (len(rows[0]) - len(row)))
    says = "Ratios: median of the rounds, least to greatest in brackets; below 1 is cheaper than the reference."
    return Table("Size, training and memory", rows, says)


def _format_ratio(ratio: Mapping[str, float]) -> str:
    return f"{ratio['median']:.2f}× ({ratio['min']:.2f}–{ratio['max']:.2f})"


def _build_latency_table(data: ReportData) -> Table:
    """Return the time of one note, and how many times as long the tutorial's way takes."""
    told: Mapping[str, Mapping[str, Any]] = data.results.benchmark["latency"]
    rows: Rows = [["architecture", "from a state [µs]", "slowest of 1,000", "from the window [µs]"]]
    rows[0] += ["slowest of 1,000", "model.predict takes", "compiled window takes"]
    for name in (each for each in data.by_bits if each in told):
        mine = told[name]
        cells = [
            _format_microseconds(mine[how], key)
            for how in ("streaming", "window")
            for key in ("median_us", "p999_us")
        ]
        rows.append(
            [
                name,
                *cells,
                _format_slowdown(mine.get("predict")),
                _format_slowdown(mine.get("compiled")),
            ]
        )
    says = (
        "Time for one note, sampling included, on one thread. The last two columns: how many times as long Keras "
        "takes, called as the tutorial calls it, and compiled."
    )
    return Table("Time to play one note", rows, says)


def _format_microseconds(timing: Mapping[str, float] | None, key: str) -> str:
    return f"{timing[key]:,.0f}" if timing else "–"


def _format_slowdown(ratio: Mapping[str, float] | None) -> str:
    return f"{ratio['median']:,.1f}×" if ratio else "–"


def build_claims_section(data: ReportData) -> Section:
    """Return what was measured beside what was claimed."""
    tables = [Table("Measured (claimed)", report.build_comparison_table(data.results))]
    if data.claim_rows:
        tables.insert(0, _build_verdict_table(data.claim_rows))
        says = "A claim holds when all of the 95 % interval is within its bounds, and fails when none of it is."
        tables.append(
            Table(
                f"Every claim ({len(data.claim_rows) - 1})",
                data.claim_rows,
                says,
                collapsed=True,
                is_text=True,
            )
        )
    lead = (
        "The page this project answers compared five architectures by opinion. Its claims, in brackets, stand beside "
        "what was measured here."
    )
    return Section("claims", "Claimed against measured", lead, tables=tables)


def _build_verdict_table(claim_rows: Rows) -> Table:
    """Return how many claims met each verdict, by corpus; a verdict stands beside the figure it is of."""
    header, *lines = claim_rows
    places = [number for number, name in enumerate(header) if name.startswith("verdict")]
    met = sorted({line[place] for line in lines for place in places})
    rows = [["corpus", *met]]
    for place in places:
        told = [line[place] for line in lines]
        rows.append([header[place - 1], *(str(told.count(verdict)) for verdict in met)])
    return Table("How many claims hold", rows)
