"""The section on whether samples behave like music: histograms, overlaps, and detectors of collapse."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pipeline.notes.theory import DISPLAY_NAMES, pitch_name
from pipeline.report.blocks import Figure, Section, Table
from pipeline.report.charts import histogram as steps
from pipeline.report.charts.line import Series
from pipeline.report.data import ReportData
from pipeline.report.tables import Rows

HISTOGRAM_TITLES = {
    "pitch_classes": ("Pitch classes", "pitch class"),
    "pitches": ("Pitches", "pitch, C4 is middle C"),
    "steps": ("Steps", "seconds since the note before"),
    "durations": ("Durations", "seconds held"),
}
METRIC_NAMES = {
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


def build_sample_metrics_section(data: ReportData) -> Section:
    """Return what samples are, beside equally long held-out music."""
    told = {name: data.sample_metrics[name] for name in data.by_bits if name in data.sample_metrics}
    figures = [_make_histogram_figure(data, told, key) for key in HISTOGRAM_TITLES] if told else []
    tables = (
        [_build_metrics_table(told), _build_overlap_table(told), _build_collapse_table(told)]
        if told
        else []
    )
    lead = (
        "No measure here has a best value. What counts is the distance from held-out music of the same length, the "
        "grey bars and the row “held-out music”. The figures show the best architecture and the reference."
    )
    return Section("sample_metrics", "Do samples behave like music?", lead, figures, tables)


def _make_histogram_figure(
    data: ReportData, sample_metrics: Mapping[str, Mapping[str, Any]], feature: str
) -> Figure:
    """Draw held-out music and two models; the table has all."""
    first = next(iter(sample_metrics.values()))["histograms"][feature]
    real, edges = _read_shares(first, "held_out"), _read_bin_edges(first)
    played = {
        name: _read_shares(each["histograms"][feature], "samples")
        for name, each in sample_metrics.items()
    }
    shown = dict.fromkeys([*list(played)[:1], data.results.summary["reference"]])
    begin, end = (
        _find_used_bins([real, *played.values()]) if feature == "pitches" else (0, len(real))
    )
    series = [
        Series(
            name, data.get_color_index(name), [(0.0, share) for share in played[name][begin:end]]
        )
        for name in shown
        if name in played
    ]
    title, axis = HISTOGRAM_TITLES[feature]
    says = f"{title} of held-out music (bars) and of samples of {' and '.join(s.name for s in series)} (lines)."
    names = _name_bins(feature, edges, len(real))[begin:end]
    drawing = steps.draw_histogram(
        real[begin:end], series, _choose_ticks(feature, names), (axis, says)
    )
    shares = [real, *played.values()]
    rows = [
        [name, *(_format_percent(each[begin + k]) for each in shares)]
        for k, name in enumerate(names)
    ]
    return Figure(title, drawing, says, [[axis, "held-out music", *played], *rows])


def _read_shares(histogram: Mapping[str, Any], source: str) -> list[float]:
    return [float(share) for share in histogram[source]]


def _read_bin_edges(histogram: Mapping[str, Any]) -> list[float]:
    return [float(edge) for edge in histogram.get("edges_seconds", ())]


def _find_used_bins(histograms: Iterable[Sequence[float]]) -> tuple[int, int]:
    """Return the first bin that holds anything, and the one after the last."""
    used = [k for each in histograms for k, share in enumerate(each) if share > 0]
    return (min(used), max(used) + 1) if used else (0, 1)


def _name_bins(feature: str, edges: Sequence[float], num_bins: int) -> list[str]:
    """Return the name of each bin."""
    if feature == "pitch_classes":
        return list(DISPLAY_NAMES)
    if edges:
        return [f"{edge:g}" for edge in edges[:-1]]
    return [pitch_name(pitch, DISPLAY_NAMES) for pitch in range(num_bins)]


def _choose_ticks(feature: str, bin_names: Sequence[str]) -> dict[float, str]:
    """Return which bins are named below a figure, and how."""
    if feature == "pitches":
        return {
            float(k): name for k, name in enumerate(bin_names) if name.rstrip("-0123456789") == "C"
        }
    each = max(1, -(-len(bin_names) // 12))
    return {float(k): name for k, name in enumerate(bin_names) if k % each == 0}


def _format_percent(value: float) -> str:
    return f"{100 * value:.1f} %"


def _build_metrics_table(sample_metrics: Mapping[str, Mapping[str, Any]]) -> Table:
    """Return the measures, one row an architecture, held-out music first."""
    first = next(iter(sample_metrics.values()))
    shown = {key: words for key, words in METRIC_NAMES.items() if key in first["measures"]}
    rows: Rows = [["music", *shown.values()]]
    rows.append(
        [
            "held-out music",
            *(_format_mean_and_range(first["measures"][key]["held_out"]) for key in shown),
        ]
    )
    rows += [
        [name, *(_format_mean_and_range(each["measures"][key]["samples"]) for key in shown)]
        for name, each in sample_metrics.items()
    ]
    says = f"Mean over {first['samples']} samples of {first['notes']:,} notes each, least to greatest in brackets."
    return Table("Measures of samples", rows, says)


def _format_mean_and_range(mean_and_range: Sequence[float]) -> str:
    return f"{mean_and_range[0]:.3g} ({mean_and_range[1]:.3g}–{mean_and_range[2]:.3g})"


def _build_overlap_table(sample_metrics: Mapping[str, Mapping[str, Any]]) -> Table:
    """Return overlapping areas with held-out music; the yardstick is held-out against training music."""
    first = next(iter(sample_metrics.values()))["overlap"]
    rows: Rows = [["music", *(key.replace("_", " ") for key in first)]]
    yardstick = [f"{each['held_out_training']:.3f}" for each in first.values()]
    rows.append(["held-out music against training music", *yardstick])
    for name, each in sample_metrics.items():
        rows.append([name, *(f"{each['overlap'][key]['samples_held_out']:.3f}" for key in first)])
    says = "Overlapping area of Yang and Lerch (2020): 1 where samples differ from music as they do among themselves."
    return Table("Overlap with held-out music", rows, says, collapsed=True)


def _build_collapse_table(sample_metrics: Mapping[str, Mapping[str, Any]]) -> Table:
    """Return which samples collapsed, and the longest passage each took from training music."""
    detectors = list(next(iter(sample_metrics.values()))["collapse"])
    rows: Rows = [["architecture", *detectors, "longest copy from training"]]
    for name, each in sample_metrics.items():
        fired = [
            ", ".join(f"sample {k}" for k in each["collapse"][what]) or "none" for what in detectors
        ]
        longest = max(each["copies"], key=lambda copy: int(copy["notes"]), default=None)
        copied = (
            f"{longest['notes']} notes, sample {longest['sample']}, from {longest['piece']}"
            if longest
            else "none"
        )
        rows.append([name, *fired, copied])
    says = "A detector names the samples that got stuck or lost their way. A short copy is chance, a long one memory."
    return Table("Collapse and copies", rows, says, is_text=True)
