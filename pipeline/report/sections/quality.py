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
from pipeline.report.data import Found
from pipeline.report.tables import Rows

HEADS = ("pitch", "step", "duration")
FEW = 20
"""Notes below which a share of them is not drawn; the numbers below the figure have it."""
CROWDED = 5
"""Intervals that are this many times nearer to zero than the best get a figure of their own."""


def decided(found: Found) -> Section:
    """Return the decision table, and differences with their intervals."""
    facts = found.facts
    rows = report.short(facts)
    if shares := found.pairs.get("best"):
        rows = [[*row, told] for row, told in zip(rows, ["best in", *_shares(shares, rows)], strict=True)]
    told = [
        Interval(name, found.style(name), *(float(facts.summary[name][key]) for key in ("difference", "low", "high")))
        for name in found.ranked
        if name != facts.summary["reference"]
    ]
    figures = [_intervals(found, "Better or worse", told)] if told else []
    if len(told) > 2 and _reach(told) > CROWDED * _reach(told[1:]):
        figures.append(_intervals(found, f"The same without {told[0].name}", told[1:]))
    lead = (
        "Fewer bits per note is better: one bit fewer means that the right note was twice as likely. Times are ratios "
        "to the reference. An architecture streams when it can go on from a state, which a live player needs."
    )
    if shares:
        lead += " “Best in” is the share of resamples in which an architecture has the fewest bits."
    tables = [Table("Architectures, the fewest bits first", rows, decision.RULE)]
    return Section("decision", "Which architecture", lead, figures, [*tables, *_pairs(found)])


def _reach(told: list[Interval]) -> float:
    """Return how far from zero a figure of intervals must reach."""
    return max(abs(end) for each in told for end in (each.low, each.high))


def _intervals(found: Found, title: str, told: list[Interval]) -> Figure:
    axis = f"bits per note, less those of {found.facts.summary['reference']}"
    says = "A dot is the difference, the line its 95 % interval. Left of zero is better than the reference."
    return Figure(title, bar.intervals(told, axis, says), says, _gaps(told))


def _shares(shares: Mapping[str, float], rows: Rows) -> list[str]:
    return [f"{100 * float(shares[row[0]]):.0f} %" for row in rows[1:]]


def _gaps(told: list[Interval]) -> Rows:
    header = ["architecture", "difference", "lower end", "upper end"]
    return [header, *([each.name, f"{each.value:+.3f}", f"{each.low:+.3f}", f"{each.high:+.3f}"] for each in told)]


def _pairs(found: Found) -> list[Table]:
    """Return each pair of architectures, folded."""
    if not found.pairs:
        return []
    rows = [["first", "second", "bits of the first less the second", "95 % interval", "which is better"]]
    for each in found.pairs["pairs"]:
        low, high = float(each["low"]), float(each["high"])
        better = "too close to call" if low <= 0 <= high else each["a"] if high < 0 else each["b"]
        rows.append([each["a"], each["b"], f"{each['difference']:+.3f}", f"{low:+.3f} to {high:+.3f}", better])
    says = (
        f"Paired bootstrap over {found.pairs['rows']:,} {found.pairs['unit']}, {found.pairs['resamples']:,} resamples."
    )
    return [Table("Every pair", rows, says, folded=True)]


def predicted(found: Found) -> Section:
    """Return where the bits go, and how they fell in training."""
    lead = (
        "A note is told in parts. Where a model is no shorter than the histogram (unigram), it has not learned that "
        "part. All were trained on the same number of target notes; a line that still falls would gain from more."
    )
    return Section("heads", "Where the bits go", lead, [_heads(found), *_learned(found)])


def _learned(found: Found) -> list[Figure]:
    """Return the learning curves."""
    series = []
    for name in found.ranked:
        mine = [row for row in found.curves if row["architecture"] == name]
        if mine:
            points = [(float(row["notes"]), float(row["bits_per_note"])) for row in mine]
            series.append(Series(name, found.style(name), points))
    says = "Bits per note on validation music while each architecture was trained; lower is better."
    if not series:
        return []
    axes = Axes("target notes trained on", "bits per note")
    return [Figure("Learning curves", line.chart(series, axes, says), says, quantity.across(series, "notes"))]


