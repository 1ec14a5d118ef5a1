"""The page of claims against measurements."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from factories import ROOT

from pipeline import config
from pipeline.core import paths
from pipeline.report import claims, claims_page
from pipeline.report.claims import ClaimSet
from pipeline.report.tables import RunResults
from pipeline.stages import report


@pytest.fixture
def facts(in_committed_metrics: Path) -> RunResults:
    return report.load_run_results(config.load_params(paths.PARAMS))


@pytest.fixture
def book(facts: RunResults) -> ClaimSet:
    return claims.load_claims(paths.CLAIMS)


@pytest.mark.slow
def test_every_claim_has_its_row_and_its_verdict(facts: RunResults, book: ClaimSet) -> None:
    lines = claims_page.render_claims_page(facts, book).splitlines()
    checked = claims.check_claims(book)
    for each, (_, *cells) in zip(checked, claims.tabulate_claims(checked)[1:], strict=True):
        assert f"| {' | '.join(cells)} |" in lines
        assert cells[0].startswith(each.claim.text) and each.criterion in cells
        assert each.results["default"].verdict in claims.VERDICTS


def test_counts_are_of_all_claims(facts: RunResults, book: ClaimSet) -> None:
    text = claims_page.render_claims_page(facts, book)
    counted = next(line for line in text.splitlines() if line.startswith("| default corpus |"))
    assert sum(int(cell) for cell in counted.split("|")[2:-1]) == len(book.claims)


@pytest.mark.slow
def test_a_changed_figure_changes_the_page(
    facts: RunResults, book: ClaimSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The page follows the figures: with as many parameters as the page says, the claim holds."""
    for path in ("params.yaml", "metrics/summary.json", "metrics/benchmark.json"):
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_bytes(Path(path).read_bytes())
    monkeypatch.chdir(tmp_path)
    before = claims_page.render_claims_page(facts, book)
    assert (
        "| option A has 528K parameters | Parameter Count | 528,000 ± 5% | 480,130 | fails |"
        in before
    )
    summary = json.loads(paths.SUMMARY.read_text("utf-8"))
    summary["stacked"]["parameters"] = 528_001
    paths.SUMMARY.write_text(json.dumps(summary), encoding="utf-8")
    after = claims_page.render_claims_page(facts, book)
    assert (
        "| option A has 528K parameters | Parameter Count | 528,000 ± 5% | 528,001 | holds |"
        in after
    )


@pytest.mark.slow
def test_the_path_is_told_step_by_step(
    facts: RunResults, book: ClaimSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "params.yaml").write_bytes((ROOT / "params.yaml").read_bytes())
    assert "step by step" not in claims_page.render_claims_page(facts, book)
    row = {"run": "start", "architecture": "baseline", "bits_per_note": 14.0, "parameters": 84354}
    row |= {"source_commit": "0123456", "against": {}}
    again = {
        **row,
        "run": "again",
        "bits_per_note": 13.0,
        "against": {"start/baseline": [-1.0, -1.1, -0.9]},
    }
    third = {**again, "run": "third", "bits_per_note": 14.5}
    (tmp_path / "metrics").mkdir()
    (tmp_path / "metrics/studies").mkdir(exist_ok=True)
    (tmp_path / "metrics/studies/seed-path.json").write_text(
        json.dumps({"a": row, "b": again, "c": third})
    )
    text = claims_page.render_claims_page(facts, book)
    assert "| start | baseline | 14.000 | start | – | 84,354 | 0123456 |" in text
    assert (
        "| again | baseline | 13.000 | -1.000 [-1.100, -0.900] | +100.0% | 84,354 | 0123456 |"
        in text
    )
    assert (
        "3 seeds of the baseline (`seed-path`) lie 1.500 bits per note apart (default corpus)"
        in text
    )


@pytest.mark.slow
def test_the_page_has_both_recipes_of_each_of_its_architectures(
    facts: RunResults, book: ClaimSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "params.yaml").write_bytes((ROOT / "params.yaml").read_bytes())
    assert "As the page says" not in claims_page.render_claims_page(facts, book)
    source = {"corpus": "own", "source_commit": "0123456", "source_date": "2026-11-28"}
    page = {"run": "page", "architecture": "dense", "bits_per_note": 17.5, **source}
    grid = {**page, "run": "rate-0.004", "bits_per_note": 17.0}
    best = {"dense": {"learning_rate": 0.004, "bits_per_note": 17.0, "is_at_edge": False}}
    paths.STUDIES.mkdir(parents=True)
    tuned = {"search": {}, "best": best, "dense_rate-0.004": grid, "dense_page": page}
    (paths.STUDIES / "tune.json").write_text(json.dumps(tuned))
    text = claims_page.render_claims_page(facts, book)
    assert "\n## As the page says, and at its best\n" in text
    assert "| dense | 17.500 | 17.000 | -0.500 | 0.004 |" in text
    assert "| tune | own | 2 | 2 | 0123456 | 2026-11-28 |" in text


@pytest.mark.slow
def test_the_page_sets_another_recipe_beside_the_options(facts: RunResults, book: ClaimSet) -> None:
    gains = {"baseline": -0.0, "stacked": -0.5, "own": -3.0}
    summary = {name: {"bits_per_note": 15 + gap, "difference": gap} for name, gap in gains.items()}
    summary["reference"] = "baseline"
    claimed = {"baseline": {}, "stacked": {}}
    pair = {"a": "stacked", "b": "baseline", "tie": False}
    pairs = {"ranked": ["own", "stacked", "baseline"], "pairs": [pair]}
    known = replace(facts, summary=summary, claims=claimed, pairs=pairs)
    text = claims_page.render_claims_page(known, book)
    option = "`stacked` has the fewest bits on the default corpus: the right note is 41% likelier than under the current model"
    best = "`own`, with another input, other heads and another objective on as many target notes, makes it 700%"
    assert option in text and best in text
    tied = {"ranked": ["stacked", "baseline"], "pairs": [{**pair, "tie": True}]}
    text = claims_page.render_claims_page(replace(known, pairs=tied), book)
    assert f"{option}, which is a tie.\n" in text and "with another input" not in text
    only_own = {"ranked": ["own"], "pairs": []}
    text = claims_page.render_claims_page(replace(known, pairs=only_own), book)
    assert "Of the page's options" not in text


@pytest.mark.slow
def test_the_page_says_where_its_figures_are_from(facts: RunResults, book: ClaimSet) -> None:
    lines = claims_page.render_claims_page(facts, book).splitlines()
    (row,) = [line for line in lines if line.startswith("| maestro |")]
    stored = json.loads((ROOT / "metrics/studies/maestro.json").read_text("utf-8"))
    assert f"| maestro-v3 | 3 | {len(stored)} | 8deb2ac, dd62086 | 2026-11-27 |" in row
