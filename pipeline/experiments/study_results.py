"""Results of a study, as figures for programs; `study_page` renders them for people."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipeline.config import Params
from pipeline.core import git, paths, yaml
from pipeline.evaluation import intervals
from pipeline.evaluation.bits import PieceScores
from pipeline.evaluation.intervals import Estimate
from pipeline.evaluation.results import Evaluation, format_compact_json
from pipeline.experiments import study
from pipeline.experiments.study import Run, StudyError

REFERENCE = "baseline"
CONFIG_KEYS = ("cell", "input", "heads", "loss_on")


@dataclass(frozen=True)
class RunFindings:
    """One run of a study, as its experiment left it."""

    run: Run
    evaluations: list[Evaluation]
    ngram_scores: Mapping[str, PieceScores]
    benchmark: Mapping[str, Any]
    source_commit: str
    """The commit whose code made it."""
    source_date: str
    """The day of that commit."""
    corpus: str
    command_line: str
    """The command that makes it again; nothing where that is too long to type."""
    sample_metrics: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """What `metrics/sample_metrics` holds, by architecture; nothing of an experiment that did not measure samples."""
    two_sample: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """What `metrics/two_sample` holds, likewise."""

    @property
    def has_reference(self) -> bool:
        """Whether the baseline is of this run, so that the others can be compared with it."""
        return any(evaluation.architecture == REFERENCE for evaluation in self.evaluations)

    def get_scores(self, architecture: str) -> PieceScores:
        """Return the scores of a model of this run.

        Raises:
            StudyError: the run has none of that name.
        """
        for evaluation in self.evaluations:
            if evaluation.architecture == architecture:
                return evaluation.scores
        raise StudyError(
            f"no {architecture} in the run that is about {self.run.description!r}; it is named in `compare_with`"
        )


FindingsByRun = Mapping[str, RunFindings]
Differences = dict[str, dict[str, Estimate]]
"""By architecture, and by the model it is compared with."""


def load_run(experiment: str, run: Run, params: Params) -> RunFindings:
    """Read the results of an experiment, by its name."""
    commit = study.find_experiment_commit(experiment)
    ngrams = study.read_json_at_commit(commit, paths.NGRAMS)
    read_json = git.make_json_reader(commit)
    names = study.list_architectures(run, params)
    evaluations = []
    for name in names:
        values = study.read_json_at_commit(commit, paths.get_evaluation_path(name))
        evaluations.append(Evaluation.from_json(values))
    run_params = yaml.parse_yaml(git.run_git("show", f"{commit}:{paths.PARAMS.as_posix()}"))
    return RunFindings(
        run=run,
        evaluations=evaluations,
        ngram_scores={name: PieceScores.from_rows(row["rows"]) for name, row in ngrams.items()},
        benchmark=study.read_json_at_commit(commit, paths.BENCHMARK),
        source_commit=study.describe_source_commit(experiment),
        source_date=study.find_source_date(experiment),
        corpus=run_params["corpus"],
        command_line=study.format_command_line(experiment, run, params),
        sample_metrics={name: read_json(paths.get_sample_metrics_path(name)) for name in names},
        two_sample={name: read_json(paths.get_two_sample_path(name)) for name in names},
    )


def compute_differences(findings_by_run: FindingsByRun, run_name: str) -> Differences:
    """Return `{architecture: {"run/architecture": difference}}` of a run: its own reference first, then `compare_with`.

    Raises:
        StudyError: it is against a model that is not there, or that was scored on other notes.
    """
    findings = findings_by_run[run_name]
    others = [f"{run_name}/{REFERENCE}"] if findings.has_reference else []
    differences: Differences = {evaluation.architecture: {} for evaluation in findings.evaluations}
    for other in dict.fromkeys([*others, *findings.run.compare_with]):
        run, _, architecture = other.partition("/")
        reference = findings_by_run[run].get_scores(architecture)
        for evaluation in findings.evaluations:
            try:
                difference = intervals.estimate_difference(evaluation.scores, reference)
            except ValueError as error:
                raise StudyError(f"run {run_name} is against {other}, but {error}") from error
            if other != f"{run_name}/{evaluation.architecture}":
                differences[evaluation.architecture][other] = difference
    return differences


def compute_ngram_differences(findings: RunFindings) -> dict[str, Estimate]:
    """Return the difference of each n-gram model to the baseline of its run; none where the run has no baseline."""
    if not findings.has_reference:
        return {}
    reference = findings.get_scores(REFERENCE)
    return {
        name: intervals.estimate_difference(scores, reference)
        for name, scores in findings.ngram_scores.items()
    }


def find_lost_models(path: Path, findings_by_run: FindingsByRun) -> list[str]:
    """Return the models, as `run/architecture`, that a file of figures has and that these results lack.

    Raises:
        StudyError: the file cannot be read.
    """
    if not path.exists():
        return []
    try:
        rows = json.loads(path.read_text(encoding="utf-8")).values()
        stored = [f"{row['run']}/{row['architecture']}" for row in rows]
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        raise StudyError(f"{path}: cannot be read ({error}); take it from Git again") from error
    current = {
        f"{name}/{evaluation.architecture}"
        for name, findings in findings_by_run.items()
        for evaluation in findings.evaluations
    }
    return [model for model in stored if model not in current]


def serialize_findings(findings_by_run: FindingsByRun) -> str:
    """Return `{<name>: {bits_per_note, pitch, step, duration, interval, parameters, …}}`; a later run's row is last."""
    rows: dict[str, Any] = {}
    for run_name, findings in findings_by_run.items():
        differences = compute_differences(findings_by_run, run_name)
        for evaluation in findings.evaluations:
            name = evaluation.architecture
            row = {"run": run_name, "architecture": name, **_make_row(findings, evaluation)}
            row["against"] = {
                other: _round(gap.interval) for other, gap in differences[name].items()
            }
            rows[f"{name}_{run_name}" if name in rows else name] = row
    return format_compact_json(rows)


def _make_row(findings: RunFindings, evaluation: Evaluation) -> dict[str, Any]:
    scores = evaluation.scores
    _, *ends = intervals.estimate_mean(scores).interval
    bits = scores.compute_bits_per_note()
    return {
        **dict(zip(bits, _round(bits.values()), strict=True)),
        "interval": _round(ends),
        "parameters": evaluation.parameters,
        "scored_notes": int(scores.num_notes.sum()),
        "replicates": len(evaluation.histories),
        "target_notes": int(evaluation.histories[0][-1]["notes"]),
        **{key: getattr(evaluation.config, key) for key in CONFIG_KEYS},
        "training_time_per_note": findings.benchmark["train"][evaluation.architecture]["median"],
        "source_commit": findings.source_commit,
        "source_date": findings.source_date,
        "corpus": findings.corpus,
    }


def _round(values: Iterable[float]) -> list[float | None]:
    return [intervals.round_figure(value) for value in values]
