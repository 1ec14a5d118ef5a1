"""What a study found, as a page for people."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from pipeline.core import files
from pipeline.evaluation import bits
from pipeline.evaluation.bits import Scores
from pipeline.evaluation.results import Evaluation
from pipeline.experiments import study_results
from pipeline.experiments.study import Study
from pipeline.experiments.study_results import REFERENCE, RESAMPLES, Found, Gap
from pipeline.report import tables
from pipeline.report.tables import Rows

CURVE = 10
"""Epochs from which a curve is worth a table."""


def page(about: Study, found: Mapping[str, Found]) -> str:
    """Return the page of a study, in Markdown."""
    name = Path(about.figures).stem
    parts = [
        f"# {about.title}",
        f"Made by one command, `music-rnn study {name}`, from the experiments that `studies/{name}.yaml` describes. "
        "Bits per note, fewer is better; `difference` is against `baseline` of the same run, with the 95 % interval of "
        "a paired bootstrap over pieces (over passages where there are few pieces); `training` is the time "
        "per target note, as a ratio to the first row's reference, measured side by side in one process.",
    ]
    if missing := [run for run in about.runs if run not in found]:
        parts.append(f"Not run yet: {', '.join(missing)}.")
    for each in found:
        parts += _section(found, each)
    return "\n\n".join(parts) + "\n"


def _section(found: Mapping[str, Found], name: str) -> Iterator[str]:
    """Tell one run: how it is made, its models and floors, and what else it was compared with."""
    own = found[name]
    first = own.evaluations[0]
    count = len(set(first.scores.piece))
    yield f"## {name}: {own.run.about}"
    yield (
        f"{int(first.scores.notes.sum()):,} notes of {count} held-out piece{'s' if count != 1 else ''} scored; "
        f"{int(first.history[-1]['notes']):,} target notes seen in training. Code of commit {own.made_at}."
    )
    if own.line:
        yield f"```bash\n{own.line}\n```"
    against = study_results.gaps(found, name)
    yield tables.format_markdown_table(_table(own, against, f"{name}/{REFERENCE}"))
    if own.run.against:
        yield "Differences against models of this and other runs, of the same notes:"
        yield tables.format_markdown_table(_across(against, own.run.against))
    if len(own.evaluations) == 1 and len(first.history) >= CURVE:
        yield "Validation while it trained:"
        yield tables.format_markdown_table(_curve(first))


def _table(found: Found, against: Mapping[str, Mapping[str, Gap]], reference: str) -> Rows:
    """Return one row an architecture or floor, the fewest bits first."""
    lines = []
    for each in found.evaluations:
        block = each.block
        recipe = [block.cell, block.input, block.heads, block.objective, f"{each.parameters:,}"]
        cost = f"{found.timings['train'][each.architecture]['median']:.2f}×"
        gap = _gap(against[each.architecture].get(reference))
        lines.append((each.architecture, each.scores, gap, [*recipe, cost]))
    for name, floor in found.floors.items():
        gap = "–"
        if found.has_reference:
            gap = _gap(bits.difference(floor, found.scores(REFERENCE), RESAMPLES, found.seed))
        lines.append((f"{name} (floor)", floor, gap, [""] * 6))
    lines.sort(key=lambda line: line[1].per_note()["bits_per_note"])
    header = ["model", "bits", "difference", "pitch", "step", "duration", "velocity"]
    header += ["cell", "input", "heads", "objective", "parameters", "training"]
    return [header, *([name, *_told(scores, gap), *recipe] for name, scores, gap, recipe in lines)]


def _told(scores: Scores, gap: str) -> list[str]:
    mean = scores.per_note()
    heads = [f"{mean[head]:.3f}" if head in mean else "–" for head in ("pitch", "step", "duration", "velocity")]
    return [f"{mean['bits_per_note']:.3f}", gap, *heads]


def _gap(gap: Gap | None) -> str:
    return "{:+.3f} [{:+.3f}, {:+.3f}]".format(*gap) if gap else "–"


def _across(against: Mapping[str, Mapping[str, Gap]], others: list[str]) -> Rows:
    lines = [[name, *(_gap(gap.get(other)) for other in others)] for name, gap in against.items()]
    return [["model", *(f"against {other}" for other in others)], *lines]


def _curve(evaluation: Evaluation) -> Rows:
    rows = [[f"{row['notes']:,.0f}", f"{row['bits_per_note']:.3f}"] for row in evaluation.history]
    return [["target notes", "bits per note"], *rows]


def write(about: Study, found: Mapping[str, Found]) -> list[Path]:
    """Write the page and the figures; returns where."""
    page_at, figures_at = Path(about.page), Path(about.figures)
    files.write_text(page_at, page(about, found))
    files.write_text(figures_at, study_results.figures(found))
    return [page_at, figures_at]
