"""What a study found, as a page for people."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from pipeline.core import files
from pipeline.evaluation import bootstrap
from pipeline.evaluation.bits import PieceScores
from pipeline.evaluation.bootstrap import Interval
from pipeline.evaluation.results import Evaluation
from pipeline.experiments import study_results
from pipeline.experiments.study import Study, StudyError
from pipeline.experiments.study_results import (
    BOOTSTRAP_RESAMPLES,
    REFERENCE,
    RunFindings,
)
from pipeline.report import tables
from pipeline.report.tables import Rows

MIN_CURVE_EPOCHS = 10
"""Epochs from which a curve is worth a table."""


def render_study_page(study: Study, findings_by_run: Mapping[str, RunFindings]) -> str:
    """Return the page of a study, in Markdown."""
    name = Path(study.metrics).stem
    parts = [
        f"# {study.title}",
        f"Made by one command, `music-rnn study {name}`, from the experiments that `studies/{name}.yaml` describes. "
        "Bits per note, fewer is better; `difference` is against `baseline` of the same run, with the 95 % interval of "
        "a paired bootstrap over pieces (over passages where there are few pieces); `training` is the time "
        "per target note, as a ratio to the first row's reference, measured side by side in one process.",
    ]
    if missing := [run for run in study.runs if run not in findings_by_run]:
        parts.append(f"Not run yet: {', '.join(missing)}.")
    for each in findings_by_run:
        parts += _render_run_section(findings_by_run, each)
    return "\n\n".join(parts) + "\n"


def _render_run_section(findings_by_run: Mapping[str, RunFindings], run_name: str) -> Iterator[str]:
    """Tell one run: how it is made, its models and floors, and what else it was compared with."""
    own = findings_by_run[run_name]
    first = own.evaluations[0]
    count = len(set(first.scores.piece_names))
    yield f"## {run_name}: {own.run.description}"
    yield (
        f"{int(first.scores.num_notes.sum()):,} notes of {count} held-out piece{'s' if count != 1 else ''} scored; "
        f"{int(first.history[-1]['notes']):,} target notes seen in training. Code of commit {own.source_commit}."
    )
    if own.command_line:
        yield f"```bash\n{own.command_line}\n```"
    against = study_results.compute_differences(findings_by_run, run_name)
    yield tables.format_markdown_table(_build_run_table(own, against, f"{run_name}/{REFERENCE}"))
    if own.run.compare_with:
        yield "Intervals against models of this and other runs, of the same notes:"
        yield tables.format_markdown_table(_build_comparison_table(against, own.run.compare_with))
    if len(own.evaluations) == 1 and len(first.history) >= MIN_CURVE_EPOCHS:
        yield "Validation while it trained:"
        yield tables.format_markdown_table(_build_curve_table(first))


def _build_run_table(
    run_findings: RunFindings, differences: Mapping[str, Mapping[str, Interval]], reference: str
) -> Rows:
    """Return one row an architecture or floor, the fewest bits first."""
    lines = []
    for each in run_findings.evaluations:
        block = each.config
        recipe = [block.cell, block.input, block.heads, block.loss_on, f"{each.parameters:,}"]
        cost = f"{run_findings.benchmark['train'][each.architecture]['median']:.2f}×"
        gap = _format_difference(differences[each.architecture].get(reference))
        lines.append((each.architecture, each.scores, gap, [*recipe, cost]))
    for name, floor in run_findings.ngram_scores.items():
        gap = "–"
        if run_findings.has_reference:
            gap = _format_difference(
                bootstrap.compute_paired_difference(
                    floor,
                    run_findings.get_scores(REFERENCE),
                    BOOTSTRAP_RESAMPLES,
                    run_findings.seed,
                )
            )
        lines.append((f"{name} (floor)", floor, gap, [""] * 6))
    lines.sort(key=lambda line: line[1].compute_bits_per_note()["bits_per_note"])
    header = ["model", "bits", "difference", "pitch", "step", "duration", "velocity"]
    header += ["cell", "input", "heads", "loss on", "parameters", "training"]
    return [
        header,
        *(
            [name, *_format_score_cells(scores, gap), *recipe]
            for name, scores, gap, recipe in lines
        ),
    ]


def _format_score_cells(scores: PieceScores, difference: str) -> list[str]:
    mean = scores.compute_bits_per_note()
    heads = [
        f"{mean[head]:.3f}" if head in mean else "–"
        for head in ("pitch", "step", "duration", "velocity")
    ]
    return [f"{mean['bits_per_note']:.3f}", difference, *heads]


def _format_difference(difference: Interval | None) -> str:
    return "{:+.3f} [{:+.3f}, {:+.3f}]".format(*difference) if difference else "–"


def _build_comparison_table(
    differences: Mapping[str, Mapping[str, Interval]], other_models: list[str]
) -> Rows:
    lines = [
        [name, *(_format_difference(gap.get(other)) for other in other_models)]
        for name, gap in differences.items()
    ]
    return [["model", *(f"against {other}" for other in other_models)], *lines]


def _build_curve_table(evaluation: Evaluation) -> Rows:
    rows = [[f"{row['notes']:,.0f}", f"{row['bits_per_note']:.3f}"] for row in evaluation.history]
    return [["target notes", "bits per note"], *rows]


def write_study_results(
    study: Study, findings_by_run: Mapping[str, RunFindings], force: bool = False
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
