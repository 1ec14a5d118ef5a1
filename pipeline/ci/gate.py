"""Is what the project gives now better than what a revision gave, beyond noise, and fit to be offered?

The recommended models of both are compared on the held-out notes that both have told, row by row. Beside that, nothing
is offered that was tested on its own training music, learned by heart, or not measured.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from pipeline.config import Params
from pipeline.config.schema import upgrade_ingest_params
from pipeline.core import git, paths
from pipeline.core.errors import DataError
from pipeline.evaluation.bits import PieceScores
from pipeline.evaluation.bootstrap import ImplausibleIntervalError, compute_paired_difference
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
        params: tolerance and limits, and how intervals are made.
    """
    outcome, summary = compare_results(candidate, base, params)
    refusals = (
        [f"the loss is beyond the tolerance of {params.gate.tolerance_bits:g} bits"]
        if outcome == "worse"
        else []
    )
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
    """Say whether the recommended model tells held-out notes in fewer bits than the one before, and by how much."""
    if base is None:
        mean = candidate.scores.compute_bits_per_note()["bits_per_note"]
        return (
            "first",
            f"{candidate.model} tells held-out notes in {mean:.3f} bits per note; there is nothing before it.",
        )
    if candidate.ingest_params != base.ingest_params:
        return (
            "not comparable",
            f"notes are read otherwise than before (ingest is {candidate.ingest_params}, was {base.ingest_params}).",
        )
    scores, base_scores = select_shared_rows(candidate.scores, base.scores)
    if not len(scores.num_notes):
        return (
            "not comparable",
            f"{candidate.model} was scored on no held-out piece that {base.model} was scored on before.",
        )
    outcome, gap = assess_significance(scores, base_scores, params)
    before, after = (
        model_scores.compute_bits_per_note()["bits_per_note"]
        for model_scores in (base_scores, scores)
    )
    summary = (
        f"{candidate.model} tells held-out notes in {after:.3f} bits per note, {base.model} before in {before:.3f}: {gap} "
        f"over {len(scores.num_notes)} rows of {len(set(scores.piece_names))} pieces, where another seed may change "
        f"{params.gate.tolerance_bits:g}."
    )
    return outcome, summary + _describe_corpus_change(candidate, base, scores)


def assess_significance(
    candidate_scores: PieceScores, base_scores: PieceScores, params: Params
) -> tuple[Outcome, str]:
    """Return whether ours is better, beyond what the choice of notes and of the seed does by chance; and the gap."""
    try:
        gap, low, high = compute_paired_difference(
            candidate_scores, base_scores, params.compare.bootstrap_resamples, params.seed
        )
    except ImplausibleIntervalError as error:
        return "not comparable", str(error)
    outcome: Outcome = "too close"
    if abs(gap) > params.gate.tolerance_bits and not low <= 0 <= high:
        outcome = "better" if gap < 0 else "worse"
    return outcome, f"{gap:+.3f} [{low:+.3f}, {high:+.3f}]"


def select_shared_rows(
    candidate_scores: PieceScores, base_scores: PieceScores
) -> tuple[PieceScores, PieceScores]:
    """Return the rows of the pieces that both have, cut alike; pieces that were cut otherwise are one row each."""
    candidate_rows, base_rows = _group_by_piece(candidate_scores), _group_by_piece(base_scores)
    rows: list[tuple[list[list[object]], list[list[object]]]] = []
    for piece in candidate_rows.keys() & base_rows.keys():
        piece_rows, base_piece_rows = candidate_rows[piece], base_rows[piece]
        if [row[1] for row in piece_rows] != [row[1] for row in base_piece_rows]:
            piece_rows, base_piece_rows = _merge_rows(piece_rows), _merge_rows(base_piece_rows)
        if piece_rows[0][1] == base_piece_rows[0][1]:
            rows.append((piece_rows, base_piece_rows))
    rows.sort(key=lambda pair: str(pair[0][0][0]))
    piece_rows, base_piece_rows = (
        [row for pair in rows for row in pair[0]],
        [row for pair in rows for row in pair[1]],
    )
    return PieceScores.from_rows(piece_rows), PieceScores.from_rows(base_piece_rows)


def _group_by_piece(scores: PieceScores) -> dict[str, list[list[object]]]:
    """Return rows [piece, notes, bits that count] by the name of the piece."""
    by_piece: dict[str, list[list[object]]] = {}
    for piece, notes, bits in zip(
        scores.piece_names, scores.num_notes, scores.bits[:, :3], strict=True
    ):
        by_piece.setdefault(str(piece), []).append([str(piece), int(notes), *map(float, bits)])
    return by_piece


def _merge_rows(rows: list[list[object]]) -> list[list[object]]:
    """Return the rows of one piece as one."""
    sums = np.array([row[1:] for row in rows], np.float64).sum(axis=0)
    return [[rows[0][0], int(sums[0]), *map(float, sums[1:])]]


def _describe_corpus_change(
    candidate: RevisionResults, base: RevisionResults, shared_scores: PieceScores
) -> str:
    """Say that the corpus changed, and what could be compared all the same."""
    scored = [
        int(model_scores.num_notes.sum())
        for model_scores in (shared_scores, candidate.scores, base.scores)
    ]
    if candidate.notes_hash == base.notes_hash and len(set(scored)) == 1:
        return ""
    return (
        f" The notes are not those of before ({base.notes_hash[:7]} → {candidate.notes_hash[:7]}): compared are {scored[0]:,} of "
        f"pieces that both have, of {scored[1]:,} now and {scored[2]:,} before."
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
    return (
        ""
        if timing
        else f"nobody measured how long {candidate.model} takes for a note (latency in {paths.BENCHMARK})"
    )
