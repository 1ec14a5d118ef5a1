"""The section on whether samples behave like music: histograms, overlaps, and detectors of collapse."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pipeline.report.blocks import Figure, Section, Table
from pipeline.report.charts import histogram as steps
from pipeline.report.charts.line import Series
from pipeline.report.data import Found
from pipeline.report.tables import Rows

PITCH_CLASSES = ("C", "C♯", "D", "E♭", "E", "F", "F♯", "G", "A♭", "A", "B♭", "B")
TITLES = {
    "pitch_classes": ("Pitch classes", "pitch class"),
    "pitches": ("Pitches", "pitch, C4 is middle C"),
    "steps": ("Steps", "seconds since the note before"),
    "durations": ("Durations", "seconds held"),
}
MEASURES = {
    "copy": "longest copy from training [notes]",
    "repeated_8": "runs of 8 pitches heard before",
    "same_pitch_run": "longest run on one key [notes]",
    "pitch_range": "pitch range [semitones]",
    "polyphony": "keys that sound at once",
    "density": "notes per second",
    "density_drift": "density, last quarter over first",
    "scale_consistency": "notes within the best scale",
    "key_clarity": "clarity of key",
    "step_distance": "steps, distance to training [octaves]",
    "duration_distance": "durations, distance to training [octaves]",
}
"""Measures that the table shows, and how it calls them."""


def like_music(found: Found) -> Section:
    """Return what samples are, beside equally long held-out music."""
    told = {name: found.likeness[name] for name in found.ranked if name in found.likeness}
    figures = [_histogram(found, told, key) for key in TITLES] if told else []
    tables = [_measures(told), _overlaps(told), _collapsed(told)] if told else []
    lead = (
        "No measure here has a best value. What counts is the distance from held-out music of the same length, the "
        "grey bars and the row “held-out music”. The figures show the best architecture and the reference."
    )
    return Section("likeness", "Do samples behave like music?", lead, figures, tables)


def _histogram(found: Found, told: Mapping[str, Mapping[str, Any]], key: str) -> Figure:
    """Draw held-out music and two models; the table has all."""
    first = next(iter(told.values()))["histograms"][key]
    real, edges = _plain(first, "held_out"), _edges(first)
    played = {name: _plain(each["histograms"][key], "samples") for name, each in told.items()}
    shown = dict.fromkeys([*list(played)[:1], found.facts.summary["reference"]])
    begin, end = _used([real, *played.values()]) if key == "pitches" else (0, len(real))
    series = [
        Series(name, found.style(name), [(0.0, share) for share in played[name][begin:end]])
        for name in shown
        if name in played
    ]
    title, axis = TITLES[key]
    says = f"{title} of held-out music (bars) and of samples of {' and '.join(s.name for s in series)} (lines)."
    names = _bins(key, edges, len(real))[begin:end]
    drawing = steps.chart(real[begin:end], series, _ticks(key, names), (axis, says))
    shares = [real, *played.values()]
    rows = [[name, *(_share(each[begin + k]) for each in shares)] for k, name in enumerate(names)]
    return Figure(title, drawing, says, [[axis, "held-out music", *played], *rows])


def _plain(histogram: Mapping[str, Any], key: str) -> list[float]:
    return [float(share) for share in histogram[key]]


def _edges(histogram: Mapping[str, Any]) -> list[float]:
    return [float(edge) for edge in histogram.get("edges_seconds", ())]


def _used(shares: Iterable[Sequence[float]]) -> tuple[int, int]:
    """Return the first bin that holds anything, and the one after the last."""
    used = [k for each in shares for k, share in enumerate(each) if share > 0]
    return (min(used), max(used) + 1) if used else (0, 1)


def _bins(key: str, edges: Sequence[float], count: int) -> list[str]:
    """Return the name of each bin."""
    if key == "pitch_classes":
        return list(PITCH_CLASSES)
    if edges:
        return [f"{edge:g}" for edge in edges[:-1]]
    return [f"{PITCH_CLASSES[pitch % 12]}{pitch // 12 - 1}" for pitch in range(count)]


def _ticks(key: str, names: Sequence[str]) -> dict[float, str]:
    """Return which bins are named below a figure, and how."""
    if key == "pitches":
        return {float(k): name for k, name in enumerate(names) if name.rstrip("-0123456789") == "C"}
    each = max(1, -(-len(names) // 12))
    return {float(k): name for k, name in enumerate(names) if k % each == 0}


def _share(value: float) -> str:
    return f"{100 * value:.1f} %"


def _measures(told: Mapping[str, Mapping[str, Any]]) -> Table:
    """Return the measures, one row an architecture, held-out music first."""
    first = next(iter(told.values()))
    shown = {key: words for key, words in MEASURES.items() if key in first["measures"]}
    rows: Rows = [["music", *shown.values()]]
    rows.append(["held-out music", *(_span(first["measures"][key]["held_out"]) for key in shown)])
    rows += [[name, *(_span(each["measures"][key]["samples"]) for key in shown)] for name, each in told.items()]
    says = f"Mean over {first['samples']} samples of {first['notes']:,} notes each, least to greatest in brackets."
    return Table("Measures of samples", rows, says)


def _span(value: Sequence[float]) -> str:
    return f"{value[0]:.3g} ({value[1]:.3g}–{value[2]:.3g})"


def _overlaps(told: Mapping[str, Mapping[str, Any]]) -> Table:
    """Return overlapping areas with held-out music; the yardstick is held-out against training music."""
    first = next(iter(told.values()))["overlap"]
    rows: Rows = [["music", *(key.replace("_", " ") for key in first)]]
    yardstick = [f"{each['held_out_training']:.3f}" for each in first.values()]
    rows.append(["held-out music against training music", *yardstick])
    for name, each in told.items():
        rows.append([name, *(f"{each['overlap'][key]['samples_held_out']:.3f}" for key in first)])
    says = "Overlapping area of Yang and Lerch (2020): 1 where samples differ from music as they do among themselves."
    return Table("Overlap with held-out music", rows, says, folded=True)


def _collapsed(told: Mapping[str, Mapping[str, Any]]) -> Table:
    """Return which samples collapsed, and the longest passage each took from training music."""
    detectors = list(next(iter(told.values()))["collapse"])
    rows: Rows = [["architecture", *detectors, "longest copy from training"]]
    for name, each in told.items():
        fired = [", ".join(f"sample {k}" for k in each["collapse"][what]) or "none" for what in detectors]
        longest = max(each["copies"], key=lambda copy: int(copy["notes"]), default=None)
        copied = f"{longest['notes']} notes, sample {longest['sample']}, from {longest['piece']}" if longest else "none"
        rows.append([name, *fired, copied])
    says = "A detector names the samples that got stuck or lost their way. A short copy is chance, a long one memory."
    return Table("Collapse and copies", rows, says, words=True)
