"""Claimed against measured: what a page says, what was measured, and whether it holds. No verdict is written by hand."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import inf, nextafter
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError, model_validator

from pipeline.config.schema import Identifier, StrictModel
from pipeline.core import yaml
from pipeline.core.errors import DataError
from pipeline.report import claim_measurements, tables
from pipeline.report.claim_measurements import ImplausibleIntervalError, Measurement
from pipeline.report.tables import Rows, tabulate

HOLDS, FAILS, INCONCLUSIVE, UNTESTED = VERDICTS = (
    "holds",
    "fails",
    "too close to call",
    "not tested here",
)
REFUSED = "refused: implausible interval"
"""No verdict on the claim; it is counted only where there is one."""
CorpusName = Literal["default", "maestro"]
CORPORA: tuple[CorpusName, ...] = ("default", "maestro")
UNIT_FORMATS = {
    "parameters": "{:,.0f}",
    "times": "{:.2f}×",
    "likelier": "{:+.1%}",
    "part": "{:.0%}",
    "microseconds": "{:,.0f} µs",
    "MiB": "{:,.0f} MiB",
}
"""How a figure of each unit is written; `yes` is a word."""
CLAIM_COLUMNS = {
    "topic": "{topic}",
    "the page says": "{text}",
    "where": "{section}",
    "holds if": "{criterion}",
    "default corpus": "{results[default].estimate_text}",
    "verdict": "{results[default].verdict}",
    "MAESTRO": "{results[maestro].estimate_text}",
    "verdict, MAESTRO": "{results[maestro].verdict}",
}


class SeedRuns(StrictModel):
    """Models that differ in nothing but their seed."""

    source: str
    models: list[str]


class Claim(StrictModel):
    """One thing the page says that can be held against a measurement."""

    topic: str
    text: str
    """In our words."""
    section: str
    """Section of the page."""
    interpretation: str = ""
    """How it was made measurable, where the page does not say."""
    unit: Literal["parameters", "times", "likelier", "part", "microseconds", "MiB", "yes"]
    expected: float | None = None
    """It holds within the tolerance of this."""
    above: float | None = None
    """It holds above this, not at it."""
    at_least: float | None = None
    at_most: float | None = None
    measurements: dict[Literal["any", "default", "maestro"], Measurement] = Field(
        default_factory=dict
    )
    """Where the figure of a corpus is; `any` is of no corpus. Empty: not tested here."""

    @model_validator(mode="after")
    def _require_bound(self) -> "Claim":
        if all(bound is None for bound in (self.expected, self.above, self.at_least, self.at_most)):
            raise ValueError(f"{self.text!r} has no bound, so nothing would make it hold or fail")
        return self

    def compute_bounds(self, tolerance: float) -> tuple[float, float]:
        """Return the least and the greatest figure with which it holds."""
        if self.expected is not None:
            return self.expected * (1 - tolerance), self.expected * (1 + tolerance)
        least = self.at_least if self.above is None else self.above
        return -inf if least is None else least, inf if self.at_most is None else self.at_most


class ClaimSet(StrictModel):
    """All claims, and what they are judged by."""

    tolerance: Annotated[float, Field(gt=0, lt=1)]
    """Share by which a figure may miss one that is claimed as such."""
    seed_runs: dict[CorpusName, SeedRuns]
    """By corpus: how far these lie apart is what chance in training does; it widens intervals of differences."""
    architectures: dict[Identifier, dict[str, Any]]
    """What the decision page sets beside each architecture."""
    claims: dict[Identifier, Claim]


@dataclass(frozen=True)
class CheckResult:
    """A claim on one corpus."""

    estimate: claim_measurements.Estimate | None
    verdict: str
    estimate_text: str
    """The figure and its interval, as text."""


@dataclass(frozen=True)
class CheckedClaim:
    """A claim and what became of it."""

    name: str
    claim: Claim
    criterion: str
    results: Mapping[str, CheckResult]
    """By corpus."""


def load_claims(path: Path) -> ClaimSet:
    """Read the claims.

    Raises:
        DataError: the file cannot be read, or is not of this form.
    """
    try:
        return ClaimSet.model_validate(yaml.load_yaml(path))
    except (OSError, ValueError, ValidationError) as error:
        raise DataError(
            f"{path}: no claims here ({' '.join(str(error).split())}); take the file from Git again"
        ) from error


def check_claims(claim_set: ClaimSet) -> list[CheckedClaim]:
    """Hold every claim against what was measured."""
    return [
        CheckedClaim(
            name,
            claim,
            format_criterion(claim, claim_set.tolerance),
            {corpus: _check_on_corpus(claim, corpus, claim_set) for corpus in CORPORA},
        )
        for name, claim in claim_set.claims.items()
    ]


def _check_on_corpus(claim: Claim, corpus: CorpusName, claim_set: ClaimSet) -> CheckResult:
    measurement = claim.measurements.get(corpus) or claim.measurements.get("any")
    seeds = claim_set.seed_runs.get(corpus)
    if measurement is None:
        return CheckResult(None, UNTESTED, "–")
    spread = 0.0
    try:
        if seeds and measurement.is_difference:
            spread = claim_measurements.compute_seed_spread(seeds.source, seeds.models)
        estimate = claim_measurements.read_estimate(measurement, spread)
    except ImplausibleIntervalError as error:
        return CheckResult(None, REFUSED, str(error))
    if estimate is None:
        return CheckResult(None, UNTESTED, "–")
    verdict = decide_verdict(estimate, claim, claim_set.tolerance)
    return CheckResult(estimate, verdict, _format_estimate(estimate, claim.unit))


def decide_verdict(estimate: claim_measurements.Estimate, claim: Claim, tolerance: float) -> str:
    """Return whether a claim holds: all of the interval is within its bounds, or none of it, or some."""
    least, most = claim.compute_bounds(tolerance)
    _, low, high = estimate
    if claim.above is not None:
        least = nextafter(least, inf)  # above it, not at it
    if least <= low and high <= most:
        return HOLDS
    return FAILS if high < least or most < low else INCONCLUSIVE


def format_criterion(claim: Claim, tolerance: float) -> str:
    """Return the bounds of a claim as text."""
    if claim.unit == "yes":
        return "yes" if claim.at_least else "no"
    if claim.expected is not None:
        return f"{_format_value(claim.expected, claim.unit)} ± {tolerance:.0%}"
    bounds = {"above": claim.above, "at least": claim.at_least, "at most": claim.at_most}
    return " and ".join(
        f"{word} {_format_value(bound, claim.unit)}"
        for word, bound in bounds.items()
        if bound is not None
    )


def _format_estimate(estimate: claim_measurements.Estimate, unit: str) -> str:
    """Return a figure and its interval as text."""
    if inf in estimate:
        return f"{_format_value(estimate[0], unit)} [{tables.NO_INTERVAL}]"
    value, low, high = (_format_value(figure, unit) for figure in estimate)
    return value if low == high else f"{value} [{low}, {high}]"


def _format_value(value: float, unit: str) -> str:
    return ("yes" if value else "no") if unit == "yes" else UNIT_FORMATS[unit].format(value)


def tabulate_claims(checked_claims: Sequence[CheckedClaim]) -> Rows:
    """Return one row a claim: its topic, what is said and where, when it holds, and what each corpus says of it."""
    records = []
    for checked in checked_claims:
        claim = checked.claim
        text = f"{claim.text} ({claim.interpretation})" if claim.interpretation else claim.text
        records.append({**vars(claim), **vars(checked), "text": text})
    return tabulate(CLAIM_COLUMNS, records)


def count_verdicts(checked_claims: Sequence[CheckedClaim]) -> dict[str, dict[str, int]]:
    """Return how many claims met each verdict, by corpus."""
    counts = {
        corpus: Counter(checked.results[corpus].verdict for checked in checked_claims)
        for corpus in CORPORA
    }
    refused = any(REFUSED in counted for counted in counts.values())
    shown = (*VERDICTS, REFUSED) if refused else VERDICTS
    return {
        corpus: {verdict: counted[verdict] for verdict in shown}
        for corpus, counted in counts.items()
    }
