"""Claimed against measured: what a page says, what was found, and whether it holds. No verdict is written by hand."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import inf
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError, model_validator

from pipeline.config.schema import Name, Section
from pipeline.core import yaml
from pipeline.core.errors import DataError
from pipeline.report import claim_measurements
from pipeline.report.claim_measurements import Measure
from pipeline.report.tables import Rows

HOLDS, FAILS, CLOSE, UNTESTED = VERDICTS = ("holds", "fails", "too close to call", "not tested here")
Corpus = Literal["default", "maestro"]
CORPORA: tuple[Corpus, ...] = ("default", "maestro")
FORMS = {
    "parameters": "{:,.0f}",
    "times": "{:.2f}×",
    "likelier": "{:+.1%}",
    "part": "{:.0%}",
    "microseconds": "{:,.0f} µs",
    "MiB": "{:,.0f} MiB",
}
"""How a figure of each unit is written; `yes` is a word."""


class Seeds(Section):
    """Models that differ in nothing but their seed."""

    source: str
    of: list[str]


class Claim(Section):
    """One thing the page says that can be held against a measurement."""

    topic: str
    said: str
    """In our words."""
    where: str
    """Section of the page."""
    reading: str = ""
    """How it was made measurable, where the page does not say."""
    unit: Literal["parameters", "times", "likelier", "part", "microseconds", "MiB", "yes"]
    about: float | None = None
    """It holds within the tolerance of this."""
    above: float | None = None
    """It holds above this, not at it."""
    at_least: float | None = None
    at_most: float | None = None
    measure: dict[Literal["any", "default", "maestro"], Measure] = Field(default_factory=dict)
    """Where the figure of a corpus is; `any` is of no corpus. Empty: not tested here."""

    @model_validator(mode="after")
    def _says_what_makes_it_hold(self) -> "Claim":
        if all(bound is None for bound in (self.about, self.above, self.at_least, self.at_most)):
            raise ValueError(f"{self.said!r} has no bound, so nothing would make it hold or fail")
        return self

    def bounds(self, tolerance: float) -> tuple[float, float]:
        """Return the least and the greatest figure with which it holds."""
        if self.about is not None:
            return self.about * (1 - tolerance), self.about * (1 + tolerance)
        least = next((bound for bound in (self.above, self.at_least) if bound is not None), -inf)
        return least, inf if self.at_most is None else self.at_most


class Book(Section):
    """All claims, and what they are judged by."""

    tolerance: Annotated[float, Field(gt=0, lt=1)]
    """Share by which a figure may miss one that is claimed as such."""
    spread: dict[Corpus, Seeds]
    """By corpus: how far these lie apart is what chance in training does; it widens intervals of differences."""
    architectures: dict[Name, dict[str, Any]]
    """What the decision page sets beside each architecture."""
    claims: dict[Name, Claim]


@dataclass(frozen=True)
class Outcome:
    """A claim on one corpus."""

    found: claim_measurements.Found | None
    verdict: str
    told: str
    """The figure and its interval, as text."""


@dataclass(frozen=True)
class Tested:
    """A claim and what became of it."""

    name: str
    claim: Claim
    holds_if: str
    outcomes: Mapping[str, Outcome]
    """By corpus."""


def load(path: Path) -> Book:
    """Read the claims.

    Raises:
        DataError: the file cannot be read or says something it must not.
    """
    try:
        return Book.model_validate(yaml.read(path))
    except (OSError, ValueError, ValidationError) as error:
        raise DataError(
            f"{path}: no claims here ({' '.join(str(error).split())}); take the file from Git again"
        ) from error


def judge(book: Book) -> list[Tested]:
    """Hold every claim against what was measured."""
    spread = {name: claim_measurements.range_of(seeds.source, seeds.of) for name, seeds in book.spread.items()}
    return [
        Tested(
            name,
            claim,
            holds_if(claim, book.tolerance),
            {corpus: _outcome(claim, corpus, book.tolerance, spread.get(corpus, 0.0)) for corpus in CORPORA},
        )
        for name, claim in book.claims.items()
    ]


def _outcome(claim: Claim, corpus: Corpus, tolerance: float, spread: float) -> Outcome:
    measure = claim.measure.get(corpus) or claim.measure.get("any")
    found = claim_measurements.read(measure, spread) if measure else None
    if found is None:
        return Outcome(None, UNTESTED, "–")
    value, low, high = (_form(each, claim.unit) for each in found)
    return Outcome(found, verdict(found, claim, tolerance), value if low == high else f"{value} [{low}, {high}]")


def verdict(found: claim_measurements.Found, claim: Claim, tolerance: float) -> str:
    """Return whether a claim holds: all of the interval is within its bounds, or none of it, or some."""
    least, most = claim.bounds(tolerance)
    _, low, high = found
    reached = low > least if claim.above is not None else low >= least
    missed = high <= least if claim.above is not None else high < least
    if reached and high <= most:
        return HOLDS
    return FAILS if missed or low > most else CLOSE


def holds_if(claim: Claim, tolerance: float) -> str:
    """Return the bounds of a claim as text."""
    if claim.unit == "yes":
        return "yes" if claim.at_least else "no"
    if claim.about is not None:
        return f"{_form(claim.about, claim.unit)} ± {tolerance:.0%}"
    told = []
    for word, bound in (("above", claim.above), ("at least", claim.at_least), ("at most", claim.at_most)):
        told += [f"{word} {_form(bound, claim.unit)}"] if bound is not None else []
    return " and ".join(told)


def _form(value: float, unit: str) -> str:
    return ("yes" if value else "no") if unit == "yes" else FORMS[unit].format(value)


def rows(tested: Sequence[Tested]) -> Rows:
    """Return one row a claim."""
    header = ["topic", "the page says", "where", "holds if", "default corpus", "verdict", "MAESTRO", "verdict, MAESTRO"]
    return [header, *([each.claim.topic, *cells(each)] for each in tested)]


def cells(tested: Tested) -> list[str]:
    """Return a claim as text: what is said and where, when it holds, and the figure and verdict of each corpus."""
    claim = tested.claim
    said = f"{claim.said} ({claim.reading})" if claim.reading else claim.said
    figures = [text for each in tested.outcomes.values() for text in (each.told, each.verdict)]
    return [said, claim.where, tested.holds_if, *figures]


def counts(tested: Sequence[Tested]) -> dict[str, dict[str, int]]:
    """Return how many claims met each verdict, by corpus."""
    out: dict[str, dict[str, int]] = {}
    for corpus in CORPORA:
        met = Counter(each.outcomes[corpus].verdict for each in tested)
        out[corpus] = {verdict: met[verdict] for verdict in VERDICTS}
    return out
