"""Claims: what makes them hold, and that every verdict follows from a measurement."""

import json
import re
from math import inf
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.core import paths
from pipeline.core.errors import DataError
from pipeline.report import claim_measurements, claims
from pipeline.report.claims import FAILS, HOLDS, INCONCLUSIVE, REFUSED, UNTESTED, Claim, ClaimSet


def make_claim(**bounds: float) -> Claim:
    return Claim(topic="t", text="s", section="w", unit="times", **bounds)


@pytest.mark.parametrize(
    ("estimate", "bounds", "verdict"),
    [
        ((1.35, 1.31, 1.39), {"at_least": 1.3, "at_most": 1.4}, HOLDS),
        ((1.35, 1.29, 1.39), {"at_least": 1.3, "at_most": 1.4}, INCONCLUSIVE),
        ((1.35, 1.31, 1.41), {"at_least": 1.3, "at_most": 1.4}, INCONCLUSIVE),
        ((1.20, 1.10, 1.29), {"at_least": 1.3, "at_most": 1.4}, FAILS),
        ((6.85, 6.38, 7.17), {"at_least": 1.3, "at_most": 1.4}, FAILS),
        ((5.69, 5.69, 5.69), {"expected": 2.7}, FAILS),
        ((1.91, 1.91, 1.91), {"expected": 2.0}, HOLDS),
        ((1.89, 1.89, 1.89), {"expected": 2.0}, FAILS),
        ((0.0, 0.0, 0.0), {"above": 0.0}, FAILS),  # two models that are the same: neither is better
        ((0.1, 0.01, 0.2), {"above": 0.0}, HOLDS),
        ((0.1, -0.01, 0.2), {"above": 0.0}, INCONCLUSIVE),
        ((0.1, 0.0, 0.2), {"above": 0.0}, INCONCLUSIVE),
        ((-0.1, -0.2, 0.0), {"above": 0.0}, FAILS),
        ((0.0, 0.0, 0.0), {"at_most": 0.0}, HOLDS),
    ],
)
def test_a_verdict_is_where_the_interval_lies(
    estimate: claim_measurements.Estimate, bounds: dict[str, float], verdict: str
) -> None:
    assert claims.decide_verdict(estimate, make_claim(**bounds), 0.05) == verdict


@given(
    st.lists(st.floats(-5, 5), min_size=2, max_size=2),
    st.floats(-5, 5),
    st.floats(0, 5),
    st.floats(0, 3),
)
def test_a_wider_interval_never_turns_a_verdict_round(
    ends: list[float], least: float, width: float, wider: float
) -> None:
    """The spread of seeds that widens an interval can only make a claim too close to call."""
    low, high = sorted(ends)
    one = make_claim(at_least=least, at_most=least + width)
    before = claims.decide_verdict((low, low, high), one, 0.05)
    after = claims.decide_verdict((low, low - wider, high + wider), one, 0.05)
    assert after in (before, INCONCLUSIVE)


def test_a_claim_that_nothing_could_decide_is_refused() -> None:
    with pytest.raises(ValueError, match="no bound"):
        make_claim()


def test_bounds_are_told_in_words() -> None:
    assert (
        claims.format_criterion(make_claim(at_least=1.3, at_most=1.4), 0.05)
        == "at least 1.30× and at most 1.40×"
    )
    assert claims.format_criterion(make_claim(expected=2.7), 0.05) == "2.70× ± 5%"
    assert (
        claims.format_criterion(make_claim(above=0.0).model_copy(update={"unit": "likelier"}), 0.05)
        == "above +0.0%"
    )
    assert (
        claims.format_criterion(make_claim(at_most=0.0).model_copy(update={"unit": "yes"}), 0.05)
        == "no"
    )


@pytest.fixture
def book(in_folder: Path) -> ClaimSet:
    """Two claims of one figure, one of a figure that is not there and one that has none, and a study of two seeds."""
    metrics = in_folder / "metrics"
    metrics.mkdir()
    row = {"run": "start", "architecture": "baseline", "bits_per_note": 13.0, "against": {}}
    again = {"run": "again", "architecture": "baseline", "bits_per_note": 13.25, "against": {}}
    better = {
        "run": "start",
        "architecture": "dense",
        "against": {"start/baseline": [-1.0, -1.2, -0.8]},
    }
    (metrics / "path.json").write_text(json.dumps({"a": row, "b": again, "c": better}))
    gain = {
        "quantity": "gain",
        "source": "path",
        "numerator": "start/dense",
        "denominator": "start/baseline",
    }
    fields = {"topic": "quality", "text": "C gains", "section": "there", "unit": "likelier"}
    missing = {
        "quantity": "gain",
        "source": "nowhere",
        "numerator": "start/dense",
        "denominator": "start/baseline",
    }
    return ClaimSet.model_validate(
        {
            "tolerance": 0.05,
            "seed_runs": {
                "default": {"source": "path", "models": ["start/baseline", "again/baseline"]}
            },
            "architectures": {},
            "claims": {
                "half": {**fields, "at_least": 0.4, "measurements": {"default": gain}},
                "double": {**fields, "at_least": 1.0, "measurements": {"any": gain}},
                "gone": {**fields, "at_least": 0.5, "measurements": {"default": missing}},
                "none": {**fields, "at_least": 0.5},
            },
        }
    )


