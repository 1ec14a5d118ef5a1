"""The page with keys alone: what letters, Space and Escape do, and what can be reached."""

import pytest
from browser import Pages
from studio.conftest import Studio
from studio.test_page import at, until
from studio.test_session import wait
from studio.test_sound_page import open_with_script

pytestmark = pytest.mark.slow  # a browser


@pytest.mark.parametrize("by", ["Escape", "Panic"])
def test_panic_ends_all_notes_and_pauses_the_model(browser: Pages, studio: Studio, by: str) -> None:
    with at(browser, studio) as visit:
        page = visit.page
        page.get_by_label("Accompany").check()
        until(page, "Number(document.body.dataset.modelNotes) >= 2")
        page.evaluate("document.activeElement.blur()")
        assert page.inner_text("#play") == "Pause the model"
        if by == "Escape":
            page.keyboard.press("Escape")
        else:
            page.get_by_role("button", name="Panic").click()
        until(page, "document.getElementById('play').textContent === 'Let it play'")
        assert "paused" in page.inner_text("#status")
        assert page.get_attribute("#play", "class") == "paused"
        until(page, "!document.querySelector('.key.human, .key.model')")
        count = page.evaluate("document.body.dataset.modelNotes")
        page.wait_for_timeout(1500)  # a model that plays has some three notes a second
        assert page.evaluate("document.body.dataset.modelNotes") == count
        assert not page.query_selector(".key.model")
        page.get_by_role("button", name="Let it play").click()
        until(page, f"Number(document.body.dataset.modelNotes) >= {int(count) + 2}")
        assert page.inner_text("#play") == "Pause the model"


def test_escape_ends_held_keys_and_space_pauses_the_model(browser: Pages, studio: Studio) -> None:
    with at(browser, studio) as visit:
        page = visit.page
        page.get_by_label("Accompany").check()
        until(page, "Number(document.body.dataset.modelNotes) >= 2")
        page.evaluate("document.activeElement.blur()")
        page.keyboard.press("Space")
        page.get_by_role("button", name="Let it play").wait_for()
        assert "paused" in page.inner_text("#status")
        page.keyboard.down("KeyZ")
        page.wait_for_selector(".key.human[data-pitch='48']")
        page.keyboard.press("Escape")
        until(page, "!document.querySelector('.key.human, .key.model')")
        page.keyboard.up("KeyZ")
        page.keyboard.press("Equal")
        page.keyboard.down("KeyZ")
        page.wait_for_selector(".key.human[data-pitch='60']")
        page.evaluate("window.dispatchEvent(new Event('blur'))")
        until(page, "!document.querySelector('.key.human')")


def test_no_key_stays_lit_on_a_page_that_was_too_busy_for_timers(
    browser: Pages, studio: Studio
) -> None:
    block = "(() => { for (const end = performance.now() + 500; performance.now() < end; ); })()"
    with at(browser, studio) as visit:
        page = visit.page
        page.get_by_label("Accompany").check()
        until(page, "Number(document.body.dataset.modelNotes) >= 2")
        for _ in range(10):
            page.evaluate(block)
        page.evaluate("document.activeElement.blur()")
        page.keyboard.press("Space")  # not a panic: that ends the light of all keys
        page.get_by_role("button", name="Let it play").wait_for()
        until(page, "!document.querySelector('.key.model')", 15)


def test_space_pauses_the_model_after_a_click_and_presses_what_a_key_reached(
    browser: Pages, studio: Studio
) -> None:
    with at(browser, studio) as visit:
        page = visit.page
        page.get_by_role("button", name="Record").click()
        page.wait_for_selector("#record[aria-pressed=true]")
        page.keyboard.press("Space")
        page.get_by_role("button", name="Let it play").wait_for()
        assert page.get_attribute("#record", "aria-pressed") == "true"
        page.get_by_label("Accompany").click()
        page.wait_for_selector("[name=mode][value=accompany]:checked")
        page.keyboard.press("Space")
        page.get_by_role("button", name="Pause the model").wait_for()
        page.locator("#volume").click()
        page.keyboard.press("Space")
        page.get_by_role("button", name="Let it play").wait_for()
        page.focus("#sustain")
        page.keyboard.press("Space")
        page.wait_for_selector("#sustain[aria-pressed=true]")
        assert page.evaluate("document.activeElement.id") == "sustain"
        assert page.inner_text("#play") == "Let it play"


def test_a_tempo_that_the_mouse_sets_leaves_the_letters_to_the_piano(
    browser: Pages, studio: Studio
) -> None:
    with at(browser, studio) as visit:
        page = visit.page
        field = page.locator("#beats-per-minute")
        field.hover()
        box = field.bounding_box()
        assert box
        page.mouse.click(box["x"] + box["width"] - 14, box["y"] + box["height"] / 2 - 4)
        wait(lambda: studio.session.shared_state.controls.tempo > 1)
        page.keyboard.down("KeyZ")
        page.wait_for_selector(".key.human[data-pitch='48']")
        page.keyboard.up("KeyZ")


def test_letters_typed_in_a_list_choose_there_and_do_not_play(
    browser: Pages, studio: Studio
) -> None:
    with at(browser, studio) as visit:
        visit.page.focus("#tonic")
        visit.page.keyboard.down("KeyG")
        assert not visit.page.query_selector(".key.human")
        visit.page.keyboard.up("KeyG")


def test_all_of_it_can_be_reached_and_named_without_a_mouse(browser: Pages, studio: Studio) -> None:
    with at(browser, studio) as visit:
        page = visit.page
        reached = set()
        for _ in range(60):
            page.keyboard.press("Tab")
            reached.add(page.evaluate("document.activeElement.id || document.activeElement.name"))
        wanted = {
            "model",
            "play",
            "record",
            "panic",
            "sustain",
            "metronome",
            "beats-per-minute",
            "quantize",
            "response_delay",
            "max_notes_per_second",
            "tonic",
            "volume",
            "midi",
            "prompt",
            "reset",
        }
        assert wanted <= reached
        nameless = """[...document.querySelectorAll('button, select, input, a, canvas')].filter((element) =>
            element.offsetParent && !(element.textContent.trim() || element.ariaLabel || element.labels?.length))"""
        assert page.evaluate(f"{nameless}.map((element) => element.outerHTML)") == []
        assert page.get_by_role("status").count() == 1
        page.focus("#midi")
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.id") == "prompt"
        outline = "getComputedStyle(document.querySelector('label[for=prompt]')).outlineStyle"
        assert page.evaluate(outline) == "solid", "the hidden field shows its focus at its label"


GERMAN = """() => {
    const letters = new Map([['KeyZ', 'y'], ['KeyY', 'z'], ['Slash', '-'], ['Semicolon', 'ö']]);
    Object.defineProperty(navigator, 'keyboard', { value: { getLayoutMap: async () => letters } });
}"""


def test_keys_have_the_letters_of_the_keyboard_of_the_person(
    browser: Pages, studio: Studio
) -> None:
    with open_with_script(browser, studio.url, f"({GERMAN})()") as visit:
        page = visit.page
        until(page, "document.querySelector('.hint').textContent.includes('Y–-')")
        assert page.inner_text("[data-pitch='48']") == "Y\nC3"
        assert page.inner_text("[data-pitch='64']") == "E"
        page.keyboard.down("KeyZ")
        page.wait_for_selector(".key.human[data-pitch='48']")
        page.keyboard.up("KeyZ")
