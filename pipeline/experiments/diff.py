"""Experiments compared with each other, architecture by architecture, on the held-out notes that both scored.

An experiment is the work tree, a Git revision, or an experiment of DVC. The first named is the reference.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from rich.table import Table
from rich.text import Text

from pipeline.config.schema import upgrade_ingest_params
from pipeline.core import git, paths, yaml
from pipeline.core.errors import DataError
from pipeline.core.suggestions import suggest_name
from pipeline.evaluation import bootstrap
from pipeline.evaluation.bits import MIN_PIECES, PieceScores
from pipeline.evaluation.bootstrap import Interval
from pipeline.report import tables

WORKSPACE = "workspace"
"""Name of the work tree, as DVC has it."""
DEFAULT_REFERENCE = "HEAD"
"""What a single experiment is compared with."""
EQUAL_BITS = 5e-4
"""Bits per note: rows that differ by less than this are equal in all figures that are shown."""
SAME_NOTES_REMEDY = "corpus, ingest and compare must be equal in both"

Verdict = Literal[
    "reference",
    "better",
    "worse",
    "equal",
    "too close to call",
    "too few notes",
    "not the same notes",
]
EstimateDifference = Callable[[PieceScores, PieceScores], Interval]
"""Gives the paired difference of two models in bits per note, the first less the second."""


@dataclass(frozen=True)
class ExperimentScores:
    """The scores of one experiment."""

    name: str
    scores: Mapping[str, PieceScores]
    """By architecture; at least one."""
    missing: Sequence[str]
    """Architectures of its params.yaml that have no results."""
    ingest: Mapping[str, Any]
    """How MIDI became notes, of its params.yaml."""

    @property
    def best(self) -> str:
        """Return the architecture with the fewest bits per note."""
        return min(self.scores, key=self.compute_bits_per_note)

    def compute_bits_per_note(self, architecture: str) -> float:
        """Return the mean bits per note of an architecture."""
        return self.scores[architecture].compute_bits_per_note()["bits_per_note"]

    def has_same_notes(self, other: "ExperimentScores", name: str, other_name: str) -> bool:
        """Whether an architecture of this experiment and one of another scored the same notes."""
        scores, other_scores = self.scores[name], other.scores[other_name]
        return (
            self.ingest == other.ingest
            and np.array_equal(scores.piece_names, other_scores.piece_names)
            and np.array_equal(scores.num_notes, other_scores.num_notes)
        )


@dataclass(frozen=True)
class Comparison:
    """One architecture of one experiment, beside one of the reference."""

    architecture: str
    experiment: str
    bits_per_note: float
    num_notes: int
    against: str
    """Architecture of the reference; empty in a row of the reference itself."""
    difference: Interval | None
    """To the reference; none in a row of the reference itself, or where the notes are not the same."""
    verdict: Verdict


def load_experiments(names: Sequence[str]) -> list[ExperimentScores]:
    """Read experiments; before a single one comes the commit that is checked out.

    Raises:
        DataError: there is none of a name, it has no results, or two names are one commit.
    """
    if len(names) == 1:
        names = [DEFAULT_REFERENCE, *names]
    commits: dict[str, str] = {}
    for name in names:
        commit = find_experiment(name)
        if commit in commits:
            raise DataError(
                f"{name} is the same as {commits[commit]}; name another experiment, such as "
                f"{WORKSPACE} or HEAD~1"
            )
        commits[commit] = name
    return [load_experiment(name, commit) for commit, name in commits.items()]


def find_experiment(name: str) -> str:
    """Return the commit of an experiment, as DVC finds it: a revision first; empty for the work tree.

    Raises:
        DataError: there is none of that name, or several.
    """
    if name == WORKSPACE:
        return ""
    if commit := git.find_commit(name):
        return commit
    experiments = git.list_experiments()
    matches = [experiment for experiment in experiments if experiment.name == name]
    if len(matches) > 1:
        head = git.find_commit(DEFAULT_REFERENCE)
        matches = [match for match in matches if match.baseline_commit == head] or matches
    if len(matches) == 1:
        return matches[0].commit
    if matches:
        commits = ", ".join(match.commit[:7] for match in matches)
        raise DataError(f"{name}: {len(matches)} experiments have this name; give one of {commits}")
    known = [WORKSPACE, DEFAULT_REFERENCE, *git.list_revision_names()]
    known += [experiment.name for experiment in experiments]
    remedy = suggest_name(name, known) or "; 'dvc exp list --all' and 'git branch' list them"
    raise DataError(f"no experiment or revision {name!r} here{remedy}")


def load_experiment(name: str, commit: str) -> ExperimentScores:
    """Read the scores of the architectures in the params.yaml of an experiment.

    Files of other architectures may lie beside them: of the commit that the experiment started from.

    Args:
        name: what a person calls it.
        commit: where its files are; empty for the work tree.

    Raises:
        DataError: it has no results, or they are damaged.
    """
    try:
        params = yaml.parse_yaml(git.read_text(commit, paths.PARAMS)) or {}
        architectures = [str(architecture) for architecture in params.get("architectures", [])]
        ingest = upgrade_ingest_params(params.get("ingest", {}))
    except (AttributeError, TypeError, ValueError) as error:
        raise DataError(f"{name}: {paths.PARAMS} cannot be read ({error})") from error
    loaded = {
        architecture: _load_scores(name, commit, architecture) for architecture in architectures
    }
    scores = {key: value for key, value in loaded.items() if value is not None}
    if not scores:
        place = "there and commit" if commit else "first"
        raise DataError(f"{name} has no results in {paths.EVALUATIONS}; run 'dvc repro' {place}")
    return ExperimentScores(
        name, scores, [key for key, value in loaded.items() if value is None], ingest
    )


def _load_scores(name: str, commit: str, architecture: str) -> PieceScores | None:
    """Read the scores of one architecture; none where it has no file."""
    path = paths.get_evaluation_path(architecture)
    values = git.make_json_reader(commit)(path)
    if not values:
        return None
    try:
        scores = PieceScores.from_rows(values["rows"])
        _check_scores(scores)
    except (LookupError, TypeError, ValueError) as error:
        raise DataError(f"{name}: {path}: no scores ({error}); run 'dvc repro'") from error
    return scores


def _check_scores(scores: PieceScores) -> None:
    """Raise ValueError for scores without notes, or with bits that are not finite."""
    if not scores.num_notes.sum():
        raise ValueError("no notes")
    if not np.isfinite(scores.bits).all():
        raise ValueError("bits that are not finite")


def compare_experiments(
    experiments: Sequence[ExperimentScores], wanted: Sequence[str], estimate: EstimateDifference
) -> list[Comparison]:
    """Return one row for each architecture and experiment, that of the reference first.

    An architecture that the reference lacks is compared with its best.

    Args:
        experiments: two or more; the first is the reference.
        wanted: architectures; none for all of the experiments after the first.
        estimate: gives the difference of two models.

    Raises:
        DataError: no experiment after the first has an architecture that is wanted.
    """
    reference, *others = experiments
    rows: dict[tuple[str, str], Comparison] = {}
    for architecture in _select_architectures(experiments, wanted):
        against = architecture if architecture in reference.scores else reference.best
        rows.setdefault((against, reference.name), _make_reference_row(reference, against))
        for other in others:
            if architecture in other.scores:
                row = _compare(other, architecture, reference, against, estimate)
                rows[architecture, other.name] = row
    return list(rows.values())


def _select_architectures(
    experiments: Sequence[ExperimentScores], wanted: Sequence[str]
) -> list[str]:
    """Return the architectures to compare; those of the reference come first."""
    reference, *others = experiments
    known = list(dict.fromkeys(name for other in others for name in other.scores))
    for name in wanted:
        if name not in known:
            names = ", ".join(other.name for other in others)
            remedy = suggest_name(name, known) or f"; there are: {', '.join(known)}"
            raise DataError(f"--architectures: no results of {name!r} in {names}{remedy}")
    selected = list(dict.fromkeys(wanted or known))
    shared = [name for name in reference.scores if name in selected]
    return [*shared, *(name for name in selected if name not in reference.scores)]


def _make_reference_row(reference: ExperimentScores, architecture: str) -> Comparison:
    return Comparison(
        architecture=architecture,
        experiment=reference.name,
        bits_per_note=reference.compute_bits_per_note(architecture),
        num_notes=int(reference.scores[architecture].num_notes.sum()),
        against="",
        difference=None,
        verdict="reference",
    )


def _compare(
    experiment: ExperimentScores,
    architecture: str,
    reference: ExperimentScores,
    against: str,
    estimate: EstimateDifference,
) -> Comparison:
    """Compare an architecture of an experiment with one of the reference."""
    scores, reference_scores = experiment.scores[architecture], reference.scores[against]
    difference = None
    if experiment.has_same_notes(reference, architecture, against):
        difference = estimate(scores, reference_scores)
    return Comparison(
        architecture=architecture,
        experiment=experiment.name,
        bits_per_note=experiment.compute_bits_per_note(architecture),
        num_notes=int(scores.num_notes.sum()),
        against=against,
        difference=difference,
        verdict=_judge(scores, reference_scores, difference),
    )


def _judge(scores: PieceScores, reference: PieceScores, difference: Interval | None) -> Verdict:
    """Return what a difference to the reference says; none is one of two that scored other notes."""
    if difference is None:
        return "not the same notes"
    distances = np.abs(scores.compute_scored_bits() - reference.compute_scored_bits())
    if (distances < EQUAL_BITS * scores.num_notes).all():
        return "equal"
    if np.isnan(difference.low):
        return "too few notes"
    if difference.includes_zero:
        return "too close to call"
    return "better" if difference.mean < 0 else "worse"


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
    unlike = [row for row in rows if row.verdict == "not the same notes"]
    for name in dict.fromkeys(row.experiment for row in unlike):
        notes.append(
            f"{name} and {reference.name} did not score the same notes: {SAME_NOTES_REMEDY}."
        )
    if any(row.difference for row in rows):
        notes.append(_describe_intervals(reference.scores[reference.best]))
        notes.append(
            f"A difference below {tolerance_bits:g} can come from the seed: 'music-rnn seed-variance'."
        )
    return notes


def _describe_intervals(scores: PieceScores) -> str:
    pieces = len(set(scores.piece_names))
    unit = "pieces"
    if pieces < MIN_PIECES:
        unit = f"passages of {pieces} piece{'' if pieces == 1 else 's'}"
    return f"Intervals are paired, over {len(scores.num_notes)} {unit}."


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
    if row.verdict == "too few notes":
        return f"{row.difference.mean:+.3f}"
    return tables.DIFFERENCE.format_map(bootstrap.round_difference(row.difference))


def format_diff_json(rows: Sequence[Comparison], reference: str) -> str:
    """Return the comparison as a JSON object; what is not known is null."""
    nothing = dict.fromkeys(("difference", "low", "high"))
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
                **(bootstrap.round_difference(row.difference) if row.difference else nothing),
                "verdict": row.verdict,
            }
        )
    return json.dumps({"reference": reference, "rows": entries}, indent=1)
