"""The list of takes of the page, in a browser."""

import io
import time
import wave
from pathlib import Path

import numpy as np
import pytest
from browser import Pages
from playwright.sync_api import Route
from studio.conftest import Studio
from studio.test_page import SIZES, at, until

from pipeline.live.recorder import HUMAN, MODEL, Recorder

pytestmark = pytest.mark.slow  # a browser


def add_take(studio: Studio, seconds: float = 3.0) -> None:
    """Add a take of a person's C, and the model's E from 1 s on."""
    recording = Recorder()
    recording.add(HUMAN, 0.0, 0.8, 60, 90)
    recording.add(MODEL, 1.0, seconds - 1.0, 64, 90)
    studio.session.takes.add(recording, seconds)


def test_a_take_is_replayed_and_the_model_rests_meanwhile(browser: Pages, studio: Studio) -> None:
    add_take(studio)
    with at(browser, studio) as visit:
        page = visit.page
        page.get_by_role("button", name="Replay", exact=True).click()
        page.wait_for_selector(".key.human[data-pitch='60']")
        assert page.inner_text("#play") == "Let it play"
        page.wait_for_selector(".key.model[data-pitch='64']")
        page.get_by_role("button", name="Replay", exact=True).wait_for()
        until(page, "document.getElementById('play').textContent === 'Pause the model'")
        assert not page.query_selector(".key.human, .key.model")


@pytest.mark.parametrize("gesture", ["Escape", "button"])
def test_a_take_that_plays_is_stopped(browser: Pages, studio: Studio, gesture: str) -> None:
    add_take(studio, 600.0)
    with at(browser, studio) as visit:
        page = visit.page
        page.get_by_role("button", name="Replay", exact=True).click()
        page.wait_for_selector(".key.model[data-pitch='64']")
        if gesture == "Escape":
            page.keyboard.press("Escape")
        else:
            page.locator("#takes").get_by_role("button", name="Stop", exact=True).click()
        page.get_by_role("button", name="Replay", exact=True).wait_for()
        until(page, "!document.querySelector('.key.human, .key.model')")
        paused = "Let it play" if gesture == "Escape" else "Pause the model"
        until(page, f"document.getElementById('play').textContent === '{paused}'")


def test_a_take_is_renamed_kept_and_discarded(browser: Pages, studio: Studio) -> None:
    add_take(studio)
    with at(browser, studio) as visit:
        page = visit.page
        name = page.get_by_label("Name of the take")
        name.fill("a/b")
        name.press("Enter")
        page.wait_for_selector("#toast:not([hidden])")
        assert name.input_value() == "Take 1"
        name.fill("Waltz")
        assert not page.query_selector(".key.human"), "letters of a name are not played"
        name.press("Enter")
        until_name(studio, "Waltz")
        assert "2 notes, 3.0 s" in page.inner_text("#takes")
        page.get_by_role("button", name="Keep", exact=True).click()
        page.get_by_role("button", name="Kept", exact=True).wait_for()
        page.get_by_role("button", name="Discard", exact=True).click()
        page.wait_for_selector("#takes-card", state="hidden")


def until_name(studio: Studio, name: str) -> None:
    end = time.monotonic() + 10
    while studio.session.takes.describe()[0].name != name and time.monotonic() < end:
        time.sleep(0.02)
    assert studio.session.takes.describe()[0].name == name


def test_a_take_is_downloaded_as_sound(browser: Pages, studio: Studio, tmp_path: Path) -> None:
    """The notes sound where the take has them: also beyond the first chunk that is rendered."""
    recording = Recorder()
    recording.add(HUMAN, 0.5, 0.5, 60, 90)
    recording.add(MODEL, 7.0, 0.5, 64, 90)
    studio.session.takes.add(recording, 8.0)
    with at(browser, studio, accept_downloads=True) as visit:
        with visit.page.expect_download() as downloaded:
            visit.page.get_by_role("button", name="WAV", exact=True).click()
        assert downloaded.value.suggested_filename == "Take 1.wav"
        downloaded.value.save_as(tmp_path / "take.wav")
    with wave.open(io.BytesIO((tmp_path / "take.wav").read_bytes())) as sound:
        assert (sound.getnchannels(), sound.getframerate(), sound.getsampwidth()) == (2, 44100, 2)
        assert sound.getnframes() == pytest.approx(9.5 * 44100, abs=1)
        samples = np.frombuffer(sound.readframes(sound.getnframes()), np.int16).reshape(-1, 2)
    loudness = [int(abs(part).max()) for part in np.array_split(samples, 19)]  # of half seconds
    assert loudness[0] == 0
    assert loudness[1] > 1000
    assert loudness[14] > 1000
    assert max(loudness[10:13]) < loudness[1] / 50
    assert loudness[18] < loudness[14] / 10


def test_buttons_of_a_take_are_explained_on_a_touch_screen(browser: Pages, studio: Studio) -> None:
    add_take(studio)
    with at(browser, studio, viewport=SIZES["phone"], has_touch=True, is_mobile=True) as visit:
        help_text = visit.page.inner_text("#button-help")
        names = visit.page.locator("#takes button").all_text_contents()
        assert len(names) >= 5
        assert [name for name in names if name not in help_text] == []
        assert visit.page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_a_recording_without_notes_is_named(browser: Pages, studio: Studio) -> None:
    with at(browser, studio) as visit:
        page = visit.page
        page.get_by_role("button", name="Record").click()
        page.get_by_role("button", name="Stop (0)").click()
        page.wait_for_selector("#toast:not([hidden])")
        assert "has no notes, so there is no take" in page.inner_text("#toast")
        assert page.is_hidden("#takes-card")


def test_a_take_that_still_loads_does_not_play_after_escape(browser: Pages, studio: Studio) -> None:
    add_take(studio)
    routes: list[Route] = []
    with at(browser, studio) as visit:
        page = visit.page
        page.route("**/takes/*.json", lambda route: routes.append(route))
        page.get_by_role("button", name="Replay", exact=True).click()
        while not routes:
            page.wait_for_timeout(20)
        page.keyboard.press("Escape")
        with page.expect_response("**/takes/*.json"):
            routes[0].continue_()
        page.wait_for_timeout(1000)  # a take begins 0.6 s after the click
        assert page.get_by_role("button", name="Replay", exact=True).is_visible()
        assert not page.query_selector(".key.human, .key.model")


def test_escape_leaves_the_name_of_a_take_as_it_was(browser: Pages, studio: Studio) -> None:
    add_take(studio)
    with at(browser, studio) as visit:
        name = visit.page.get_by_label("Name of the take")
        name.fill("Waltz")
        name.press("Escape")
        assert name.input_value() == "Take 1"
        visit.page.wait_for_timeout(200)
        assert visit.page.evaluate("document.activeElement === document.body")
        assert studio.session.takes.describe()[0].name == "Take 1"
