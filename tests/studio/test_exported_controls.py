"""The controls of the page of an exported model, in Chromium."""

from pathlib import Path
from typing import Any

import pytest
from browser import Pages, Visit
from studio.test_exported_page import COUNT_NOTES, WATCH, advance, make_model, open_page, wait_for

from pipeline.generation.constraints import allowed_pitches

pytestmark = pytest.mark.slow  # a browser
WATCH_SETTINGS = """() => {
  window.settings = []; // that the worker was sent
  window.pitches = []; // of the notes of the model
  const { ask } = ModelClient.prototype;
  ModelClient.prototype.ask = function (message) {
    if (message.type === "settings") window.settings.push(message.settings);
    return ask.call(this, message);
  };
  const { noteOn } = Synth.prototype;
  Synth.prototype.noteOn = function (pitch, velocity, options) {
    if (options.performer === "model") window.pitches.push(pitch);
    return noteOn.call(this, pitch, velocity, options);
  };
}"""

DRAG_BELOW = """() => {
  for (const value of [99, 95, 90]) { // faster than the worker answers
    const slider = document.getElementById("max_pitch");
    slider.value = value;
    slider.dispatchEvent(new Event("input"));
  }
}"""


def open_watched_page(browser: Pages, path: Path, **changes: object) -> Visit:
    visit = open_page(browser, f"file://{path}", path, make_model(**changes))
    visit.page.evaluate(WATCH_SETTINGS)
    return visit


def get_settings(visit: Visit) -> dict[str, Any]:
    """Return what the sampler of the worker was sent last."""
    settings: dict[str, Any] = visit.page.evaluate("window.settings.at(-1)")
    return settings


def test_the_model_plays_only_notes_of_the_key_and_the_range(
    browser: Pages, tmp_path: Path
) -> None:
    visit = open_watched_page(browser, tmp_path)
    page = visit.page
    page.keyboard.press("Space")
    wait_for(visit, f"{COUNT_NOTES} >= 20")
    allowed = allowed_pitches("Eb minor", 60, 127)
    assert not set(page.evaluate("window.pitches")) <= set(allowed)
    page.locator("#min_pitch").fill("60")
    page.locator("#tonic").select_option("Eb")
    page.locator("#scale").select_option("minor")
    num_notes = page.evaluate(COUNT_NOTES)
    wait_for(visit, f"{COUNT_NOTES} > {num_notes} + 2")  # of which some were drawn before
    page.evaluate("window.pitches = []")
    assert page.inner_text("#latency").startswith("last change acted in")
    wait_for(visit, "window.pitches.length >= 20")
    assert set(page.evaluate("window.pitches")) <= set(allowed)
    assert get_settings(visit)["pitches"] == allowed
    assert visit.complaints == []


def test_a_slider_acts_and_a_reset_undoes_it(browser: Pages, tmp_path: Path) -> None:
    visit = open_watched_page(browser, tmp_path)
    page = visit.page
    names = ["pitch_temperature", "time_temperature", "velocity_temperature"]
    names += ["pitch_top_p", "time_top_p", "velocity_top_p"]
    for name in names:
        page.locator(f"#{name}").press("Home")
        lowest = 0.5 if name.endswith("top_p") else 0.2
        assert get_settings(visit)[name] == lowest
        assert page.get_attribute(f"#{name}", "aria-valuetext") in ("50 %", "0.20")
    page.get_by_role("button", name="Reset").click()
    assert {get_settings(visit)[name] for name in names} == {1}
    assert page.get_attribute("#pitch_temperature", "aria-valuetext") == "1.00"
    assert page.get_attribute("#max_polyphony", "aria-valuetext") == "no limit"
    assert get_settings(visit)["max_polyphony"] == 32  # as in the studio
    page.locator("#beats-per-minute").fill("60")
    page.keyboard.press("Enter")
    assert page.get_by_label("Tempo").count() == 1
    assert page.evaluate("document.activeElement === document.body")
    assert visit.complaints == []


