"""What a study found, as figures for programs; `findings_page` tells it to people."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.config import Params
from pipeline.core import paths
from pipeline.evaluation import bootstrap
from pipeline.evaluation.bits import PieceScores
from pipeline.evaluation.bootstrap import ImplausibleIntervalError, Interval
from pipeline.evaluation.results import Evaluation, format_compact_json
from pipeline.experiments import study
from pipeline.experiments.study import Run, StudyError

REFERENCE = "baseline"
BOOTSTRAP_RESAMPLES = 2000


@dataclass(frozen=True)
class RunFindings:
    """One run of a study, as its experiment left it."""

    run: Run
    evaluations: list[Evaluation]
    ngram_scores: Mapping[str, PieceScores]
    benchmark: Mapping[str, Any]
    seed: int
    """Of the bootstrap."""
    source_commit: str
    """The commit whose code made it."""
    command_line: str
    """The command that makes it again; nothing where that is too long to type."""

    @property
    def has_reference(self) -> bool:
        """Whether the baseline is of this run, so that the others can be compared with it."""
        return any(each.architecture == REFERENCE for each in self.evaluations)

    def get_scores(self, architecture: str) -> PieceScores:
        """Return the scores of a model of this run.

        Raises:
            StudyError: the run has none of that name.
        """
        for each in self.evaluations:
            if each.architecture == architecture:
                return each.scores
        raise StudyError(
            f"no {architecture} in the run that is about {self.run.description!r}; it is named in `against`"
        )


def load_run(experiment: str, run: Run, params: Params) -> RunFindings:
    """Read the results of an experiment, by its name."""
    commit = study.find_experiment_commit(experiment)
    floors = study.read_json_at_commit(commit, paths.NGRAMS)
    return RunFindings(
        run,
        [
            Evaluation.from_json(study.read_json_at_commit(commit, paths.get_evaluation_path(each)))
            for each in study.list_architectures(run, params)
        ],
        {each: PieceScores.from_rows(floor["rows"]) for each, floor in floors.items()},
        study.read_json_at_commit(commit, paths.BENCHMARK),
        params.seed,
        study.describe_source_commit(experiment),
        study.format_command_line(experiment, run, params),
    )


def compute_differences(
    findings_by_run: Mapping[str, RunFindings], run_name: str
) -> dict[str, dict[str, Interval]]:
    """Return `{architecture: {"run/architecture": difference}}` of a run: its own reference first, then `against`.

    Raises:
        StudyError: it is against a model that is not there, or that was scored on other notes.
    """
    own = findings_by_run[run_name]
    others = dict.fromkeys([f"{run_name}/{REFERENCE}"] if own.has_reference else [])
    others |= dict.fromkeys(own.run.compare_with)
    out: dict[str, dict[str, Interval]] = {each.architecture: {} for each in own.evaluations}
    for other in others:
        run, _, architecture = other.partition("/")
        theirs = findings_by_run[run].get_scores(architecture)
        for each in own.evaluations:
            try:
                gap = bootstrap.compute_paired_difference(
                    each.scores, theirs, BOOTSTRAP_RESAMPLES, own.seed
                )
            except (ValueError, ImplausibleIntervalError) as error:
                raise StudyError(f"run {run_name} is against {other}, but {error}") from error
            if other != f"{run_name}/{each.architecture}":
                out[each.architecture][other] = gap
    return out


def find_lost_models(path: Path, findings_by_run: Mapping[str, RunFindings]) -> list[str]:
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


def serialize_findings(findings_by_run: Mapping[str, RunFindings]) -> str:
    """Return `{<name>: {bits_per_note, pitch, step, duration, interval, parameters, …}}`; a later run's row is last."""
    out: dict[str, Any] = {}
    for name, each in findings_by_run.items():
        against = compute_differences(findings_by_run, name)
        for evaluation in each.evaluations:
            known = evaluation.architecture in out
            row = {
                "run": name,
                "architecture": evaluation.architecture,
                **_build_row(each, evaluation),
            }
            gap = against[evaluation.architecture]
            row["against"] = {other: [round(value, 4) for value in gap[other]] for other in gap}
            out[f"{evaluation.architecture}_{name}" if known else evaluation.architecture] = row
    return format_compact_json(out)


def _build_row(run_findings: RunFindings, evaluation: Evaluation) -> dict[str, Any]:
    scores = evaluation.scores
    row: dict[str, Any] = {
        key: round(value, 4) for key, value in scores.compute_bits_per_note().items()
    }
    _, low, high = bootstrap.compute_confidence_interval(
        scores, BOOTSTRAP_RESAMPLES, run_findings.seed
    )
    row["interval"] = [round(low, 4), round(high, 4)]
    row |= {"parameters": evaluation.parameters, "scored_notes": int(scores.num_notes.sum())}
    row["target_notes"] = int(evaluation.history[-1]["notes"])
    block = evaluation.config
    row |= {
        "cell": block.cell,
        "input": block.input,
        "heads": block.heads,
        "loss_on": block.loss_on,
    }
    row["training_time_per_note"] = run_findings.benchmark["train"][evaluation.architecture][
        "median"
    ]
    row["source_commit"] = run_findings.source_commit
    return row
