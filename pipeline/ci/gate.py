"""Is what the project gives now better than what a revision gave, beyond noise, and fit to be offered?

The recommended models of both are compared on the held-out notes that both have scored, paired by replicate and piece.
Beside that, nothing is offered that was tested on its own training music, learned by heart, or not measured.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from pipeline.config import Params
from pipeline.config.upgrades import upgrade_ingest_params
from pipeline.core import git, paths
from pipeline.core.errors import DataError
from pipeline.evaluation import intervals
from pipeline.evaluation.bits import PieceScores, select_shared_scores
from pipeline.evaluation.intervals import PairDifference
from pipeline.evaluation.results import Evaluation

Outcome = Literal["better", "worse", "too close", "first", "not comparable"]


@dataclass(frozen=True)
class RevisionResults:
    """What the metrics say of the recommended model of one revision, or of the work tree."""

    model: str
    """Name of its architecture."""
    scores: PieceScores
    benchmark: Mapping[str, Any]
    sample_metrics: Mapping[str, Any]
    """Empty where it was not measured."""
    notes_hash: str
    """Hash of the tables of notes, as `dvc.lock` has it."""
    ingest_params: Mapping[str, Any]
    """How MIDI was read, as `dvc.lock` has it."""

    @classmethod
    def load(cls, revision: str) -> "RevisionResults":
        """Read the results of a revision; of the work tree where it is empty.

        Raises:
            DataError: there are none, or a part of them is away or torn.
        """
        read = git.make_json_reader(revision)
        summary = read(paths.SUMMARY)
        if not summary:
            where = f"{revision} has no" if revision else "no"
            raise DataError(
                f"{where} {paths.SUMMARY}; run 'dvc repro'"
                + (" there and commit" if revision else "")
            )
        try:
            model = summary["best"]["recommended"]
            scores = Evaluation.from_json(read(paths.get_evaluation_path(model))).scores
        except (LookupError, TypeError, ValueError) as error:
            place = f"{revision}:{paths.SUMMARY.parent}".removeprefix(":")
            raise DataError(
                f"{place}: not whole ({type(error).__name__}: {error}); run 'dvc repro'"
            ) from error
        lock = git.DvcLock.load(revision)
        return cls(
            model,
            scores,
            read(paths.BENCHMARK),
            read(paths.get_sample_metrics_path(model)),
            lock.get_outputs().get(paths.NOTES.parent, ""),
            upgrade_ingest_params(lock.get_params("ingest").get("ingest", {})),
        )


@dataclass(frozen=True)
class Verdict:
    """What the gate says."""

    model: str
    """The recommended one, which was judged."""
    outcome: Outcome
    summary: str
    """The comparison, in a sentence or two."""
    refusals: tuple[str, ...]

    @property
    def promotable(self) -> bool:
        """Whether the model is to be promoted: better than the one before, or the first, and nothing forbids it."""
        return self.outcome in ("better", "first") and not self.refusals

    @property
    def paragraph(self) -> str:
        """All of it, in one paragraph."""
        if not self.refusals:
            return f"{self.outcome}: {self.summary} Nothing speaks against it."
        return f"{self.outcome}, and refused: {self.summary} " + " ".join(
            f"Refused since {why}." for why in self.refusals
        )


def judge_candidate(
    candidate: RevisionResults, base: RevisionResults | None, leaks: list[str], params: Params
) -> Verdict:
    """Compare, and look for what forbids to offer the model.

    Args:
        candidate: of the work tree.
        base: of the revision it is compared with; none if there is nothing to compare with.
        leaks: held-out pieces in the training music, a phrase each.
        params: tolerance and limits.
    """
    outcome, summary = compare_results(candidate, base, params)
    refusals = []
    if outcome == "worse":
        refusals.append("the model is worse")
    if outcome == "not comparable":
        refusals.append("nothing shows that it is not worse")
    refusals += [*leaks[:3], *([f"so are {len(leaks) - 3} more"] if len(leaks) > 3 else [])]
    refusals += [
        reason
        for reason in (
            _check_memorization(candidate, params),
            _check_parity(candidate, params),
            _check_latency(candidate),
        )
        if reason
    ]
    return Verdict(candidate.model, outcome, summary, tuple(refusals))


def compare_results(
    candidate: RevisionResults, base: RevisionResults | None, params: Params
) -> tuple[Outcome, str]:
    """Say whether the recommended model predicts held-out notes at fewer bits than the one before, and by how much."""
    if base is None:
        mean = _compute_mean(candidate.scores)
        return (
            "first",
            f"{candidate.model} predicts held-out notes at {mean:.3f} bits per note; there is nothing before it.",
        )
    if candidate.ingest_params != base.ingest_params:
        return (
            "not comparable",
            f"notes are read otherwise than before (ingest is {candidate.ingest_params}, was {base.ingest_params}).",
        )
    scores, base_scores = select_shared_scores(candidate.scores, base.scores)
    if not len(scores.num_notes):
        return (
            "not comparable",
            f"no paired comparison: {candidate.model} was scored on {candidate.scores.describe_design()}, {base.model} "
            f"before on {base.scores.describe_design()}, and no piece is in both under one replicate.",
        )
    estimate = intervals.estimate_difference(scores, base_scores)
    # The only comparison that the gate makes, so there is nothing to correct for.
    pair = PairDifference(candidate.model, base.model, estimate, estimate.p_value)
    summary = (
        f"{candidate.model} predicts held-out notes at {_compute_mean(scores):.3f} bits per note, {base.model} before at "
        f"{_compute_mean(base_scores):.3f}: {intervals.format_difference(estimate)} over {scores.describe_design()}."
    )
    if estimate.num_replicates == 1:
        summary += (
            " One replicate says nothing of other seeds, so a difference up to "
            f"{params.gate.tolerance_bits:g} is too close (gate.tolerance_bits)."
        )
    return assess_difference(pair, params), summary + _describe_change(candidate, base, scores)


def assess_difference(pair: PairDifference, params: Params) -> Outcome:
    """Return whether the first of two is better, beyond what other pieces and other seeds do by chance."""
    if math.isnan(pair.estimate.half_width) and pair.estimate.mean:
        return "not comparable"
    tolerance = params.gate.tolerance_bits if pair.estimate.num_replicates == 1 else 0.0
    if pair.is_tie or abs(pair.estimate.mean) <= tolerance:
        return "too close"
    return "better" if pair.estimate.mean < 0 else "worse"


def _compute_mean(scores: PieceScores) -> float:
    return scores.compute_bits_per_note()["bits_per_note"]


def _describe_change(candidate: RevisionResults, base: RevisionResults, shared: PieceScores) -> str:
    """Say that corpus or replicates changed, and what could be compared all the same."""
    is_same = len(candidate.scores.num_notes) == len(base.scores.num_notes) == len(shared.num_notes)
    if candidate.notes_hash == base.notes_hash and is_same:
        return ""
    corpus = ""
    if candidate.notes_hash != base.notes_hash:
        corpus = f" The notes are not those of before ({base.notes_hash[:7]} → {candidate.notes_hash[:7]})."
    scored, now, before = (
        int(scores.num_notes.sum()) for scores in (shared, candidate.scores, base.scores)
    )
    return (
        f"{corpus} Scored now were {candidate.scores.describe_design()}, before {base.scores.describe_design()}; compared "
        f"are the {scored:,} notes that both share, of {now:,} now and {before:,} before."
    )


def _check_memorization(candidate: RevisionResults, params: Params) -> str:
    if not (copied := candidate.sample_metrics.get("measures", {}).get("copy")):
        return f"nobody measured what {candidate.model} copies from its training music ({paths.get_sample_metrics_path(candidate.model)})"
    longest, human = copied["samples"][2], copied["held_out"][2]
    if longest <= human + params.gate.max_extra_copied_notes:
        return ""
    return (
        f"a sample has {longest:.0f} notes in a row from the training music, more than {params.gate.max_extra_copied_notes} "
        f"beyond the {human:.0f} of held-out music, so it learned by heart"
    )


def _check_parity(candidate: RevisionResults, params: Params) -> str:
    difference = candidate.benchmark.get("parity", {}).get(candidate.model, {}).get("bits")
    if difference is None:
        return f"nobody measured whether {candidate.model} plays what was trained (parity in {paths.BENCHMARK})"
    if difference <= params.gate.max_parity_bits:
        return ""
    return f"what plays differs from what was trained by {difference:g} bits of a note, more than {params.gate.max_parity_bits:g}"


def _check_latency(candidate: RevisionResults) -> str:
    latency = candidate.benchmark.get("latency", {}).get(candidate.model) or {}
    timing = latency.get("streaming") or latency.get("window")
    if not timing:
        return f"nobody measured how long {candidate.model} takes for a note (latency in {paths.BENCHMARK})"
    if timing["median_us"] is None:
        return (
            f"the time that {candidate.model} takes for a note was {timing['reason']} (latency in {paths.BENCHMARK}); "
            "run 'dvc repro -f -s benchmark' while nothing else runs"
        )
    return ""
