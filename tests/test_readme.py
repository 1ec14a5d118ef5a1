"""The figures in README.md are those of the last run."""

import pytest
from conftest import ROOT

from pipeline import params, readme
from pipeline.errors import DataError
from pipeline.stages import report


def test_the_figures_in_the_readme_are_fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    text = (ROOT / readme.README).read_text("utf-8")
    facts = report.facts(params.load(ROOT / "params.yaml"))
    assert readme.filled(text, facts) == text, "README.md is stale; run 'music-rnn readme'"


def test_a_part_that_nothing_fills_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    facts = report.facts(params.load(ROOT / "params.yaml"))
    with pytest.raises(DataError, match="marked parts are"):
        readme.filled("# no parts at all", facts)


def test_pictures_and_pages_that_the_readme_names_are_there() -> None:
    text = (ROOT / readme.README).read_text("utf-8")
    for name in ("docs/sample.png", "docs/results-maestro.md"):
        assert name in text
        assert (ROOT / name).stat().st_size > 1000
