"""The section on whether samples behave like music: histograms, overlaps, and detectors of collapse."""

from collections.abc import Mapping, Sequence
from typing import Any

from pipeline.notes.theory import DISPLAY_NAMES, pitch_name
from pipeline.report import tables
from pipeline.report.blocks import Figure, Section, Table
from pipeline.report.charts import histogram
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
FORM_NAMES = {
    "motifs_near": "runs of 6 intervals heard within 256 notes [share]",
    "motifs_far": "runs of 6 intervals heard longer ago [share]",
    **{
        f"key_overlap_{end}": f"pitch classes shared with the prompt, notes {end - 100} to {end}"
        for end in range(100, 600, 100)
    },
    "longest_gap": "longest silence [s]",
    "gap_quantile": "silence that 99.9 % of notes do not exceed [s]",
    "longest_note": "longest held note [s]",
    "density": "notes per second",
    "density_drift": "change of density, last quarter against first [octaves]",
    "pitch_drift": "change of mean pitch, last quarter against first [semitones]",
    "restruck": "keys struck while down [share of notes]",
    "copy": "longest copy from training [notes]",
}
"""Measures of continuations, and how the table calls them."""
MAX_TICKS = 12
HELD_OUT = "held-out music"
SampleMetrics = Mapping[str, Mapping[str, Any]]
"""What `metrics/sample_metrics` holds, by architecture, the fewest bits first."""


def build_sample_metrics_section(data: ReportData) -> Section:
    """Return what samples are, beside equally long held-out music."""
    lead = (
        "No measure here has a best value. What counts is the distance from held-out music of the same length, the "
        "gray bars and the row “held-out music”. The figures show the best architecture and the reference."
    )
    metrics = data.rank(data.sample_metrics)
    figures, blocks = [], []
    if metrics:
        figures = [_make_histogram_figure(data, metrics, feature) for feature in HISTOGRAM_TITLES]
        blocks = [
            _build_verdict_table(metrics),
            _build_metrics_table(metrics),
            _build_overlap_table(metrics),
            _build_collapse_table(metrics),
        ]
        name, values = next(iter(metrics.items()))
        if "continuations" in values:
            blocks.append(_build_form_table(name, values["continuations"]))
    if tests := data.rank(data.two_sample):
        blocks.append(build_two_sample_table(tests))
    return Section("sample_metrics", "Do samples behave like music?", lead, figures, blocks)


def _get_first(metrics: SampleMetrics) -> Mapping[str, Any]:
    """Return one of them: what is of held-out music is the same in all."""
    return next(iter(metrics.values()))


def _make_histogram_figure(data: ReportData, metrics: SampleMetrics, feature: str) -> Figure:
    """Draw held-out music and two models; the table has all."""
    title, axis = HISTOGRAM_TITLES[feature]
    first = _get_first(metrics)["histograms"][feature]
    shares = {HELD_OUT: first["held_out"]}
    for name, values in metrics.items():
        shares[name] = values["histograms"][feature]["samples"]
    names = _name_bins(feature, first)
    if feature == "pitches":
        used = [index for index, bins in enumerate(zip(*shares.values(), strict=True)) if any(bins)]
        span = slice(min(used), max(used) + 1)
        names, shares = names[span], {name: bins[span] for name, bins in shares.items()}
    series = []
    best = next(iter(metrics))
    for name in metrics:
        if name in (best, data.results.reference):
            series.append(data.make_series(name, [(0.0, share) for share in shares[name]]))
    models = " and ".join(line.name for line in series)
    caption = f"{title} of held-out music (bars) and of samples of {models} (lines)."
    ticks = _choose_ticks(feature, names)
    drawing = histogram.draw_histogram(shares[HELD_OUT], series, ticks, (axis, caption))
    rows = [[axis, *shares]]
    for name, *bins in zip(names, *shares.values(), strict=True):
        rows.append([name, *(f"{100 * share:.1f} %" for share in bins)])
    return Figure(title, drawing, caption, rows)


def _name_bins(feature: str, bins: Mapping[str, Any]) -> list[str]:
    """Return the name of each bin."""
    if feature == "pitch_classes":
        return list(DISPLAY_NAMES)
    if edges := bins.get("edges_seconds"):
        return [f"{edge:g}" for edge in edges[:-1]]
    return [pitch_name(pitch, DISPLAY_NAMES) for pitch in range(len(bins["held_out"]))]


