"""What a study found, as a page for people and as figures for programs."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline import files, metrics, paths, report, study
from pipeline.metrics import Scores
from pipeline.report import Rows
from pipeline.results import Evaluation
from pipeline.study import Run, Study

REFERENCE = "baseline"
RESAMPLES = 2000


@dataclass(frozen=True)
class Found:
    """One run of a study, as its experiment left it."""

    run: Run
    evaluations: list[Evaluation]
    floors: Mapping[str, Scores]
    timings: Mapping[str, Any]
    seed: int


def gather(run: Run, commit: str, names: list[str], seed: int) -> Found:
    """Read the results of an experiment."""
    floors = study.read(commit, paths.FLOORS)
    return Found(
        run,
        [Evaluation.of(study.read(commit, paths.evaluation(name))) for name in names],
        {name: Scores.of_rows(floor["rows"]) for name, floor in floors.items()},
        study.read(commit, paths.TIMINGS),
        seed,
    )


def figures(found: Mapping[str, Found]) -> str:
    """Return `{<name>: {bits_per_note, pitch, step, duration, interval, parameters, …}}`; a later run's row is last."""
    out: dict[str, Any] = {}
    for name, each in found.items():
        for evaluation in each.evaluations:
            known = evaluation.architecture in out
            out[f"{evaluation.architecture}_{name}" if known else evaluation.architecture] = _row(each, evaluation)
    return json.dumps(out, indent=1) + "\n"


def _row(found: Found, evaluation: Evaluation) -> dict[str, Any]:
    scores = evaluation.scores
    row: dict[str, Any] = {key: round(value, 4) for key, value in scores.per_note().items()}
    _, low, high = metrics.interval(scores, RESAMPLES, found.seed)
    row["interval"] = [round(low, 4), round(high, 4)]
    row |= {"parameters": evaluation.parameters, "scored_notes": int(scores.notes.sum())}
    row["target_notes"] = int(evaluation.history[-1]["notes"])
    block = evaluation.block
    row |= {"cell": block.cell, "input": block.input, "heads": block.heads, "objective": block.objective}
    row["training_time_per_note"] = found.timings["train"][evaluation.architecture]["median"]
    return row


def page(about: Study, found: Mapping[str, Found]) -> str:
    """Return the page of a study, in Markdown."""
    parts = [
        f"# {about.title}",
        "Made by one command, `music-rnn study maestro`, from the experiments that `studies/maestro.yaml` describes. "
        "Bits per note, fewer is better; `difference` is against `baseline` of the same run, with the 95 % interval of "
        "a paired bootstrap over pieces; `training` is the time per target note, as a ratio to the first row's "
        "reference, measured side by side in one process.",
    ]
    for name, each in found.items():
        scored = int(each.evaluations[0].scores.notes.sum())
        parts += [
            f"## {name}: {each.run.about}",
            f"{scored:,} notes of {len(set(each.evaluations[0].scores.piece))} validation pieces scored.",
            report.table(_table(each)),
        ]
        if len(each.evaluations) == 1:
            parts += ["Validation while it trained:", report.table(_curve(each.evaluations[0]))]
    return "\n\n".join(parts) + "\n"


def _table(found: Found) -> Rows:
    """Return one row an architecture or floor, the fewest bits first."""
    scores = {each.architecture: each.scores for each in found.evaluations}
    reference = scores.get(REFERENCE)
    lines = []
    for each in found.evaluations:
        block = each.block
        recipe = [block.cell, block.input, block.heads, block.objective, f"{each.parameters:,}"]
        cost = f"{found.timings['train'][each.architecture]['median']:.2f}×"
        lines.append((each.architecture, each.scores, [*recipe, cost]))
    lines += [(f"{name} (floor)", floor, [""] * 6) for name, floor in found.floors.items()]
    lines.sort(key=lambda line: line[1].per_note()["bits_per_note"])
    header = ["model", "bits", "difference", "pitch", "step", "duration", "velocity"]
    header += ["cell", "input", "heads", "objective", "parameters", "training"]
    return [header, *([name, *_told(found, its, reference), *recipe] for name, its, recipe in lines)]


def _told(found: Found, scores: Scores, reference: Scores | None) -> list[str]:
    mean = scores.per_note()
    gap = "–"
    if reference is not None and scores is not reference:
        gap = "{:+.3f} [{:+.3f}, {:+.3f}]".format(*metrics.difference(scores, reference, RESAMPLES, found.seed))
    heads = [f"{mean[head]:.3f}" if head in mean else "–" for head in ("pitch", "step", "duration", "velocity")]
    return [f"{mean['bits_per_note']:.3f}", gap, *heads]


def _curve(evaluation: Evaluation) -> Rows:
    rows = [[f"{row['notes']:,.0f}", f"{row['bits_per_note']:.3f}"] for row in evaluation.history]
    return [["target notes", "bits per note"], *rows]


def write(about: Study, found: Mapping[str, Found]) -> list[Path]:
    """Write the page and the figures; returns where."""
    page_at, figures_at = Path(about.page), Path(about.figures)
    files.write_text(page_at, page(about, found))
    files.write_text(figures_at, figures(found))
    return [page_at, figures_at]
