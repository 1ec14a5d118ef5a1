"""Experiments compared with each other, architecture by architecture, on the held-out notes that both scored.

Differences are paired by replicate and piece. Verdicts are corrected for the number of comparisons.
An experiment is the work tree, a Git revision, or an experiment of DVC. The first named is the reference.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from pipeline.config.upgrades import upgrade_ingest_params
from pipeline.core import git, paths, yaml
from pipeline.core.errors import DataError
from pipeline.core.suggestions import suggest_name
from pipeline.evaluation import intervals
from pipeline.evaluation.bits import PieceScores, select_shared_scores
from pipeline.evaluation.intervals import Estimate, PairDifference
from pipeline.notes.quantize import SCORED_FEATURES

WORKSPACE = "workspace"
"""Name of the work tree, as DVC has it."""
DEFAULT_REFERENCE = "HEAD"
"""What a single experiment is compared with."""
EQUAL_BITS = 5e-4
"""Bits per note: rows that differ by less than this are equal in all figures that are shown."""

Verdict = Literal[
    "reference",
    "better",
    "worse",
    "equal",
    "too close to call",
    "too few pieces",
    "not the same notes",
]


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


@dataclass(frozen=True)
class SharedScores:
    """The scores of one architecture of an experiment and of one of the reference, of the notes that both scored."""

    experiment: ExperimentScores
    architecture: str
    reference: ExperimentScores
    against: str
    """Architecture of the reference."""
    scores: PieceScores
    reference_scores: PieceScores

    @property
    def key(self) -> tuple[str, str]:
        """Architecture and name of the experiment."""
        return self.architecture, self.experiment.name

    @property
    def is_empty(self) -> bool:
        """Whether the two share no notes."""
        return not len(self.scores.num_notes)

    @property
    def is_partial(self) -> bool:
        """Whether one of the two scored more than what both share."""
        totals = self.experiment.scores[self.architecture], self.reference.scores[self.against]
        return any(len(total.num_notes) > len(self.scores.num_notes) for total in totals)

    @property
    def is_equal(self) -> bool:
        """Whether no piece differs in the figures that are shown."""
        distances = self.scores.compute_scored_bits() - self.reference_scores.compute_scored_bits()
        return bool((np.abs(distances) < EQUAL_BITS * self.scores.num_notes).all())


@dataclass(frozen=True)
class Comparison:
    """One architecture of one experiment, beside one of the reference."""

    architecture: str
    experiment: str
    bits_per_note: float
    """Over all notes that it scored."""
    num_notes: int
    against: str
    """Architecture of the reference; empty in a row of the reference itself."""
    difference: PairDifference | None
    """To the reference, over the notes that both scored; none in a row of the reference itself, or without such notes."""
    verdict: Verdict
    shared: SharedScores | None = None
    """None in a row of the reference itself."""


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
    """Raise ValueError for scores without notes, of other features, or with bits that are not finite."""
    width = scores.bits.shape[1]
    if not len(SCORED_FEATURES) <= width <= len(SCORED_FEATURES) + 1:
        raise ValueError(f"bits of {width} features")
    if not scores.num_notes.sum():
        raise ValueError("no notes")
    if not np.isfinite(scores.bits).all():
        raise ValueError("bits that are not finite")


def compare_experiments(
    experiments: Sequence[ExperimentScores], wanted: Sequence[str]
) -> list[Comparison]:
    """Return one row for each architecture and experiment, that of the reference first.

    An architecture that the reference lacks is compared with its best.

    Args:
        experiments: two or more; the first is the reference.
        wanted: architectures; none for all of the experiments after the first.

    Raises:
        DataError: no experiment after the first has an architecture that is wanted.
    """
    reference, *others = experiments
    pairs: list[SharedScores] = []
    for architecture in _select_architectures(experiments, wanted):
        against = architecture if architecture in reference.scores else reference.best
        pairs += [
            _share_scores(other, architecture, reference, against)
            for other in others
            if architecture in other.scores
        ]
    differences = _estimate_differences(pairs)
    rows: dict[tuple[str, str], Comparison] = {}
    for pair in pairs:
        reference_key = pair.against, reference.name
        rows.setdefault(reference_key, _make_reference_row(reference, pair.against))
        rows[pair.key] = _compare(pair, differences.get(pair.key))
    return list(rows.values())


def _share_scores(
    experiment: ExperimentScores, architecture: str, reference: ExperimentScores, against: str
) -> SharedScores:
    """Select the notes that both scored; notes that were read otherwise are not the same."""
    shared = select_shared_scores(experiment.scores[architecture], reference.scores[against])
    if experiment.ingest != reference.ingest:
        nothing = np.empty(0, np.int64)
        shared = shared[0].select(nothing), shared[1].select(nothing)
    return SharedScores(experiment, architecture, reference, against, *shared)


def _estimate_differences(pairs: Sequence[SharedScores]) -> dict[tuple[str, str], PairDifference]:
    """Return the difference of each pair that shares notes, corrected for their number."""
    estimates: dict[tuple[str, str], Estimate] = {}
    for pair in pairs:
        if not pair.is_empty:
            estimate = intervals.estimate_difference(pair.scores, pair.reference_scores)
            estimates[pair.key] = estimate
    corrected = intervals.correct_differences(estimates)
    return {(item.first, item.second): item for item in corrected}


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


def _compare(pair: SharedScores, difference: PairDifference | None) -> Comparison:
    """Compare an architecture of an experiment with one of the reference."""
    return Comparison(
        architecture=pair.architecture,
        experiment=pair.experiment.name,
        bits_per_note=pair.experiment.compute_bits_per_note(pair.architecture),
        num_notes=int(pair.experiment.scores[pair.architecture].num_notes.sum()),
        against=pair.against,
        difference=difference,
        verdict=_judge(pair, difference),
        shared=pair,
    )


def _judge(pair: SharedScores, difference: PairDifference | None) -> Verdict:
    """Return what a difference to the reference says; none is one of two that share no notes."""
    if difference is None:
        return "not the same notes"
    if pair.is_equal:
        return "equal"
    if math.isnan(difference.estimate.half_width):
        return "too few pieces"
    if difference.is_tie:
        return "too close to call"
    return "better" if difference.estimate.mean < 0 else "worse"