def _heads(found: Found) -> Figure:
    """Return the bits of each part of a note, with the floors among them."""
    rows = report.heads(found.facts)
    values = {row[0]: [float(cell) for cell in row[2:]] for row in rows[1:]}
    says = (
        "A bar is the bits per note of a model, split into pitch, step (time since the note before) and duration. "
        "Floors are predictors that know little: a model whose bar is longer than theirs has learned nothing of use."
    )
    return Figure("Bits per head, with floors", bar.stacked(values, HEADS, "bits per note", says), says, rows)


def calibrated(found: Found) -> Section:
    """Return whether models know how sure they may be, and how often they are right."""
    figures = []
    for head in (*HEADS, "velocity"):
        mine = [(name, told["heads"][head]) for name, told in found.details.items() if head in told["heads"]]
        series = [
            Series(name, found.style(name), points)
            for name, told in mine
            if (points := [(float(row[3]), float(row[4])) for row in told["reliability"] if row[2] >= FEW])
        ]
        if series:
            says = (
                f"How often the likeliest {head} came, by how likely the model held it; on the diagonal, just as often."
            )
            axes = Axes("probability it was given", "share of times it came", square=True)
            drawing = line.chart(series, axes, says)
            figures.append(Figure(f"Calibration of {head}", drawing, says, _reliability(mine)))
    lead = (
        "A model is calibrated when what it calls 30 % likely comes 30 % of the time. Points below the diagonal: it is "
        "surer than it may be. Top-1 is how often the likeliest value was right, top-5 one of the five likeliest."
    )
    return Section("calibration", "Do they know what they do not know?", lead, figures, _accuracy(found))


def _reliability(told: list[tuple[str, Mapping[str, Any]]]) -> Rows:
    rows = [["architecture", "given at least", "at most", "notes", "given, mean", "came"]]
    for name, head in told:
        for low, high, notes, predicted, came in head["reliability"]:
            rows.append([name, f"{low:g}", f"{high:g}", f"{notes:,}", f"{predicted:.3f}", f"{came:.3f}"])
    return rows


def _accuracy(found: Found) -> list[Table]:
    if not found.details:
        return []
    rows = [["architecture", "head", "bits", "bits it expected", "top-1", "top-5", "calibration error"]]
    for name in (each for each in found.ranked if each in found.details):
        for head, told in found.details[name]["heads"].items():
            shares = [f"{100 * float(told[key]):.1f} %" for key in ("top_1", "top_5")]
            rows.append([name, head, f"{told['bits']:.3f}", f"{told['entropy']:.3f}", *shares, f"{told['ece']:.4f}"])
    says = "Bits above those expected: too sure. Calibration error: mean distance from the diagonal, 0 is best."
    return [Table("Accuracy and calibration by head", rows, says, folded=True)]


def by_context(found: Found) -> Section:
    """Return bits by how many notes were heard before."""
    lead = "Does memory help? Every point is of the same notes, told after fewer or more notes were heard."
    wanted = (
        ("Bits by context", "bits per note", 5),
        ("Bits of pitch by context", "bits of pitch", 3),
    )
    figures = [_context(found, *each) for each in wanted] if found.details else []
    return Section("context", "What memory brings", lead, figures)


def _context(found: Found, title: str, axis: str, until: int) -> Figure:
    """Draw the bits of rows of notes heard, targets, and one column a head, summed up to column `until`."""
    series = []
    for name in (each for each in found.ranked if each in found.details):
        points = [(float(row[0]), sum(map(float, row[2:until]))) for row in found.details[name]["context"]]
        series.append(Series(name, found.style(name), points))
    says = f"{axis.capitalize()} by how many notes the model had heard before. A flat line makes no use of more."
    drawing = line.chart(series, Axes("notes heard before", axis, log=True), says)
    return Figure(title, drawing, says, quantity.across(series, "notes heard"))


def by_piece(found: Found) -> Section:
    """Return the bits of each held-out piece, folded."""
    tables = []
    if found.pieces:
        columns, rows = found.pieces["columns"], found.pieces["rows"]
        told = [[str(row[0]), f"{row[1]:,}", *(f"{value:.2f}" for value in row[2:])] for row in rows[: quantity.MOST]]
        more = f" The first {quantity.MOST} of {len(rows):,} pieces." if len(rows) > quantity.MOST else ""
        says = f"Bits per note of each held-out piece.{more}"
        tables = [Table(f"Pieces ({len(rows):,})", [list(columns), *told], says, folded=True)]
    lead = "Some music is harder to foresee than other music: compare along a row, not down a column."
    return Section("pieces", "Piece by piece", lead, tables=tables)
