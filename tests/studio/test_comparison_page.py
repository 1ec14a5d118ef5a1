"""Two models are compared on the page, blind or not, in a browser."""

from pathlib import Path

import pytest
from browser import Pages
from factories import make_tiny_model
from playwright.sync_api import Page
from studio.conftest import Studio
from studio.test_page import at, until

from pipeline.models import model_io

pytestmark = pytest.mark.slow  # a browser
STATUS = "document.getElementById('compare-status').textContent"

COUNT_LIT_KEYS = """() => {
    window.litKeys = 0;
    const isLit = ({ target }) => target.classList.contains('model');
    const observer = new MutationObserver((changes) => (window.litKeys += changes.filter(isLit).length));
    observer.observe(document.getElementById('piano'), { attributes: true, subtree: true });
}"""
"""Count keys that the model strikes, however short."""


def wait_for_status(page: Page, text: str) -> None:
    until(page, f"{STATUS}.includes({text!r})", 90)


def play_phrase(page: Page) -> None:
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("KeyZ", delay=80)
    page.keyboard.press("KeyC", delay=80)


def test_one_model_alone_is_not_compared(browser: Pages, studio: Studio) -> None:
    with at(browser, studio) as visit:
        for name in ("compare", "compare-a", "compare-b", "blind"):
            assert visit.page.is_disabled(f"#{name}")
        status = visit.page.inner_text("#compare-status")
        assert "only one model" in status
        assert "dvc repro" in status


def test_both_answer_and_the_page_counts_what_is_preferred(browser: Pages, studio: Studio) -> None:
    model_io.save_model(make_tiny_model(stateful=True), Path("models/mine"))
    with at(browser, studio) as visit:
        page = visit.page
        page.evaluate(COUNT_LIT_KEYS)
        page.get_by_label("Blind").uncheck()
        assert page.is_enabled("#compare-a")
        page.get_by_role("button", name="Start comparing").click()
        wait_for_status(page, "A is maestro, B is mine.")
        until(page, "document.getElementById('play').textContent === 'Let it play'")
        play_phrase(page)
        wait_for_status(page, "A answers.")
        wait_for_status(page, "B answers.")
        assert page.evaluate("window.litKeys") > 0
        page.get_by_role("button", name="B is better").click()
        wait_for_status(page, "You prefer B. Play a phrase")
        assert page.is_hidden("#choices")
        until(page, "!document.querySelector('.key.model')")
        page.get_by_role("button", name="Finish").click()
        assert page.inner_text("#compare-status") == (
            "A is maestro: preferred 0 times. B is mine: preferred once."
        )
        until(page, "document.getElementById('play').textContent === 'Pause the model'")


@pytest.mark.parametrize("dice", [0.1, 0.9])
def test_a_blind_comparison_names_the_models_only_at_the_end(
    browser: Pages, studio: Studio, dice: float
) -> None:
    model_io.save_model(make_tiny_model(stateful=True), Path("models/mine"))
    with at(browser, studio) as visit:
        page = visit.page
        page.evaluate(f"Math.random = () => {dice}")
        assert page.get_by_label("Blind").is_checked()
        page.get_by_role("button", name="Start comparing").click()
        wait_for_status(page, "Play a phrase")
        play_phrase(page)
        wait_for_status(page, "A answers.")
        page.keyboard.press("Escape")
        wait_for_status(page, "Which answer is better?")
        until(page, "!document.querySelector('.key.model')")
        page.get_by_role("button", name="A is better").click()
        wait_for_status(page, "You prefer A.")
        assert "maestro" not in page.inner_text("#compare-status")
        page.get_by_role("button", name="Finish").click()
        names = ("mine", "maestro") if dice < 0.5 else ("maestro", "mine")
        assert page.inner_text("#compare-status") == (
            f"A is {names[0]}: preferred once. B is {names[1]}: preferred 0 times."
        )
