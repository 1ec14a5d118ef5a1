"""What a study found, as figures for programs; `findings_page` tells it to people."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pipeline.config import Params
from pipeline.core import paths
from pipeline.evaluation import bits
from pipeline.evaluation.bits import Scores
from pipeline.evaluation.results import Evaluation, readable
from pipeline.experiments import study
from pipeline.experiments.study import Run, StudyError

REFERENCE = "baseline"
RESAMPLES = 2000
Gap = tuple[float, float, float]
"""A paired difference in bits per note, and its 95 % interval."""


@dataclass(frozen=True)
class Found:
    """One run of a study, as its experiment left it."""

    run: Run
    evaluations: list[Evaluation]
    floors: Mapping[str, Scores]
    timings: Mapping[str, Any]
    seed: int
    """Of the bootstrap."""
    made_at: str
    """The commit whose code made it."""
    line: str
    """The command that makes it again; nothing where that is too long to type."""

    @property
    def has_reference(self) -> bool:
        """Whether the baseline is of this run, so that the others can be compared with it."""
        return any(each.architecture == REFERENCE for each in self.evaluations)

    def scores(self, architecture: str) -> Scores:
        """Return the scores of a model of this run.

        Raises:
            StudyError: the run has none of that name.
        """
        for each in self.evaluations:
            if each.architecture == architecture:
                return each.scores
        raise StudyError(f"no {architecture} in the run that is about {self.run.about!r}; it is named in `against`")


def gather(name: str, run: Run, params: Params) -> Found:
    """Read the results of an experiment, by its name."""
    commit = study.experiment(name)
    floors = study.read(commit, paths.FLOORS)
    return Found(
        run,
        [Evaluation.of(study.read(commit, paths.evaluation(each))) for each in study.names(run, params)],
        {each: Scores.of_rows(floor["rows"]) for each, floor in floors.items()},
        study.read(commit, paths.TIMINGS),
        params.seed,
        study.made_at(name),
        study.line(name, run, params),
    )


def gaps(found: Mapping[str, Found], name: str) -> dict[str, dict[str, Gap]]:
    """Return `{architecture: {"run/architecture": difference}}` of a run: its own reference first, then `against`.

    Raises:
        StudyError: it is against a model that is not there, or that was scored on other notes.
    """
    own = found[name]
    others = dict.fromkeys([f"{name}/{REFERENCE}"] if own.has_reference else [])
    others |= dict.fromkeys(own.run.against)
    out: dict[str, dict[str, Gap]] = {each.architecture: {} for each in own.evaluations}
    for other in others:
        run, _, architecture = other.partition("/")
        theirs = found[run].scores(architecture)
        for each in own.evaluations:
            try:
                gap = bits.difference(each.scores, theirs, RESAMPLES, own.seed)
            except ValueError as error:
                raise StudyError(f"run {name} is against {other}, but {error}; give both one compare.notes") from error
            if other != f"{name}/{each.architecture}":
                out[each.architecture][other] = gap
    return out


def figures(found: Mapping[str, Found]) -> str:
    """Return `{<name>: {bits_per_note, pitch, step, duration, interval, parameters, …}}`; a later run's row is last."""
    out: dict[str, Any] = {}
    for name, each in found.items():
        against = gaps(found, name)
        for evaluation in each.evaluations:
            known = evaluation.architecture in out
            row = {"run": name, "architecture": evaluation.architecture, **_row(each, evaluation)}
            gap = against[evaluation.architecture]
            row["against"] = {other: [round(value, 4) for value in gap[other]] for other in gap}
            out[f"{evaluation.architecture}_{name}" if known else evaluation.architecture] = row
    return readable(out)


def _row(found: Found, evaluation: Evaluation) -> dict[str, Any]:
    scores = evaluation.scores
    row: dict[str, Any] = {key: round(value, 4) for key, value in scores.per_note().items()}
    _, low, high = bits.interval(scores, RESAMPLES, found.seed)
    row["interval"] = [round(low, 4), round(high, 4)]
    row |= {"parameters": evaluation.parameters, "scored_notes": int(scores.notes.sum())}
    row["target_notes"] = int(evaluation.history[-1]["notes"])
    block = evaluation.block
    row |= {"cell": block.cell, "input": block.input, "heads": block.heads, "objective": block.objective}
    row["training_time_per_note"] = found.timings["train"][evaluation.architecture]["median"]
    row["made_at"] = found.made_at
    return row
