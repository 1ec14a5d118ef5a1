"""The sections on what an architecture costs, and on what was claimed of it."""

from collections.abc import Mapping
from typing import Any

from pipeline.report import tables as report
from pipeline.report.blocks import Figure, Section, Table
from pipeline.report.charts import line as lines
from pipeline.report.charts.line import Axes, Series
from pipeline.report.data import Found
from pipeline.report.tables import Rows


def costs(found: Found) -> Section:
    """Return sizes, times and memory."""
    tables = [_sizes(found)]
    if found.facts.timings.get("latency"):
        tables.append(_latency(found))
    lead = (
        "Ratios travel: all architectures were run in turn in one process, and each time is divided by that of the "
        "reference in the same round. Seconds and megabytes are of the machine that ran this; the rest is counted."
    )
    sizes = {name: float(found.facts.summary[name]["parameters"]) for name in found.ranked}
    times = {name: float(found.facts.timings["train"][name]["median"]) for name in found.ranked}
    figures = [_worth(found, "What size buys", "parameters", sizes)]
    figures.append(_worth(found, "What training time buys", "training time, ratio to the reference", times))
    return Section("costs", "What it costs", lead, figures, tables)


def _worth(found: Found, title: str, axis: str, prices: Mapping[str, float]) -> Figure:
    """Draw bits against a price: an architecture is worth it when it lies below cheaper ones."""
    bits = {name: float(found.facts.summary[name]["bits_per_note"]) for name in prices}
    series = [Series(name, found.style(name), [(price, bits[name])]) for name, price in prices.items()]
    says = f"Bits per note by {axis}. The price pays where a dot lies lower than those to its left."
    rows = [[name, f"{price:,.6g}", f"{bits[name]:.3f}"] for name, price in prices.items()]
    drawing = lines.dots(series, Axes(axis, "bits per note"), says)
    return Figure(title, drawing, says, [["architecture", axis, "bits per note"], *rows])


def _sizes(found: Found) -> Table:
    told, timings = found.facts.timings.get("costs", {}), found.facts.timings
    rows: Rows = [["architecture", "parameters", "KB", "training, ratio", "playing, ratio"]]
    if told:
        rows[0] += ["multiply-adds a note", "from the window", "training [s per million notes]"]
        rows[0] += ["memory to train [MiB]", "memory to play [MiB]"]
    for name in found.ranked:
        mine = found.facts.summary[name]
        row = [name, f"{mine['parameters']:,}", f"{mine['bytes'] / 1000:,.0f}"]
        row += [_ratio(timings["train"][name]), _ratio(timings["generate"][name])]
        if each := told.get(name):
            row += [f"{each['multiply_adds']:,}", f"{each['multiply_adds_window']:,}"]
            figures = [each.get(key) for key in ("train_seconds_per_million", "train_mib", "play_mib")]
            row += ["–" if figure is None else f"{figure:,.0f}" for figure in figures]
        rows.append(row + ["–"] * (len(rows[0]) - len(row)))
    says = "Ratios: median of the rounds, least to greatest in brackets; below 1 is cheaper than the reference."
    return Table("Size, training and memory", rows, says)


def _ratio(told: Mapping[str, float]) -> str:
    return f"{told['median']:.2f}× ({told['least']:.2f}–{told['greatest']:.2f})"


def _latency(found: Found) -> Table:
    """Return the time of one note, and how many times as long the tutorial's way takes."""
    told: Mapping[str, Mapping[str, Any]] = found.facts.timings["latency"]
    rows: Rows = [["architecture", "from a state [µs]", "slowest of 1,000", "from the window [µs]"]]
    rows[0] += ["slowest of 1,000", "model.predict takes", "compiled window takes"]
    for name in (each for each in found.ranked if each in told):
        mine = told[name]
        cells = [_micro(mine[how], key) for how in ("streaming", "window") for key in ("median_us", "p999_us")]
        rows.append([name, *cells, _times(mine.get("predict")), _times(mine.get("compiled"))])
    says = (
        "Time for one note, sampling included, on one thread. The last two columns: how many times as long Keras "
        "takes, called as the tutorial calls it, and compiled."
    )
    return Table("Time to play one note", rows, says)


def _micro(told: Mapping[str, float] | None, key: str) -> str:
    return f"{told[key]:,.0f}" if told else "–"


def _times(told: Mapping[str, float] | None) -> str:
    return f"{told['median']:,.1f}×" if told else "–"


def claimed(found: Found) -> Section:
    """Return what was measured beside what was claimed."""
    tables = [Table("Measured (claimed)", report.matrix(found.facts))]
    if found.claims:
        tables.insert(0, _counted(found.claims))
        says = "A claim holds when all of the 95 % interval is within its bounds, and fails when none of it is."
        tables.append(Table(f"Every claim ({len(found.claims) - 1})", found.claims, says, folded=True, words=True))
    lead = (
        "The page this project answers compared five architectures by opinion. Its claims, in brackets, stand beside "
        "what was measured here."
    )
    return Section("claims", "Claimed against measured", lead, tables=tables)


def _counted(claims: Rows) -> Table:
    """Return how many claims met each verdict, by corpus; a verdict stands beside the figure it is of."""
    header, *lines = claims
    places = [number for number, name in enumerate(header) if name.startswith("verdict")]
    met = sorted({line[place] for line in lines for place in places})
    rows = [["corpus", *met]]
    for place in places:
        told = [line[place] for line in lines]
        rows.append([header[place - 1], *(str(told.count(verdict)) for verdict in met)])
    return Table("How many claims hold", rows)
