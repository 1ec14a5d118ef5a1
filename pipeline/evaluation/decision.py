"""Which architecture: the rule, applied to what was measured."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pipeline.evaluation import intervals
from pipeline.evaluation.bits import PieceScores
from pipeline.evaluation.intervals import Estimate, PairDifference
from pipeline.evaluation.rank_groups import assign_letters
from pipeline.evaluation.results import Evaluation

RULE = (
    "Two architectures differ where the p-value of their paired difference, over compositions and replicates and "
    "corrected for all pairs, is below 0.05; otherwise they are tied and share a letter. The best are the one with the "
    "fewest bits per note and those tied with it. Recommended is one that can stream, since a live player needs that: "
    "of the best that can and those tied with it, the one with the fewest parameters; if none can stream, the best."
)
REFERENCE = "baseline"
"""Others are compared with this architecture, or with the first of the list where a run leaves it out."""
POWER_DIFFERENCE = 0.05
"""Bits per note: how large a difference should be told, where it is said what a tie would take."""


@dataclass(frozen=True)
class Decision:
    """Which architectures are best, and which is recommended."""

    reference: str
    ranked: list[str]
    """Architectures, the fewest bits per note first."""
    recommended: str
    groups: Mapping[str, str]
    """Letters of each architecture; those that share one are tied."""
    pairs: Sequence[PairDifference]
    """Of every two architectures, in order of rank, the better one first."""
    vs_reference: Mapping[str, Estimate]
    """Difference of every architecture and n-gram model to the reference."""
    not_better_than: Mapping[str, list[str]]
    """N-gram models that each architecture does not beat."""

    @property
    def best(self) -> str:
        """The architecture with the fewest bits per note."""
        return self.ranked[0]

    @property
    def tied(self) -> list[str]:
        """Architectures that are tied with the best."""
        return find_tied(self.best, self.pairs)

    @property
    def decimals(self) -> int:
        """Decimals of bits per note that the noise of the differences leaves."""
        return intervals.choose_decimals([pair.estimate.half_width for pair in self.pairs])


def find_tied(name: str, pairs: Sequence[PairDifference]) -> list[str]:
    """Return the architectures that are tied with one, in order of the pairs."""
    ties = [pair for pair in pairs if pair.is_tie and name in (pair.first, pair.second)]
    return [pair.second if pair.first == name else pair.first for pair in ties]


def choose_architecture(
    evaluations: Sequence[Evaluation], ngram_scores: Mapping[str, PieceScores]
) -> Decision:
    """Apply the rule.

    Args:
        evaluations: at least one evaluation, all of the same notes.
        ngram_scores: scores of the same notes.
    """
    scores = {evaluation.architecture: evaluation.scores for evaluation in evaluations}
    reference = REFERENCE if REFERENCE in scores else evaluations[0].architecture
    ranked = sorted(scores, key=lambda name: scores[name].compute_bits_per_note()["bits_per_note"])
    pairs = intervals.compare_pairs({name: scores[name] for name in ranked})
    different = [(pair.first, pair.second) for pair in pairs if not pair.is_tie]
    all_scores = {**scores, **ngram_scores}
    return Decision(
        reference=reference,
        ranked=ranked,
        recommended=_recommend(evaluations, ranked, pairs),
        groups=assign_letters(ranked, different),
        pairs=pairs,
        vs_reference={
            name: intervals.estimate_difference(all_scores[name], scores[reference])
            for name in all_scores
        },
        not_better_than=_list_unbeaten_ngrams(scores, ngram_scores),
    )


def _recommend(
    evaluations: Sequence[Evaluation], ranked: Sequence[str], pairs: Sequence[PairDifference]
) -> str:
    """Return the architecture to take."""
    parameters = {item.architecture: item.parameters for item in evaluations if item.can_stream}
    if not parameters:
        return ranked[0]
    top = next(name for name in ranked if name in parameters)
    rivals = [name for name in find_tied(top, pairs) if name in parameters]
    return min((top, *rivals), key=lambda name: parameters[name])


def _list_unbeaten_ngrams(
    scores: Mapping[str, PieceScores], ngram_scores: Mapping[str, PieceScores]
) -> dict[str, list[str]]:
    """Return the n-gram models that each architecture is not better than, corrected for all these comparisons."""
    pairs = [(ngram, name) for name in scores for ngram in ngram_scores]
    unbeaten: dict[str, list[str]] = {name: [] for name in scores}
    for pair in intervals.compare_selected({**scores, **ngram_scores}, pairs):
        if pair.is_tie or pair.estimate.mean < 0:
            unbeaten[pair.second].append(pair.first)
    return unbeaten
