"""The page of an exported model, opened from a disk in Chromium."""

from pathlib import Path

import pytest
from browser import Pages, Visit
from export.test_web_model import PLAYABLE
from factories import UNCONSTRAINED, make_tiny_model

from pipeline.core.errors import DataError
from pipeline.models.model_io import TrainedModel
from pipeline.studio.exported_page import (
    PAGE_SCRIPTS,
    WORKER_SCRIPTS,
    join_modules,
    render_exported_page,
    write_exported_page,
)

DENSE = UNCONSTRAINED.model_copy(update={"time_temperature": 0.5})
COUNT_NOTES = "Number(document.body.dataset.modelNotes ?? 0)"


def wait_for(visit: Visit, expression: str) -> None:
    """Wait until an expression is true; the policy of the page forbids Playwright's own function for it."""
    for _ in range(600):
        if visit.page.evaluate(expression):
            return
        visit.page.wait_for_timeout(50)
    raise AssertionError(f"{expression} after 30 s; {visit.complaints}")


def make_model() -> TrainedModel:
    model = make_tiny_model(**PLAYABLE)
    provenance = {"music": "</script><b>a corpus", "licence_of_the_music": "CC0"}
    weights = {name: 0.1 * value for name, value in model.weights.items()}
    # Steps near zero, so that many notes come in little time.
    weights["step/bias"][:8] += 8
    return TrainedModel("tiny", model.config, 6, weights, {}, provenance)


def test_a_joined_script_has_neither_imports_nor_exports() -> None:
    for paths in (PAGE_SCRIPTS, WORKER_SCRIPTS):
        lines = join_modules(paths).splitlines()
        assert not [line for line in lines if line.startswith(("import ", "export "))]


def test_equal_models_give_equal_pages_and_a_cell_that_it_lacks_is_refused() -> None:
    page = render_exported_page(make_model(), DENSE)
    assert page == render_exported_page(make_model(), DENSE)
    assert "</script><b>" not in page
    with pytest.raises(DataError, match="cannot play cell: lstm"):
        render_exported_page(make_tiny_model(**{**PLAYABLE, "cell": "lstm"}), DENSE)


@pytest.mark.slow
def test_a_page_on_a_disk_plays_stops_and_answers_a_phrase(browser: Pages, tmp_path: Path) -> None:
    write_exported_page(make_model(), DENSE, tmp_path / "page.html")
    visit = browser.open(f"file://{tmp_path / 'page.html'}")
    page = visit.page
    wait_for(visit, "!document.getElementById('start').disabled")
    assert "a corpus" in page.inner_text("main")
    page.click("#start")
    wait_for(visit, f"{COUNT_NOTES} >= 3")
    page.keyboard.press("Escape")
    assert page.inner_text("#status") == "The model rests"
    num_notes = page.evaluate(COUNT_NOTES)
    page.wait_for_timeout(700)
    assert page.evaluate(COUNT_NOTES) == num_notes
    assert page.locator(".key.model").count() == 0
    page.keyboard.down("KeyQ")
    assert page.locator(".key.human").count() == 1
    page.keyboard.up("KeyQ")
    wait_for(visit, f"{COUNT_NOTES} > {num_notes}")
    assert page.inner_text("#status") == "The model plays"
    assert visit.complaints == []
    assert visit.abroad == []