def _choose_ticks(feature: str, bin_names: Sequence[str]) -> dict[float, str]:
    """Return which bins are named below a figure, and their names."""
    every = max(1, -(-len(bin_names) // MAX_TICKS))
    ticks = {}
    for index, name in enumerate(bin_names):
        is_octave = name.rstrip("-0123456789") == "C"
        if is_octave if feature == "pitches" else index % every == 0:
            ticks[float(index)] = name
    return ticks


def _build_metrics_table(metrics: SampleMetrics) -> Table:
    """Return the measures, one row an architecture, held-out music first."""
    first = _get_first(metrics)
    columns = {"music": "{name}"}
    for key, title in METRIC_NAMES.items():
        if key in first["measures"]:
            figure = f"{{{key}[0]:.3g}} ({{{key}[1]:.3g}}–{{{key}[2]:.3g}})"
            columns[title] = f"{figure}{{{key}_verdict}}"
    no_verdicts = {f"{key}_verdict": "" for key in first["measures"]}
    held_out = _select_source(first["measures"], "held_out")
    records = [{"name": HELD_OUT, **held_out, **no_verdicts}]
    for name, values in metrics.items():
        measures = values["measures"]
        verdicts = {f"{key}_verdict": _describe_verdict(row) for key, row in measures.items()}
        records.append({"name": name, **_select_source(measures, "samples"), **verdicts})
    caption = (
        f"Mean over {first['samples']} samples of {first['notes']:,} notes each, least to greatest in brackets. Above and "
        "below: the mean is outside the range of held-out passages of that length."
    )
    return Table("Measures of samples", tables.tabulate(columns, records), caption)


def _describe_verdict(measure: Mapping[str, Any]) -> str:
    """Return on which side of held-out music a measure of samples lies, or an empty text."""
    verdict = measure.get("verdict")
    return f", {verdict}" if verdict in ("above", "below") else ""


def build_two_sample_table(tests: Mapping[str, Mapping[str, Any]]) -> Table:
    """Return how well a classifier tells samples from music, one row an architecture, real music first.

    Args:
        tests: what `metrics/two_sample` holds, by architecture.
    """
    rows: Rows = [["music", "AUC", "95 % interval", "what tells most"]]
    first = next(iter(tests.values()))
    rows.append(["real against real", *_format_auc(first["real"]), "nothing to tell"])
    for name, test in tests.items():
        words = "; ".join(feature["words"] for feature in test["features"])
        rows.append([name, *_format_auc(test["generated"]), words])
    caption = (
        f"Chance that a classifier finds a generated passage of {first['notes']} notes more suspicious than a real one: 0.5 if "
        f"it cannot tell, 1 if it always can. {first['prompts']} prompts of {first['compositions']} held-out compositions; each "
        "composition is judged by a classifier that has not seen it (Lopez-Paz and Oquab, 2017)."
    )
    return Table("Can a classifier tell samples from real music?", rows, caption, is_text=True)


def tabulate_features(name: str, test: Mapping[str, Any]) -> Rows:
    """Return the features that tell samples from real music most, a row each, with their means.

    Args:
        name: of the model.
        test: what `metrics/two_sample` holds of it.
    """
    columns = {
        f"{name} has": "{words}",
        "AUC of this alone": "{auc:.2f}",
        name: "{generated:.3g}",
        "real": "{real:.3g}",
    }
    return tables.tabulate(columns, test["features"])


def describe_two_sample(test: Mapping[str, Any]) -> str:
    """Return how well a classifier tells samples from real music, in two sentences."""
    generated, real = (
        "{auc:.2f} [{low:.2f}, {high:.2f}]".format_map(test[kind]) for kind in ("generated", "real")
    )
    return (
        f"Classifier two-sample test, {test['prompts']} prompts of {test['compositions']} compositions, {test['notes']} "
        f"notes each, folds by composition: AUC {generated}, real against real {real}. What tells most, with means:"
    )


def _format_auc(estimate: Mapping[str, float]) -> list[str]:
    """Return the cells of an AUC and its interval."""
    return ["{auc:.2f}".format_map(estimate), "{low:.2f} to {high:.2f}".format_map(estimate)]


def tabulate_continuations(name: str, comparison: Mapping[str, Any]) -> Rows:
    """Return the measures of what a model plays after prompts beside those of what really follows, a row a measure.

    Args:
        name: of the model.
        comparison: `continuations` of `metrics/sample_metrics`.
    """
    rows: Rows = [["measure", name, "real", f"{name} less real", "real less real"]]
    for key, title in FORM_NAMES.items():
        if measure := comparison["measures"].get(key):
            values = [f"{measure[source]:.3g}" for source in ("generated", "real")]
            gaps = [_format_gap(measure[kind]) for kind in ("difference", "real_difference")]
            rows.append([title, *values, *gaps])
    return rows


def describe_continuations(comparison: Mapping[str, Any]) -> str:
    """Return what the figures of `tabulate_continuations` are of."""
    return (
        "Means over what follows {prompts} held-out prompts of {compositions} compositions, {notes:,} notes each, with 95 % "
        "intervals of differences over compositions (bootstrap). Real less real: as many notes after those and these, in "
        "random order, where the piece is long enough ({prompts_with_next} prompts); there is nothing to tell."
    ).format_map(comparison)


def _format_gap(gap: Sequence[float | None]) -> str:
    """Return a difference and its interval, as far as they are known."""
    mean, low, high = gap
    if mean is None:
        return tables.MISSING
    if low is None:
        return f"{mean:+.3g} [{tables.NO_INTERVAL}]"
    return f"{mean:+.3g} [{low:+.3g}, {high:+.3g}]"


def _build_form_table(name: str, comparison: Mapping[str, Any]) -> Table:
    """Return the measures of form of the best architecture."""
    rows = tabulate_continuations(name, comparison)
    caption = describe_continuations(comparison)
    title = f"Form: what {name} plays after prompts, and what really follows"
    return Table(title, rows, caption, collapsed=True)


def _select_source(values: Mapping[str, Mapping[str, Any]], source: str) -> dict[str, Any]:
    """Return of each measure what is of one kind of music."""
    return {key: row[source] for key, row in values.items()}


def _build_verdict_table(metrics: SampleMetrics) -> Table:
    """Return which measures lie within the range of held-out music, one row an architecture."""
    rows: Rows = [["architecture", "within", "below", "above"]]
    for name, values in metrics.items():
        titles: dict[str, list[str]] = {"within": [], "below": [], "above": []}
        for key, title in METRIC_NAMES.items():
            verdict = values["measures"].get(key, {}).get("verdict")
            if verdict in titles:
                titles[verdict].append(title)
        count = sum(map(len, titles.values()))
        outside = (", ".join(titles[verdict]) or "none" for verdict in ("below", "above"))
        rows.append([name, f"{len(titles['within'])} of {count}", *outside])
    caption = (
        "Below and above: the mean of the samples lies outside the range of all held-out passages. Within is no proof that "
        "samples are like music; where there are fewer than 5 passages, a measure has no verdict."
    )
    title = "Measures of samples against the range of held-out music"
    return Table(title, rows, caption, is_text=True)


def _build_overlap_table(metrics: SampleMetrics) -> Table:
    """Return overlapping areas with held-out music; they compare with those of held-out and training music."""
    first = _get_first(metrics)["overlap"]
    columns = {"music": "{name}"} | {key.replace("_", " "): f"{{{key}:.3f}}" for key in first}
    music = _select_source(first, "held_out_training")
    records = [{"name": "held-out music against training music", **music}]
    for name, values in metrics.items():
        records.append({"name": name, **_select_source(values["overlap"], "samples_held_out")})
    caption = "Overlapping area of Yang and Lerch (2020): 1 where samples differ from music as they do among themselves."
    rows = tables.tabulate(columns, records)
    return Table("Overlap with held-out music", rows, caption, collapsed=True)


def _build_collapse_table(metrics: SampleMetrics) -> Table:
    """Return which samples collapsed, and the longest passage of each that is in the training music."""
    detectors = list(_get_first(metrics)["collapse"])
    rows: Rows = [["architecture", *detectors, "longest copy from training"]]
    for name, values in metrics.items():
        cells = [name]
        for detector in detectors:
            numbers = values["collapse"][detector]
            cells.append(", ".join(f"sample {number}" for number in numbers) or "none")
        rows.append([*cells, _describe_longest_copy(values["copies"])])
    caption = "A detector names the samples that got stuck or lost their way. A short copy is chance, a long one memory."
    return Table("Collapse and copies", rows, caption, is_text=True)


def _describe_longest_copy(copies: Sequence[Mapping[str, Any]]) -> str:
    longest = max(copies, key=lambda copy: int(copy["notes"]), default=None)
    return "{notes} notes, sample {sample}, from {piece}".format_map(longest) if longest else "none"
