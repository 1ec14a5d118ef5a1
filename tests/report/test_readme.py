"""The pages at the top of the project are those of the last run and of the studies."""

import json

import pytest
from factories import ROOT

from pipeline import config
from pipeline.config.model_rules import DEFAULT_SPAN
from pipeline.core import paths
from pipeline.core.errors import DataError
from pipeline.generation.engine import count_context_notes
from pipeline.models import model_card, model_io
from pipeline.report import claims, claims_page, readme
from pipeline.stages import report


@pytest.mark.usefixtures("in_committed_metrics")
def test_the_figures_in_the_readme_are_fresh() -> None:
    text = (ROOT / readme.README).read_text("utf-8")
    facts = report.load_run_results(config.load_params(paths.PARAMS))
    assert readme.fill_readme(text, facts) == text, (
        "README.md is stale; run 'music-rnn update-readme'"
    )


@pytest.mark.usefixtures("in_committed_metrics")
def test_the_claims_are_held_against_fresh_results() -> None:
    made = claims_page.render_claims_page(
        report.load_run_results(config.load_params(paths.PARAMS)), claims.load_claims(paths.CLAIMS)
    )
    assert (ROOT / claims_page.PAGE_PATH).read_text("utf-8") == made, (
        f"{claims_page.PAGE_PATH} is stale; run 'music-rnn update-readme'"
    )


@pytest.mark.usefixtures("in_committed_metrics")
def test_a_part_that_nothing_fills_is_refused() -> None:
    facts = report.load_run_results(config.load_params(paths.PARAMS))
    with pytest.raises(DataError, match="marked parts are"):
        readme.fill_readme("# no parts at all", facts)


def test_the_readme_says_how_far_attention_reaches() -> None:
    (row,) = [
        line
        for line in (ROOT / readme.README).read_text("utf-8").splitlines()
        if "| `stateful` |" in line
    ]
    card = model_card.read_card(model_io.BUNDLED / "maestro" / "model.json")
    assert f"of the last {DEFAULT_SPAN - 1} per layer" in row
    assert f"`maestro`: {card.config.span - 1} and, by its recurrence, all" in row
    assert count_context_notes(card.config, card.sequence_length) is None


def test_the_readme_has_the_figures_of_the_bundled_model() -> None:
    text = (ROOT / readme.README).read_text("utf-8").replace("\n", " ")
    folder = model_io.BUNDLED / "maestro"
    provenance = model_card.read_card(folder / "model.json").provenance
    assert f"scores {provenance['bits_per_note']:.2f} bits per note" in text
    assert f"{provenance['nats_per_event']:.2f} nats per event" in text
    megabytes = sum(path.stat().st_size for path in folder.iterdir()) / 1e6
    assert f"`maestro` ({megabytes:.1f} MB)" in text


@pytest.mark.usefixtures("in_committed_metrics")
def test_the_page_of_checks_has_the_committed_decision() -> None:
    text = (ROOT / "docs/decision-checks.md").read_text("utf-8")
    summary = json.loads(paths.SUMMARY.read_text("utf-8"))
    for name in config.load_params(paths.PARAMS).architectures:
        result = summary[name]
        assert f"| {name} | {result['bits_per_note']:.3f} | {result['group']} |" in text


def test_pictures_and_pages_that_the_readme_names_are_there() -> None:
    text = (ROOT / readme.README).read_text("utf-8")
    for name in ("docs/sample.png", "docs/results-maestro.md"):
        assert name in text
        assert (ROOT / name).stat().st_size > 1000
