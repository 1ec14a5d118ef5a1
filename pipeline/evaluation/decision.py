"""Which architecture: the rule, applied to what was measured."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from pipeline.config.schema import CompareConfig
from pipeline.evaluation.bits import PieceScores, compute_paired_difference
from pipeline.evaluation.results import Evaluation

RULE = (
    "The best has the fewest bits per note. An architecture is too close to call when the 95 % interval of its paired "
    "difference against the best reaches zero. Recommended is one that can stream, since a live player needs that: of "
    "the best that can and those too close to it, the one with the fewest parameters; if none can stream, the best."
)
REFERENCE = "baseline"
"""Others are compared with this architecture, or with the first of the list where a run leaves it out."""


@dataclass(frozen=True)
class Difference:
    """A paired difference in bits per note: below zero is better than the other."""

    mean: float
    low: float
    high: float

    @property
    def includes_zero(self) -> bool:
        """Whether the interval leaves open which of the two is better."""
        return self.low <= 0 <= self.high


@dataclass(frozen=True)
class Decision:
    """What the measurements say."""

    reference: str
    best: str
    recommended: str
    tied: list[str]
    """Too close to the best to call."""
    vs_reference: Mapping[str, Difference]
    """Of every architecture and floor."""
    unbeaten_ngrams: list[str]
    """Floors that the best does not beat."""


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
    scores = {each.architecture: each.scores for each in evaluations}
    reference = REFERENCE if REFERENCE in scores else evaluations[0].architecture

    def compute_difference(name: str, other: str) -> Difference:
        return Difference(
            *compute_paired_difference(
                {**scores, **ngram_scores}[name], scores[other], config.bootstrap_resamples, seed
            )
        )

    def find_best_and_tied(names: Iterable[str]) -> tuple[str, list[str]]:
        """Return the best of some architectures and those too close to it."""
        of = list(names)
        top = min(of, key=lambda name: scores[name].compute_bits_per_note()["bits_per_note"])
        return top, [
            name for name in of if name != top and compute_difference(name, top).includes_zero
        ]

    best, close = find_best_and_tied(scores)
    parameters = {each.architecture: each.parameters for each in evaluations if each.can_stream}
    top, rivals = find_best_and_tied(parameters or scores)
    recommended = min((top, *rivals), key=lambda name: parameters[name]) if parameters else best
    return Decision(
        reference=reference,
        best=best,
        recommended=recommended,
        tied=close,
        vs_reference={
            name: compute_difference(name, reference) for name in (*scores, *ngram_scores)
        },
        unbeaten_ngrams=[name for name in ngram_scores if compute_difference(name, best).low <= 0],
    )