def test_a_range_without_notes_is_refused(browser: Pages, tmp_path: Path) -> None:
    visit = open_watched_page(browser, tmp_path)
    page = visit.page
    page.locator("#min_pitch").fill("100")
    page.locator("#max_pitch").fill("90")
    assert page.inner_text("#status") == "no pitch is allowed; widen the range or change the key"
    page.evaluate(DRAG_BELOW)
    page.locator("#pitch_temperature").press("Home")
    assert get_settings(visit)["pitch_temperature"] == 0.2
    assert get_settings(visit)["max_pitch"] == 127
    assert page.get_attribute("#max_pitch", "aria-valuetext") == "G9"
    assert page.input_value("#min_pitch") == "100"
    assert page.inner_text("#status").startswith("Your turn")


def test_a_worker_that_fails_is_named_when_a_control_changes(
    browser: Pages, tmp_path: Path
) -> None:
    visit = open_watched_page(browser, tmp_path)
    page = visit.page
    page.evaluate(
        "() => { ModelClient.prototype.ask = async () => { throw new Error('model: it ended'); }; }"
    )
    page.locator("#pitch_temperature").press("Home")
    wait_for(visit, "document.getElementById('status').textContent === 'model: it ended'")
    assert visit.complaints == []


def test_a_worker_that_died_is_named_and_the_model_is_paused(
    browser: Pages, tmp_path: Path
) -> None:
    visit = open_page(browser, f"file://{tmp_path}", tmp_path, make_model())
    page = visit.page
    error = "model: its worker did not answer within 20 s; reload the page"
    page.clock.install(time=0)
    page.clock.pause_at(60_000)
    page.evaluate("() => { Worker.prototype.postMessage = () => {}; }")
    page.keyboard.press("Space")
    assert page.inner_text("#status").startswith("The model plays")
    page.clock.fast_forward(20_100)
    for _ in range(2):  # later it is named at once
        wait_for(visit, f"document.getElementById('status').textContent === {error!r}")
        assert page.inner_text("#play") == "Let it play"
        page.keyboard.press("Space")
    assert visit.complaints == []


def test_sound_starts_at_the_end_of_a_touch(browser: Pages, tmp_path: Path) -> None:
    visit = open_watched_page(browser, tmp_path)
    page = visit.page
    page.evaluate(
        "() => { Synth.prototype.start = () => { window.starts = (window.starts ?? 0) + 1; }; }"
    )
    page.locator("h1").dispatch_event("pointerup")
    assert page.evaluate("window.starts") == 1


def test_the_model_answers_after_the_rest_that_is_set(browser: Pages, tmp_path: Path) -> None:
    visit = open_page(browser, f"file://{tmp_path}", tmp_path, make_model())
    page = visit.page
    page.evaluate(WATCH)
    page.clock.install(time=0)
    page.clock.pause_at(60_000)
    page.locator("#response_delay").press("Home")
    page.keyboard.press("KeyQ")
    advance(visit, 0.25)
    assert page.inner_text("#status").startswith("Your turn")
    advance(visit, 0.1)
    assert page.inner_text("#status").startswith("The model plays")


def test_the_model_answers_a_note_that_the_pedal_of_the_person_holds(
    browser: Pages, tmp_path: Path
) -> None:
    visit = open_page(browser, f"file://{tmp_path}", tmp_path, make_model())
    page = visit.page
    page.evaluate(WATCH)
    page.clock.install(time=0)
    page.clock.pause_at(60_000)
    page.get_by_role("button", name="Sustain").click()
    page.keyboard.press("KeyQ")
    advance(visit, 19)
    assert page.inner_text("#status").startswith("Your turn")
    advance(visit, 1.1)
    assert page.inner_text("#status").startswith("The model plays")


@pytest.mark.parametrize("has_all", [True, False])
def test_only_controls_that_act_on_the_model_are_shown(
    browser: Pages, tmp_path: Path, has_all: bool
) -> None:
    visit = open_watched_page(browser, tmp_path, model_velocity=has_all, recall=has_all)
    for name in ("velocity_temperature", "velocity_top_p", "recall_bonus"):
        assert visit.page.locator(f"#{name}").is_visible() == has_all
    assert visit.page.locator("#pitch_temperature").is_visible()
    assert "call and response" not in (visit.page.text_content("body > main") or "").lower()
