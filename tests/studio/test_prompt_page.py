"""A file to go on from, in a browser: dragged in, drawn, with its length."""

import base64
from pathlib import Path

import pytest
from browser import Pages
from factories import make_music
from studio.conftest import Studio
from studio.test_page import at, until

from pipeline.midi import writer
from pipeline.studio.app import MAX_PROMPT_BYTES, STATIC_DIR

pytestmark = pytest.mark.slow  # a browser
DRAG = """([type, data, name]) => {
    const bytes = Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0));
    const dataTransfer = new DataTransfer();
    dataTransfer.items.add(new File([bytes], name));
    const event = new DragEvent(type, { dataTransfer, bubbles: true, cancelable: true });
    return document.getElementById('roll').dispatchEvent(event);
}"""
"""Drag a file over the page, or drop it; false if the browser is not to open it."""
COUNT_INKED = """(() => {
    const canvas = document.getElementById('prompt-roll');
    const pixels = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
    return pixels.filter((value, index) => index % 4 === 3 && value > 0).length;
})()"""


def test_a_file_that_is_dropped_is_drawn_with_its_length(
    browser: Pages, studio: Studio, in_folder: Path
) -> None:
    music = make_music(1, 600)
    writer.write_notes(music, in_folder / "waltz.mid")
    data = base64.b64encode((in_folder / "waltz.mid").read_bytes()).decode()
    with at(browser, studio) as visit:
        page = visit.page
        assert page.is_hidden("#prompt-roll")
        assert page.evaluate(DRAG, ["dragover", data, "waltz.mid"]) is False
        assert page.get_attribute("body", "class") == "dragging"
        assert page.evaluate(DRAG, ["drop", data, "waltz.mid"]) is False
        assert page.get_attribute("body", "class") == ""
        until(page, "document.getElementById('prompt-text').textContent.includes('notes')")
        text = page.inner_text("#prompt-text")
        assert text.startswith("waltz.mid: 600 notes, ")
        assert "The model read the last 512 notes, " in text
        assert "512 notes from " in (page.get_attribute("#prompt-roll", "aria-label") or "")
        assert page.evaluate(COUNT_INKED) > 500
        until(page, "document.querySelector('[name=mode][value=solo]').checked")


def test_a_file_that_is_no_midi_is_refused_in_words(browser: Pages, studio: Studio) -> None:
    visit = browser.open(studio.url)
    visit.page.wait_for_selector("#model option", state="attached")
    data = base64.b64encode(b"not a MIDI file").decode()
    visit.page.evaluate(DRAG, ["drop", data, "photo.jpg"])
    visit.page.wait_for_selector("#toast:not([hidden])")
    assert visit.page.inner_text("#toast") == (
        'The model cannot play on from photo.jpg: starts with "not ", not with MThd'
    )
    assert visit.page.is_hidden("#prompt-roll")
    assert visit.page.is_hidden("#prompt-text")
    visit.page.context.close()


def test_a_file_that_is_too_large_is_not_sent(browser: Pages, studio: Studio) -> None:
    with at(browser, studio) as visit:
        page = visit.page
        data = base64.b64encode(bytes(MAX_PROMPT_BYTES + 1)).decode()
        page.evaluate(DRAG, ["drop", data, "symphony.mid"])
        page.wait_for_selector("#toast:not([hidden])")
        assert page.inner_text("#toast") == (
            "The model cannot play on from symphony.mid: "
            "the file has more than 1 MB; choose a smaller MIDI file"
        )
        assert page.is_hidden("#prompt-text")
    source = (STATIC_DIR / "promptFile.js").read_text("utf-8")
    assert f"MAX_BYTES = 1 << {MAX_PROMPT_BYTES.bit_length() - 1};" in source


def test_a_program_that_is_gone_is_named_and_the_text_before_stays(
    browser: Pages, studio: Studio
) -> None:
    visit = browser.open(studio.url)
    page = visit.page
    page.wait_for_selector("#model option", state="attached")
    page.route("**/prompt", lambda route: route.abort())
    page.evaluate(DRAG, ["drop", "", "waltz.mid"])
    page.wait_for_selector("#toast:not([hidden])")
    assert page.inner_text("#toast").endswith("does not answer. Is it still running?")
    assert page.is_hidden("#prompt-text")
    page.context.close()
