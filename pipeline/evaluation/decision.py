"""Which architecture: the rule, applied to what was measured."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from pipeline.config.schema import CompareConfig
from pipeline.evaluation.bits import PieceScores
from pipeline.evaluation.bootstrap import (
    Interval,
    estimate_difference,
)
from pipeline.evaluation.results import Evaluation

RULE = (
    "The best has the fewest bits per note. An architecture is too close to call when the 95 % interval of its paired "
    "difference against the best reaches zero. Recommended is one that can stream, since a live player needs that: of "
    "the best that can and those too close to it, the one with the fewest parameters; if none can stream, the best."
)
REFERENCE = "baseline"
"""Others are compared with this architecture, or with the first of the list where a run leaves it out."""


@dataclass(frozen=True)
class Decision:
    """Which architecture is best, and which is recommended."""

    reference: str
    best: str
    recommended: str
    tied: list[str]
    """Too close to the best to call, or too few notes to say."""
    vs_reference: Mapping[str, Interval]
    """Of every architecture and n-gram model."""
    not_better_than: Mapping[str, list[str]]
    """N-gram models that each architecture does not beat."""


def choose_architecture(
    evaluations: Sequence[Evaluation],
    ngram_scores: Mapping[str, PieceScores],
    config: CompareConfig,
    seed: int,
) -> Decision:
    """Apply the rule.

    Args:
        evaluations: at least one evaluation, all of the same notes.
        ngram_scores: scores of the same notes.
        config: number of resamples.
        seed: of the bootstrap.
    """
    scores = {evaluation.architecture: evaluation.scores for evaluation in evaluations}
    reference = REFERENCE if REFERENCE in scores else evaluations[0].architecture

    all_scores = {**scores, **ngram_scores}

    def compute_difference(name: str, other: str) -> Interval:
        a, b = all_scores[name], all_scores[other]
        return estimate_difference(a, b, config.bootstrap_resamples, seed)

    def find_best_and_tied(names: Collection[str]) -> tuple[str, list[str]]:
        """Return the best of some architectures and those too close to it."""
        top = min(names, key=lambda name: scores[name].compute_bits_per_note()["bits_per_note"])
        rivals = [name for name in names if name != top]
        return top, [name for name in rivals if compute_difference(name, top).includes_zero]

    def list_unbeaten_ngrams(architecture: str) -> list[str]:
        """Return the n-gram models that it is not better than; none where the notes are too few to say."""
        return [name for name in ngram_scores if compute_difference(name, architecture).low <= 0]

    best, close = find_best_and_tied(scores)
    parameters = {
        evaluation.architecture: evaluation.parameters
        for evaluation in evaluations
        if evaluation.can_stream
    }
    top, rivals = find_best_and_tied(parameters or scores)
    recommended = min((top, *rivals), key=lambda name: parameters[name]) if parameters else best
    return Decision(
        reference=reference,
        best=best,
        recommended=recommended,
        tied=close,
        vs_reference={name: compute_difference(name, reference) for name in all_scores},
        not_better_than={name: list_unbeaten_ngrams(name) for name in scores},
    )
