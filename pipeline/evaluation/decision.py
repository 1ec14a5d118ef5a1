"""Which architecture: the rule, applied to what was measured."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from pipeline.config.schema import Compare
from pipeline.evaluation.bits import Scores, difference
from pipeline.evaluation.results import Evaluation

RULE = (
    "The best has the fewest bits per note. An architecture is too close to call when the 95 % interval of its paired "
    "difference against the best reaches zero. Recommended is one that can stream, since a live player needs that: of "
    "the best that can and those too close to it, the one with the fewest parameters; if none can stream, the best."
)
REFERENCE = "baseline"
"""Others are compared with this architecture, or with the first of the list where a run leaves it out."""


@dataclass(frozen=True)
class Against:
    """A paired difference in bits per note: below zero is better than the other."""

    mean: float
    low: float
    high: float

    @property
    def reaches_zero(self) -> bool:
        """Whether the interval leaves open which of the two is better."""
        return self.low <= 0 <= self.high


@dataclass(frozen=True)
class Decision:
    """What the measurements say."""

    reference: str
    best: str
    recommended: str
    close: list[str]
    """Too close to the best to call."""
    against_reference: Mapping[str, Against]
    """Of every architecture and floor."""
    below: list[str]
    """Floors that the best does not beat."""


def decide(found: Sequence[Evaluation], floors: Mapping[str, Scores], how: Compare, seed: int) -> Decision:
    """Apply the rule.

    Args:
        found: at least one evaluation, all of the same notes.
        floors: scores of the same notes.
        how: number of resamples.
        seed: of the bootstrap.
    """
    scores = {each.architecture: each.scores for each in found}
    reference = REFERENCE if REFERENCE in scores else found[0].architecture

    def against(name: str, other: str) -> Against:
        return Against(*difference({**scores, **floors}[name], scores[other], how.resamples, seed))

    def fewest(names: Iterable[str]) -> tuple[str, list[str]]:
        """Return the best of some architectures and those too close to it."""
        of = list(names)
        top = min(of, key=lambda name: scores[name].per_note()["bits_per_note"])
        return top, [name for name in of if name != top and against(name, top).reaches_zero]

    best, close = fewest(scores)
    parameters = {each.architecture: each.parameters for each in found if each.streams}
    top, rivals = fewest(parameters or scores)
    recommended = min((top, *rivals), key=lambda name: parameters[name]) if parameters else best
    return Decision(
        reference=reference,
        best=best,
        recommended=recommended,
        close=close,
        against_reference={name: against(name, reference) for name in (*scores, *floors)},
        below=[name for name in floors if against(name, best).low <= 0],
    )
