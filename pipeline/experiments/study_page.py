"""Results of a study, as a page for people."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from operator import itemgetter
from pathlib import Path

from pipeline.core import files
from pipeline.evaluation import intervals
from pipeline.evaluation.intervals import Estimate
from pipeline.experiments import study_results
from pipeline.experiments.study import Study, StudyError
from pipeline.experiments.study_results import REFERENCE, Differences, FindingsByRun, RunFindings
from pipeline.report import tables
from pipeline.report.sections import samples
from pipeline.report.tables import Record, Rows
from pipeline.report.templates import render_template

MIN_CURVE_EPOCHS = 10
"""Epochs from which a curve is worth a table."""
MODEL_COLUMNS = {
    "model": "{name}",
    "bits": "{bits_per_note:.3f}",
    "difference": "{difference}",
    "pitch": "{pitch:.3f}",
    "step": "{step:.3f}",
    "duration": "{duration:.3f}",
    "velocity": "{velocity:.3f}",
    "cell": "{config.cell_text}",
    "input": "{config.input}",
    "heads": "{config.heads}",
    "loss on": "{config.loss_on}",
    "parameters": "{parameters:,}",
    "training": "{training[median]:.2f}×",
}
CURVE_COLUMNS = {"target notes": "{notes:,.0f}", "bits per note": "{bits_per_note:.3f}"}


@dataclass(frozen=True)
class TextTable:
    """A table with the sentence above it."""

    lead: str
    rows: Rows


@dataclass(frozen=True)
class Section:
    """One run on the page."""

    name: str
    findings: RunFindings
    num_notes: int
    design: str
    """Pieces and replicates that were scored."""
    target_notes: int
    models: Rows
    comparisons: Rows
    """Empty where the run is compared with no other."""
    curve: Rows
    """Empty where the run has several models, or a short one."""
    samples: Sequence[TextTable]
    """What samples are beside real music; nothing where the run has several models."""


def render_study_page(study: Study, findings_by_run: FindingsByRun) -> str:
    """Return the page of a study, in Markdown."""
    return render_template(
        "experiments/study_page.md",
        study=study,
        name=Path(study.metrics).stem,
        missing=[run for run in study.runs if run not in findings_by_run],
        sections=[_make_section(findings_by_run, run) for run in findings_by_run],
    )


def _make_section(findings_by_run: FindingsByRun, run_name: str) -> Section:
    findings = findings_by_run[run_name]
    differences = study_results.compute_differences(findings_by_run, run_name)
    first = findings.evaluations[0]
    curve: Rows = []
    history = first.histories[0]
    if len(findings.evaluations) == 1 and len(history) >= MIN_CURVE_EPOCHS:
        curve = tables.tabulate(CURVE_COLUMNS, history)
    return Section(
        name=run_name,
        findings=findings,
        num_notes=int(first.scores.num_notes.sum()),
        design=first.scores.describe_design(),
        target_notes=int(history[-1]["notes"]),
        models=_tabulate_models(findings, differences, f"{run_name}/{REFERENCE}"),
        comparisons=_tabulate_comparisons(differences, findings.run.compare_with),
        curve=curve,
        samples=list(_tabulate_samples(findings)) if len(findings.evaluations) == 1 else [],
    )


def _tabulate_samples(findings: RunFindings) -> Iterator[TextTable]:
    """Yield what was measured of the samples of the models."""
    for name, metrics in findings.sample_metrics.items():
        if comparison := metrics.get("continuations"):
            lead = samples.describe_continuations(comparison)
            yield TextTable(lead, samples.tabulate_continuations(name, comparison))
    for name, test in findings.two_sample.items():
        if test:
            yield TextTable(
                samples.describe_two_sample(test), samples.tabulate_features(name, test)
            )


def _tabulate_models(findings: RunFindings, differences: Differences, reference: str) -> Rows:
    """Return one row an architecture or n-gram model, the fewest bits first."""
    records: list[Record] = []
    for evaluation in findings.evaluations:
        name = evaluation.architecture
        record = {"name": name, **vars(evaluation), **evaluation.scores.compute_bits_per_note()}
        record["difference"] = _format_difference(differences[name].get(reference))
        record["training"] = findings.benchmark["train"][name]
        records.append(record)
    ngram_differences = study_results.compute_ngram_differences(findings)
    for name, scores in findings.ngram_scores.items():
        record = {"name": f"{name} (n-gram)", **scores.compute_bits_per_note()}
        record["difference"] = _format_difference(ngram_differences.get(name))
        records.append(record)
    records.sort(key=itemgetter("bits_per_note"))
    return tables.tabulate(MODEL_COLUMNS, records)


def _tabulate_comparisons(differences: Differences, other_models: list[str]) -> Rows:
    if not other_models:
        return []
    columns = {"model": "{name}"}
    for other in other_models:
        columns[f"against {other}"] = "{" + other + "}"
    records = [
        {"name": name, **{other: _format_difference(gap) for other, gap in others.items()}}
        for name, others in differences.items()
    ]
    return tables.tabulate(columns, records)


def _format_difference(difference: Estimate | None) -> str:
    return intervals.format_difference(difference) if difference else tables.MISSING


def write_study_results(
    study: Study, findings_by_run: FindingsByRun, force: bool = False
) -> list[Path]:
    """Write the page and the figures, and return their paths.

    Args:
        study: what was to be run.
        findings_by_run: what was run.
        force: whether results may replace a file that has more.

    Raises:
        StudyError: the file of figures has models that these results lack.
    """
    page_path, metrics_path = Path(study.page), Path(study.metrics)
    lost = study_results.find_lost_models(metrics_path, findings_by_run)
    if lost and not force:
        raise StudyError(
            f"{metrics_path}: has results of {', '.join(lost)}, which this study lacks now; "
            "run these too, or replace the file with --force"
        )
    files.write_text(page_path, render_study_page(study, findings_by_run))
    files.write_text(metrics_path, study_results.serialize_findings(findings_by_run))
    return [page_path, metrics_path]
