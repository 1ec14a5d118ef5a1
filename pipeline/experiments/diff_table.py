"""A comparison of experiments for people and programs: a table, the sentences below it, and a JSON object."""

import json
from collections.abc import Sequence
from typing import Any

from rich.table import Table
from rich.text import Text

from pipeline.evaluation import intervals
from pipeline.experiments.diff import Comparison, ExperimentScores, SharedScores
from pipeline.report import tables

SAME_NOTES_REMEDY = "corpus, ingest, replicates and compare must be equal in both"


def describe_comparison(
    experiments: Sequence[ExperimentScores], rows: Sequence[Comparison], tolerance_bits: float
) -> list[str]:
    """Return the sentences below the table: what could not be compared, and what the intervals are over.

    Args:
        experiments: the first is the reference.
        rows: what `compare_experiments` made of them.
        tolerance_bits: bits per note that another seed may change.
    """
    reference = experiments[0]
    notes = []
    for experiment in experiments:
        if experiment.missing:
            names = ", ".join(experiment.missing)
            notes.append(f"{experiment.name} has no results of {names}; 'dvc repro' makes them.")
    absent = [row for row in rows if row.against not in ("", row.architecture)]
    for name in dict.fromkeys(row.architecture for row in absent):
        notes.append(
            f"{name} is not in {reference.name}, so it is compared with {reference.best}, the best there."
        )
    pairs = [row.shared for row in rows if row.shared]
    for name in dict.fromkeys(pair.experiment.name for pair in pairs):
        notes += _describe_shared_notes([pair for pair in pairs if pair.experiment.name == name])
    return notes + _describe_intervals(rows, tolerance_bits)


def _describe_shared_notes(pairs: Sequence[SharedScores]) -> list[str]:
    """Return a sentence for an experiment that scored other notes than the reference, at least in part."""
    notes = []
    empty = [pair for pair in pairs if pair.is_empty]
    partial = [pair for pair in pairs if pair.is_partial and not pair.is_empty]
    for pair in empty[:1]:
        notes.append(
            f"{pair.experiment.name} and {pair.reference.name} did not score the same notes "
            f"({_describe_designs(pair)}): {SAME_NOTES_REMEDY}."
        )
    for pair in partial[:1]:
        notes.append(
            f"{pair.experiment.name} and {pair.reference.name} share a part of their notes ({_describe_designs(pair)}); "
            f"the difference is over the shared ones: {pair.scores.describe_design()}."
        )
    return notes


def _describe_designs(pair: SharedScores) -> str:
    """Return on what both were scored."""
    design = pair.experiment.scores[pair.architecture].describe_design()
    return f"{design} and {pair.reference.scores[pair.against].describe_design()}"


def _describe_intervals(rows: Sequence[Comparison], tolerance_bits: float) -> list[str]:
    """Return what the intervals are over, and whether they hold what another seed would change."""
    pairs = [(row.shared, row.difference) for row in rows if row.shared and row.difference]
    if not pairs:
        return []
    designs = dict.fromkeys(shared.scores.describe_design() for shared, _ in pairs)
    notes = [f"Intervals are paired, over {' or '.join(designs)}."]
    if len(pairs) > 1:
        notes.append(f"Verdicts are corrected for {len(pairs)} comparisons; intervals are not.")
    if any(difference.estimate.num_replicates == 1 for _, difference in pairs):
        notes.append(
            f"One replicate says nothing of other seeds, which can change {tolerance_bits:g} bits "
            "(gate.tolerance_bits); replicates.count trains more."
        )
    return notes


def make_diff_table(rows: Sequence[Comparison]) -> Table:
    """Return the comparison as a table for the terminal; long names of experiments take several lines."""
    table = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False)
    table.add_column("architecture", overflow="fold", max_width=tables.MAX_NAME_WIDTH)
    table.add_column("experiment", overflow="fold")
    table.add_column("bits", justify="right", no_wrap=True)
    table.add_column("difference, 95 %", justify="right", no_wrap=True)
    table.add_column("verdict")
    for row in rows:
        table.add_row(
            Text(row.architecture),
            Text(row.experiment),
            f"{row.bits_per_note:.3f}",
            _format_difference(row),
            row.verdict,
        )
    return table


def _format_difference(row: Comparison) -> str:
    if row.difference is None:
        return tables.MISSING
    if row.verdict == "equal":
        return "0.000"
    if row.verdict == "too few pieces":
        return f"{row.difference.estimate.mean:+.3f}"
    return intervals.format_difference(row.difference.estimate)


def format_diff_json(rows: Sequence[Comparison], reference: str) -> str:
    """Return the comparison as a JSON object; what is not known is null."""
    entries = []
    for row in rows:
        against = {"experiment": reference, "architecture": row.against} if row.against else None
        entries.append(
            {
                "architecture": row.architecture,
                "experiment": row.experiment,
                "bits_per_note": round(row.bits_per_note, 4),
                "notes": row.num_notes,
                "against": against,
                **_describe_difference(row),
                "verdict": row.verdict,
            }
        )
    return json.dumps({"reference": reference, "rows": entries}, indent=1)


def _describe_difference(row: Comparison) -> dict[str, Any]:
    """Return difference, interval, corrected p-value and what they are over."""
    if not (row.difference and row.shared):
        names = ("difference", "low", "high", "corrected_p", "replicates", "compositions")
        return dict.fromkeys(names)
    estimate = row.difference.estimate
    return {
        **intervals.round_interval(estimate.interval),
        "corrected_p": float(f"{row.difference.corrected_p:.3g}"),
        "replicates": estimate.num_replicates,
        "compositions": estimate.num_compositions,
    }