def test_a_claim_whose_data_is_missing_is_not_tested(book: ClaimSet) -> None:
    results = {each.name: each.results["default"] for each in claims.check_claims(book)}
    assert [results[name].verdict for name in ("half", "double", "gone", "none")] == [
        HOLDS,
        INCONCLUSIVE,
        UNTESTED,
        UNTESTED,
    ]
    assert claims.count_verdicts(claims.check_claims(book)) == {
        "default": {HOLDS: 1, FAILS: 0, INCONCLUSIVE: 1, UNTESTED: 2},
        "maestro": {HOLDS: 0, FAILS: 0, INCONCLUSIVE: 1, UNTESTED: 3},
    }


def test_a_claim_of_an_implausible_interval_is_refused_with_the_reason(book: ClaimSet) -> None:
    path = Path("metrics/path.json")
    rows = json.loads(path.read_text("utf-8"))
    rows["b"]["bits_per_note"] = 26.5
    path.write_text(json.dumps(rows))
    checked = claims.check_claims(book)
    results = {each.name: each.results["default"] for each in checked}
    assert results["double"].verdict == REFUSED and results["double"].estimate is None
    assert "seeds that lie 13.500 bits per note apart" in results["double"].estimate_text
    assert results["none"].verdict == UNTESTED
    assert claims.count_verdicts(checked)["default"][INCONCLUSIVE] == 0
    assert claims.count_verdicts(checked)["default"][REFUSED] == 3


def test_seeds_widen_an_interval_on_their_corpus_only(book: ClaimSet) -> None:
    double = {each.name: each for each in claims.check_claims(book)}["double"].results
    assert double["default"].estimate == pytest.approx(
        (1.0, 2 ** (0.8 - 0.25) - 1, 2 ** (1.2 + 0.25) - 1)
    )
    assert double["maestro"].estimate == pytest.approx((1.0, 2**0.8 - 1, 2**1.2 - 1))
    assert double["maestro"].estimate_text == "+100.0% [+74.1%, +129.7%]"


def test_a_figure_without_an_interval_is_too_close_to_call(
    book: ClaimSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    unknown = (0.5, -1.0, inf)
    monkeypatch.setattr(claim_measurements, "read_estimate", lambda *_: unknown)
    result = {each.name: each for each in claims.check_claims(book)}["half"].results["default"]
    assert (result.verdict, result.estimate_text) == (INCONCLUSIVE, "+50.0% [no interval]")


def test_rows_are_as_long_as_their_header(book: ClaimSet) -> None:
    header, *lines = claims.tabulate_claims(claims.check_claims(book))
    assert {len(line) for line in lines} == {len(header)}
    assert lines[0][0] == "quality"


def test_a_bad_file_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "claims.yaml"
    path.write_text("tolerance: 2\n")
    with pytest.raises(DataError, match="no claims here") as error:
        claims.load_claims(path)
    assert "\n" not in str(error.value)


@pytest.fixture
def own(in_committed_metrics: Path) -> ClaimSet:
    """The claims of the project, in a folder with its committed metrics."""
    return claims.load_claims(paths.CLAIMS)


def test_every_claim_of_the_page_with_a_measurement_has_a_figure(own: ClaimSet) -> None:
    """A slip in a key would read as `not tested here`: none may be missing from a part of a file that is there."""
    for each in claims.check_claims(own):
        for corpus, outcome in each.results.items():
            measure = each.claim.measurements.get("any") or each.claim.measurements.get(corpus)  # type: ignore[call-overload]
            if (
                not measure
                or outcome.estimate
                or measure.quantity == "share"
                or not claim_measurements.locate_results(measure.source).exists()
            ):
                continue
            part = measure.numerator.partition("/")[0]
            assert part not in claim_measurements.load_results(measure.source), (
                f"{each.name}: no {measure.numerator} in {measure.source}"
            )


def test_claims_hold_no_figure_that_was_measured(own: ClaimSet) -> None:
    """Sizes come from the page: no claim is of what we counted ourselves."""
    counted = {
        model["parameters"]
        for model in json.loads(paths.SUMMARY.read_text("utf-8")).values()
        if "bytes" in model
    }
    text = paths.CLAIMS.read_text("utf-8")
    assert not counted & {int(number) for number in re.findall(r"\b\d{4,}\b", text)}


def test_what_the_decision_page_says_of_a_claim_is_the_claim(own: ClaimSet) -> None:
    for name, entry in own.architectures.items():
        assert own.claims[f"parameters-{name}"].expected == entry["parameters"]
